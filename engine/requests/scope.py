"""The scope of a request."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from engine import filters
from engine.config import LimitSettings
from engine.errors import InvalidInput, TooLarge
from engine.types import SCOPE_FIELDS, Scope

SCOPE = frozenset(SCOPE_FIELDS)


def scope_of(fields: Mapping[str, Any], limits: LimitSettings) -> Scope:
    """The ids of a request: at least one."""
    given = {name: scope_id_of(fields[name], name, limits) for name in SCOPE_FIELDS if fields.get(name) is not None}
    if not given:
        raise InvalidInput("at least one of user_id, agent_id, app_id, run_id is needed", {"field": "user_id"})
    return Scope(**given)


def named_scope_of(fields: Mapping[str, Any], limits: LimitSettings) -> Scope:
    """A scope to look into: "*" would be an id like any other here, which is not what it says."""
    scope = scope_of(fields, limits)
    for name, value in scope.ids().items():
        if value == "*":
            raise InvalidInput(f'{name} should be one id here, not "*"', {"field": name})
    return scope


def scope_id_of(raw: object, name: str, limits: LimitSettings) -> str:
    """One id of a scope, in the form in which it is kept."""
    value = filters.entity_id(raw, name)
    if len(value) > limits.id_chars:
        raise TooLarge(f"{name} has more than {limits.id_chars} characters", {"field": name, "limit": limits.id_chars})
    if not value.isprintable():
        raise InvalidInput(f"{name} holds control characters", {"field": name})
    return value.strip()
