"""Requests to verify and rebuild indexes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from engine import ids
from engine.errors import InvalidInput
from engine.requests.call import Call, parse_call
from engine.values import count_of, flag_of

_VERIFIED = 1000
_MOST_VERIFIED = 5000
_INDEXES = ("vector", "graph")


@dataclass(frozen=True, slots=True)
class VerifyRequest:
    """A stretch of a verification: `limit` memories after an id."""

    call: Call
    after: str
    limit: int
    repair: bool


def parse_verify(fields: Mapping[str, Any]) -> VerifyRequest:
    """A stretch of a verification."""
    cursor = fields.get("cursor")
    return VerifyRequest(
        call=parse_call(fields, frozenset({"cursor", "limit", "repair", "deadline_s"})),
        after="" if cursor is None else ids.canonical_id(cursor, "cursor"),
        limit=count_of(fields.get("limit"), "limit", _VERIFIED, _MOST_VERIFIED),
        repair=flag_of(fields, "repair", default=False),
    )


def parse_rebuild(index: object, fields: Mapping[str, Any]) -> tuple[str, bool]:
    """Which index, and whether it is to be built anew or only told of."""
    parse_call(fields, frozenset({"start", "deadline_s"}))
    if index not in _INDEXES:
        raise InvalidInput("index should be vector or graph", {"field": "index"})
    return str(index), flag_of(fields, "start", default=True)
