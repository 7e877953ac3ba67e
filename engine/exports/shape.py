"""A JSON Schema that a caller sent, once it is known to be one that can be held in bounded time."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from jsonschema import Draft202012Validator
from jsonschema.exceptions import SchemaError
from referencing import Registry
from referencing.exceptions import Unresolvable

from engine.errors import InvalidInput, TooLarge
from engine.types import Json

_MOST_BYTES: Final = 32_768
_MOST_PARTS: Final = 1_000
"""Of a schema with its references written out."""
_MOST_DEPTH: Final = 32
_REFUSED: Final = ("pattern", "patternProperties", "$dynamicRef", "$recursiveRef", "$id", "$anchor", "$dynamicAnchor")
_OF_NAMES: Final = frozenset({"properties", "$defs", "definitions", "dependentSchemas"})
_HERE: Final = "#/"


@dataclass(frozen=True, slots=True)
class Shape:
    """A schema, JSON Schema 2020-12, whose references all lie in it and none in a circle."""

    schema: Json

    def resolved(self, part: Any) -> Json:
        """A part of it; what it refers to, if that is all that it does."""
        while isinstance(part, Mapping) and "$ref" in part:
            part = {**_target(self.schema, part["$ref"]), **{key: part[key] for key in part if key != "$ref"}}
        return dict(part) if isinstance(part, Mapping) else {}

    def fits(self, value: Any) -> bool:
        """Whether a value follows it."""
        return bool(Draft202012Validator(self.schema, registry=Registry()).is_valid(value))


def shape_of(raw: object) -> Shape:
    """A schema as its caller sent it: an object, or the JSON text of one.

    Raises:
        InvalidInput: it is no schema, or can't be held: it refers to something outside or to itself, or has patterns,
            which can take for ever.
        TooLarge: it is larger, deeper or says more than is allowed.
    """
    if isinstance(raw, str):
        try:
            raw = json.loads(raw)
        except (ValueError, RecursionError):
            raise _wrong("schema should be a JSON Schema, as an object") from None
    if not isinstance(raw, Mapping):
        raise _wrong("schema should be a JSON Schema, as an object")
    size = len(json.dumps(raw).encode())
    if size > _MOST_BYTES:
        raise TooLarge(f"schema has {size} bytes, at most {_MOST_BYTES}", {"field": "schema", "limit": _MOST_BYTES})
    schema = dict(raw)
    _Parts(schema).count(schema, 0, ())
    try:
        Draft202012Validator.check_schema(schema)
    except SchemaError as error:
        raise _wrong(f"schema is no JSON Schema: {error.message[:200]}") from error
    except (Unresolvable, RecursionError) as error:
        raise _wrong("schema can't be read") from error
    return Shape(schema)


class _Parts:
    """Counts a schema with its references written out, each of them once."""

    def __init__(self, schema: Json) -> None:
        self._schema = schema
        self._known: dict[str, int] = {}

    def count(self, part: Any, depth: int, under_way: tuple[str, ...], *, is_named: bool = False) -> int:
        """How many parts there are. `is_named`: it is schemas by names that may be any. Raises InvalidInput and
        TooLarge."""
        if depth > _MOST_DEPTH:
            raise TooLarge(f"schema nests deeper than {_MOST_DEPTH}", {"field": "schema", "limit": _MOST_DEPTH})
        if isinstance(part, list):
            total = 1 + sum(self.count(one, depth + 1, under_way) for one in part)
        elif isinstance(part, Mapping):
            if not is_named and (refused := [word for word in _REFUSED if word in part]):
                raise _wrong(f"schema has {refused[0]}, which exports don't take")
            total = 1 + sum(
                self.count(one, depth + 1, under_way, is_named=not is_named and name in _OF_NAMES)
                for name, one in part.items()
            )
            if not is_named and "$ref" in part:
                total += self._referred(part["$ref"], depth, under_way)
        else:
            return 1
        if total > _MOST_PARTS:
            raise TooLarge(f"schema has more than {_MOST_PARTS} parts", {"field": "schema", "limit": _MOST_PARTS})
        return total

    def _referred(self, reference: Any, depth: int, under_way: tuple[str, ...]) -> int:
        if not isinstance(reference, str):
            raise _wrong("schema has a $ref that is no text")
        if reference in under_way:
            raise _wrong("schema refers to itself, which exports don't take")
        if reference not in self._known:
            target = _target(self._schema, reference)
            self._known[reference] = self.count(target, depth + 1, (*under_way, reference))
        return self._known[reference]


def _target(schema: Json, reference: object) -> Json:
    if not isinstance(reference, str) or not reference.startswith(_HERE):
        raise _wrong("schema refers to something outside of it; write it into $defs")
    found: Any = schema
    for name in reference.removeprefix(_HERE).split("/"):
        found = found.get(name.replace("~1", "/").replace("~0", "~")) if isinstance(found, Mapping) else None
    if not isinstance(found, Mapping):
        raise _wrong("schema refers to something that it hasn't")
    return dict(found)


def _wrong(message: str) -> InvalidInput:
    return InvalidInput(message, {"field": "schema"})
