"""Requests about operations."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from engine import ids
from engine.config import LimitSettings
from engine.errors import InvalidInput
from engine.requests.call import CALL_FIELDS, Call, key_of, parse_call
from engine.requests.lists import parse_page
from engine.requests.scope import SCOPE, named_scope_of
from engine.types import SCOPE_FIELDS, OperationState, Scope
from engine.values import flag_of


@dataclass(frozen=True, slots=True)
class OperationsRequest:
    """A page of operations. `state` None: any; `scope` None: whosever."""

    call: Call
    scope: Scope | None
    state: OperationState | None
    page: int
    page_size: int


def parse_operations(fields: Mapping[str, Any], limits: LimitSettings) -> OperationsRequest:
    """A page of operations; raises as `parse_add` does."""
    call = parse_call(fields, CALL_FIELDS | SCOPE | {"state", "page", "page_size"})
    page, page_size = parse_page(fields, limits)
    named = any(fields.get(name) is not None for name in SCOPE_FIELDS)
    return OperationsRequest(
        call, named_scope_of(fields, limits) if named else None, _state_of(fields.get("state")), page, page_size
    )


def parse_retry(fields: Mapping[str, Any]) -> tuple[Call, bool]:
    """Who wants an operation carried out again, and whether they wait for it."""
    return parse_call(fields, CALL_FIELDS | {"wait"}), flag_of(fields, "wait", default=True)


def parse_name(raw: object) -> tuple[str | None, str]:
    """What an operation is looked up by: its id, if it can be one, and the name that its caller may have given it."""
    name = key_of(raw, "operation_id")
    try:
        return ids.canonical_id(name, "operation_id"), name
    except InvalidInput:
        return None, name


def _state_of(raw: Any) -> OperationState | None:
    if raw is None:
        return None
    try:
        return OperationState(raw)
    except ValueError:
        raise InvalidInput(f"state should be one of {', '.join(OperationState)}", {"field": "state"}) from None
