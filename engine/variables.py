"""The environment variables that mean something to Remora, and those that only look so. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from difflib import get_close_matches

from pydantic import BaseModel

from engine.config import Settings

PREFIX = "REMORA_"
OTHERS = frozenset({"REMORA_URL", "REMORA_API_KEY", "REMORA_FAULTS"})
"""Read outside the settings: by the command line, by clients, and by tests."""


def variable_of(setting: str) -> str:
    """The variable of a setting: `embed.model` is `REMORA_EMBED_MODEL`."""
    return f"{PREFIX}{setting}".replace(".", "_").upper()


def known() -> frozenset[str]:
    """Every variable that is read."""
    found = set(OTHERS)
    for name, setting in Settings.model_fields.items():
        found.add(f"{PREFIX}{name}".upper())
        kind = setting.annotation
        if isinstance(kind, type) and issubclass(kind, BaseModel):
            found.update(f"{PREFIX}{name}_{inner}".upper() for inner in kind.model_fields)
    return frozenset(found)


def unknown_variables(names: Iterable[str]) -> Mapping[str, str | None]:
    """Those of `names` that begin like ours and that nobody reads, each with the one that was perhaps meant."""
    ours = known()
    strange = sorted(name for name in names if name.upper().startswith(PREFIX) and name.upper() not in ours)
    return {name: _nearest(name.upper(), ours) for name in strange}


def unknown_settings(table: Mapping[str, object]) -> Mapping[str, str | None]:
    """The same for the keys of a `remora.toml`; those inside its sections are checked when it is loaded."""
    ours = frozenset(Settings.model_fields)
    return {name: _nearest(name, ours) for name in sorted(table) if name not in ours}


def _nearest(name: str, ours: Iterable[str]) -> str | None:
    return next(iter(get_close_matches(name, sorted(ours), n=1, cutoff=0.75)), None)
