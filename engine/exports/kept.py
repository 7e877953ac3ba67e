"""The exports that a project has asked for: what is wanted, and no memory. Pure."""

from __future__ import annotations

from typing import Final

from engine.types import Json

MOST: Final = 100
"""How many are kept of a project; the oldest go."""


def with_new(kept: Json, export: Json) -> Json:
    """The exports by their ids, and one more."""
    newest = sorted((*kept.values(), export), key=lambda one: one["created_at_us"])[-MOST:]
    return {one["id"]: one for one in newest}


def found(kept: Json, export_id: str | None, scope: Json, filters: Json | None) -> Json | None:
    """The export of that id, or the newest with equal filters; only one that was asked for with the same ids beside."""
    for one in sorted(kept.values(), key=lambda each: each["created_at_us"], reverse=True):
        is_meant = one["id"] == export_id if export_id is not None else one["filters"] == filters
        if is_meant and one["scope"] == scope:
            return dict(one)
    return None
