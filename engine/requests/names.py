"""Names that mean others."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from engine.config import LimitSettings
from engine.errors import InvalidInput
from engine.requests.call import CALL_FIELDS, Call, parse_call
from engine.requests.scope import SCOPE, named_scope_of
from engine.types import Entity, Scope
from engine.values import text_of


@dataclass(frozen=True, slots=True)
class MergeRequest:
    """A name that means `into` in a scope."""

    call: Call
    scope: Scope
    name: str
    into: str


def parse_merge(name: object, into: object, fields: Mapping[str, Any], limits: LimitSettings) -> MergeRequest:
    """A name that means another; raises as `parse_add` does."""
    request = MergeRequest(
        call=parse_call(fields, CALL_FIELDS | SCOPE),
        scope=named_scope_of(fields, limits),
        name=text_of(name, "name", limits.id_chars),
        into=text_of(into, "into", limits.id_chars),
    )
    if Entity(request.name).key == Entity(request.into).key:
        raise InvalidInput(f"{request.name!r} and {request.into!r} are one name already", {"field": "into"})
    return request


def parse_split(name: object, fields: Mapping[str, Any], limits: LimitSettings) -> MergeRequest:
    """A name that shall mean what it says again; raises as `parse_add` does."""
    return MergeRequest(
        call=parse_call(fields, CALL_FIELDS | SCOPE),
        scope=named_scope_of(fields, limits),
        name=text_of(name, "name", limits.id_chars),
        into="",
    )
