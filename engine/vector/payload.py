"""A memory version as text pieces that fit a table's columns, and back. Pure."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import fields
from typing import Any

from engine.types import Doubt, Entity, Flag, MemoryVersion, Relation, Scope

PIECE_CHARS = 60_000

_FIELDS = tuple(field.name for field in fields(MemoryVersion))
_PARTS = {kind: tuple(field.name for field in fields(kind)) for kind in (Scope, Entity, Relation, Flag)}


def pack(version: MemoryVersion) -> list[str]:
    """The version as ASCII JSON (so a character is a byte), cut into pieces of at most `PIECE_CHARS`."""
    text = _JSON.encode({name: getattr(version, name) for name in _FIELDS})
    return [text[at : at + PIECE_CHARS] for at in range(0, len(text), PIECE_CHARS)]


def unpack(pieces: Sequence[str]) -> MemoryVersion:
    """The version that `pack` cut."""
    raw: dict[str, Any] = json.loads("".join(pieces))
    entities = raw["entities"]
    made = {
        "scope": Scope(**raw["scope"]),
        "categories": tuple(raw["categories"]),
        "entities": None if entities is None else tuple(Entity(**entity) for entity in entities),
        "relations": tuple(Relation(**relation) for relation in raw["relations"]),
        "origin": None if raw.get("origin") is None else tuple(raw["origin"]),
        "sources": tuple(raw.get("sources") or ()),
        "flag": None if raw.get("flag") is None else Flag(Doubt(raw["flag"]["doubt"]), raw["flag"]["memory_id"]),
    }
    return MemoryVersion(**{**raw, **made})


def _plain(value: Any) -> Any:
    """What JSON has no word for: the small dataclasses, and mappings other than dict."""
    names = _PARTS.get(type(value))
    return dict(value) if names is None else {name: getattr(value, name) for name in names}


_JSON = json.JSONEncoder(default=_plain, separators=(",", ":"))
