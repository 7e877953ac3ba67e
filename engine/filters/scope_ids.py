"""Ids of users, agents, apps and runs, and what they are called in filters."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from engine.errors import InvalidInput
from engine.filters.checks import string_of
from engine.filters.refusals import shown, wrong
from engine.filters.tree import Compare, Filter, Op, conjunction
from engine.types import ScopeField

SCOPE_NAMES: Final[dict[str, ScopeField]] = {
    "user_id": "user_id",
    "agent_id": "agent_id",
    "app_id": "app_id",
    "run_id": "run_id",
    "session_id": "run_id",
    "userId": "user_id",
    "agentId": "agent_id",
    "appId": "app_id",
    "runId": "run_id",
    "sessionId": "run_id",
}
_ID_BITS: Final = 64


def entity_id(raw: Any, what: str) -> str:
    """`raw` as a user, agent, app or run id; an integer counts as its string.

    Raises:
        InvalidInput: it is blank, "*", no string, or holds NUL or half a surrogate pair.
    """
    if isinstance(raw, int) and not isinstance(raw, bool) and raw.bit_length() <= _ID_BITS:
        return str(raw)
    value = string_of(raw, what)
    if not value.strip() or value == "*":
        raise wrong(what, f"{what} should be a non-empty id")
    return value


def equals_id(name: ScopeField, value: Any) -> Filter:
    """`name == value`; "*" is any id."""
    return Compare(name, Op.PRESENT, None) if value == "*" else Compare(name, Op.EQ, entity_id(value, name))


def scope_filter(scope: Mapping[str, Any]) -> Filter:
    """The AND of `field == id` over the given ids; None counts as not given, "*" as "has such an id".

    Raises:
        InvalidInput: a key is no scope id, or an id is blank or no string.
    """
    parts: list[Filter] = []
    for key, raw in scope.items():
        name = SCOPE_NAMES.get(key)
        if name is None:
            raise InvalidInput(f"{shown(key)} is not a scope id", {"field": shown(key)})
        if raw is not None:
            parts.append(equals_id(name, raw))
    return conjunction(*parts)
