"""What `serve run serve_app.app:build` and a Serve configuration file name."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ray import serve

from engine.config import load
from serve_app.deployment import deploy


def build(args: dict[str, str] | None = None) -> serve.Application:
    """The application. `args` are settings by their dotted names: `runtime.replicas=2 limits.body_bytes=1000000`.

    What is not given comes from the environment and `remora.toml`, as everywhere. The actors have to run already.
    A key is needed for any bind but loopback; who starts the proxy checks that with `serve_app.auth.check_bind`.

    Raises:
        InvalidInput: a setting is wrong.
    """
    return deploy(load(**nested(args or {})))


def nested(args: Mapping[str, str]) -> dict[str, Any]:
    """Dotted names as sections: `{"runtime.replicas": "2"}` becomes `{"runtime": {"replicas": "2"}}`."""
    flags: dict[str, Any] = {}
    for name, value in args.items():
        section, dot, rest = name.partition(".")
        if dot:
            flags.setdefault(section, {})[rest] = value
        else:
            flags[section] = value
    return flags
