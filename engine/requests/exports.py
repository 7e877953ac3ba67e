"""Requests for exports."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from engine.config import LimitSettings
from engine.requests.call import CALL_FIELDS, Call, parse_call
from engine.requests.filter import filter_of
from engine.requests.scope import SCOPE, named_scope_of
from engine.types import SCOPE_FIELDS, Json


def parse_export(fields: Mapping[str, Any], limits: LimitSettings) -> tuple[Call, Json]:
    """Who asks for an export, and the ids beside its filters; raises as `parse_add` does."""
    call = parse_call(fields, CALL_FIELDS | SCOPE | {"filters"})
    if fields.get("filters"):
        filter_of(fields, limits)
    named = any(fields.get(name) is not None for name in SCOPE_FIELDS)
    return call, {str(name): value for name, value in named_scope_of(fields, limits).ids().items()} if named else {}
