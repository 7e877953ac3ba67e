"""Whose memories a request of Mem0's is about, wherever it says so. Pure."""

from __future__ import annotations

import ast
import json
from collections.abc import Mapping
from typing import Any

from engine.errors import InvalidInput
from engine.filters.scope_ids import SCOPE_NAMES
from engine.types import SCOPE_FIELDS, Json, ScopeField

ENTITY_TYPES: dict[str, ScopeField] = {"user": "user_id", "agent": "agent_id", "app": "app_id", "run": "run_id"}
_MOST_CHARS = 4096


def scope_of_add(body: Json) -> Json:
    """The ids of an add: of its `filters`, and of its top level, which win.

    Raises:
        InvalidInput: `filters` hold something else than ids.
    """
    return ids_in(body.get("filters")) | {name: body[name] for name in SCOPE_FIELDS if body.get(name) is not None}


def ids_in(filters: object) -> Json:
    """The ids that `filters` consist of, each under its name of the four.

    Raises:
        InvalidInput: they are no object, or say anything but ids.
    """
    if filters is None:
        return {}
    if not isinstance(filters, Mapping):
        raise InvalidInput("filters should be an object", {"field": "filters"})
    found: Json = {}
    for key, value in filters.items():
        name = SCOPE_NAMES.get(key)
        if name is None:
            raise InvalidInput(
                f"filters can name {', '.join(SCOPE_FIELDS)} here and nothing else, not {key!a}",
                {"field": f"filters.{key!a}"},
            )
        if found.get(name, value) != value:
            raise InvalidInput(f"filters name two values of {name}", {"field": "filters"})
        if value is not None:
            found[name] = value
    return found


def ids_in_text(filters: str) -> Json:
    """The same of `filters` in a query: JSON, or what Python's SDK makes of a dict there.

    Raises:
        InvalidInput: it is neither, or says anything but ids.
    """
    return ids_in(_object(filters))


def field_of_entity(kind: str) -> ScopeField:
    """The id that entities of a type have.

    Raises:
        InvalidInput: there is no such type.
    """
    if kind not in ENTITY_TYPES:
        raise InvalidInput(f"entity type should be one of {', '.join(ENTITY_TYPES)}", {"field": "entity_type"})
    return ENTITY_TYPES[kind]


def _object(text: str) -> Any:
    if len(text) <= _MOST_CHARS:
        try:
            return json.loads(text)
        except (ValueError, RecursionError):
            pass
        try:
            return ast.literal_eval(text)
        except (ValueError, SyntaxError, TypeError, MemoryError, RecursionError):
            pass
    raise InvalidInput("filters should be an object of ids, as {'user_id': 'ana'}", {"field": "filters"})
