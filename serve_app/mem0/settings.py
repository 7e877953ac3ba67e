"""A project's settings as Mem0 names them, and as Remora keeps them. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from engine.errors import InvalidInput
from engine.types import Json
from serve_app.errors import NotBuilt

_HELD: Final = ("custom_instructions", "custom_categories")
_OWN: Final = ("includes", "excludes")
"""What Remora keeps beside them, and Mem0 knows nothing of."""
_HARMLESS: Final = frozenset({"enable_graph", "version", "org_id", "project_id", "source"})


def shown(known: Mapping[str, Any]) -> Json:
    """What is set, of what `MemoryApi.inference` tells; null: nothing."""
    return {name: known[name] or None for name in _HELD}


def changed(known: Mapping[str, Any], body: Mapping[str, Any]) -> Json:
    """What `MemoryApi.set_inference` takes after a change: what the body doesn't name is as it was.

    Raises:
        InvalidInput: the body names nothing.
        NotBuilt: it sets what Remora hasn't.
    """
    asked = {name: value for name, value in body.items() if name not in _HARMLESS}
    unknown = sorted(str(name) for name, value in asked.items() if name not in _HELD and value is not None)
    if unknown:
        raise NotBuilt(f"a project has no {unknown[0]} here; it has {' and '.join(_HELD)}, and nothing was changed")
    if not any(name in asked for name in _HELD):
        raise InvalidInput(f"nothing to change: name {' or '.join(_HELD)}", {"fields": [*_HELD]})
    kept: Json = {name: known[name] for name in (*_HELD, *_OWN)}
    if known["policy"] != known["server"]["policy"]:
        kept["policy"] = known["policy"]
    kept |= {name: asked[name] for name in _HELD if name in asked}
    return {name: value for name, value in kept.items() if value}
