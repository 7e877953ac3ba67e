"""An object that follows a schema, made of memories without a language model: by the names of its properties."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from engine.errors import InvalidInput
from engine.exports.shape import Shape
from engine.types import Json

_TEXT: Final = frozenset({"memory", "text", "content", "fact", "data", "value", "description"})
"""Names for what a memory says."""
_COUNT: Final = frozenset({"count", "total", "total_memories", "number_of_memories"})
_NOTHING: Final = object()
_CHOICES: Final = ("anyOf", "oneOf", "allOf")


def filled(shape: Shape, memories: Sequence[Json]) -> Any:
    """An object of all the memories, in their order.

    An array of objects has one for each memory, filled by the names of its properties: fields of a memory, or keys of
    its metadata. An array of strings has their texts. What has no such name is left out, or is its default or null.

    Raises:
        InvalidInput: what the schema demands can't be had so.
    """
    made = _whole(shape, shape.resolved(shape.schema), memories)
    if made is _NOTHING or not shape.fits(made):
        raise InvalidInput(
            "this schema can't be filled from memories by the names of its properties: use arrays of objects with "
            "fields of a memory (memory, id, user_id, created_at, categories, metadata, ...) or keys of its metadata, "
            "arrays of strings, and optional properties beside them",
            {"field": "schema"},
        )
    return made


def _whole(shape: Shape, part: Json, memories: Sequence[Json], name: str = "") -> Any:
    """What stands for all memories."""
    for one in _readings(shape, part):
        kind = one.get("type")
        if kind == "array":
            items = shape.resolved(one.get("items", {}))
            rows = [_single(shape, items, memory, "memory") for memory in memories]
            return _NOTHING if any(row is _NOTHING for row in rows) else rows
        if kind == "object" or "properties" in one:
            return _object(one, lambda key, value: _whole(shape, value, memories, key))
        if kind == "integer" and name in _COUNT:
            return len(memories)
    return _absent(shape, part)


def _single(shape: Shape, part: Json, memory: Json, name: str) -> Any:
    """What stands for one memory, or for one thing of it."""
    held = _held(memory, name)
    for one in _readings(shape, part):
        if (one.get("type") == "object" or "properties" in one) and not isinstance(held, Mapping):
            return _object(one, lambda key, value: _single(shape, value, memory, key))
        if held is not _NOTHING and _is_of(one.get("type"), held):
            return held
    return _absent(shape, part)


def _object(part: Json, fill: Any) -> Any:
    made: Json = {}
    for name, value in part.get("properties", {}).items():
        filled_in = fill(name, value)
        if filled_in is not _NOTHING:
            made[name] = filled_in
    return made if all(name in made for name in part.get("required", ())) else _NOTHING


def _held(memory: Json, name: str) -> Any:
    if name in _TEXT and name not in (memory.get("metadata") or {}):
        return memory["memory"]
    if memory.get(name) is not None:
        return memory[name]
    metadata = memory.get("metadata") or {}
    return metadata.get(name, _NOTHING) if isinstance(metadata, Mapping) else _NOTHING


def _readings(shape: Shape, part: Any) -> list[Json]:
    """A part, and what it may be instead."""
    part = shape.resolved(part)
    found = [part]
    for word in _CHOICES:
        for one in part.get(word, ()):
            found += _readings(shape, one)
    return found


def _absent(shape: Shape, part: Any) -> Any:
    """What stands where there is nothing: a default, or null where that may be."""
    part = shape.resolved(part)
    if "default" in part:
        return part["default"]
    return None if any(_is_of(one.get("type"), None) and "type" in one for one in _readings(shape, part)) else _NOTHING


def _is_of(kind: Any, value: Any) -> bool:
    """Whether a value is of a JSON type, or of one of several; None: any."""
    kinds = kind if isinstance(kind, list) else [kind]
    return any(_IS[one](value) for one in kinds if one in _IS)


_IS: Final[Mapping[Any, Any]] = {
    None: lambda _: True,
    "string": lambda value: isinstance(value, str),
    "integer": lambda value: isinstance(value, int) and not isinstance(value, bool),
    "number": lambda value: isinstance(value, int | float) and not isinstance(value, bool),
    "boolean": lambda value: isinstance(value, bool),
    "array": lambda value: isinstance(value, list),
    "object": lambda value: isinstance(value, Mapping),
    "null": lambda value: value is None,
}
