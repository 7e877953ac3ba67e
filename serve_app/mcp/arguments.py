"""What a tool's arguments mean as fields of a verb. Pure. Their values are checked by the engine."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from engine import filters
from engine.errors import InvalidInput
from engine.types import SCOPE_FIELDS, Json
from serve_app.bodies import parse

_HARMLESS = frozenset(
    {"async_mode", "enable_graph", "keyword_search", "latest_only", "org_id", "output_format", "project_id", "source"}
    | {"version"}
)
"""What clients of Mem0 add to calls, and nothing depends on here: the graph always takes part."""
_OBJECTS = frozenset({"filters", "metadata"})
_WHOLE_NUMBERS = frozenset({"limit", "top_k", "page", "page_size"})


def checked(given: Mapping[str, Any] | None, known: Iterable[str], required: Iterable[str]) -> Json:
    """The arguments that were given, with objects and numbers as such where a model has written them as text.

    Null is as good as nothing. A name that isn't known is refused: without it, a call could mean more than was said.

    Raises:
        InvalidInput: one is unknown, or a required one is missing.
    """
    names = frozenset(known)
    unknown = sorted(set(given or {}) - names - _HARMLESS)
    if unknown:
        takes = ", ".join(sorted(names)) or "no arguments"
        raise InvalidInput(f"unknown argument {unknown[0]!r}; this tool takes {takes}", {"field": unknown[0]})
    found = {name: _plain(name, value) for name, value in (given or {}).items() if name in names and value is not None}
    for name in required:
        if name not in found:
            raise InvalidInput(f"{name} is needed", {"field": name})
    return found


def scope_in(arguments: Json) -> Json:
    """The ids among the arguments."""
    return {name: arguments[name] for name in SCOPE_FIELDS if name in arguments}


def owned(arguments: Json, user: str) -> Json:
    """The ids of something new: those given; `user`'s without any."""
    return scope_in(arguments) or {"user_id": user}


def asked(arguments: Json, user: str) -> Json:
    """Which memories are meant: the ids and `filters`, as the verbs take them; `user`'s where neither names an id.

    Raises:
        InvalidInput: the filter can't be read.
    """
    meant = scope_in(arguments)
    given = arguments.get("filters")
    if given:
        meant["filters"] = given
    if not scope_in(arguments) and not (given and _names_a_scope(given)):
        meant["user_id"] = user
    return meant


def _names_a_scope(given: Any) -> bool:
    if not isinstance(given, Mapping):
        raise InvalidInput("filters should be an object", {"field": "filters"})
    return filters.has_positive_scope(filters.parse(given))


def _plain(name: str, value: Any) -> Any:
    if name in _OBJECTS and isinstance(value, str):
        return parse(value, name)
    if name in _WHOLE_NUMBERS:
        return _whole(value)
    return value


def _whole(value: Any) -> Any:
    if isinstance(value, str) and value.isascii() and value.isdecimal() and len(value) < 10:
        return int(value)
    if isinstance(value, float) and value.is_integer():
        return int(value)
    return value
