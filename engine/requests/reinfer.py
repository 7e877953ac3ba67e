"""Requests to read stored messages anew."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from engine.config import LimitSettings
from engine.errors import InvalidInput
from engine.filters import Filter
from engine.requests.call import CALL_FIELDS, Call, parse_call
from engine.requests.filter import filter_of
from engine.requests.scope import SCOPE
from engine.requests.wishes import WISHES, wishes_of
from engine.types import Json
from engine.values import count_of, flag_of

_PLACE: Final = re.compile("[0-9]{1,18}")
_ADDS: Final = 10
_MOST_ADDS: Final = 100
_CLEARED: Final[Mapping[str, tuple[str, Any]]] = {
    "custom_instructions": ("instructions", ""),
    "includes": ("topics", []),
    "excludes": ("but_topics", []),
    "custom_categories": ("categories", []),
}
"""What a wish is called inside, and that nothing is wished there any more."""
REINFER_FIELDS: Final = SCOPE | WISHES | {"filters", "apply", "include_verbatim", "cursor", "limit"}


@dataclass(frozen=True, slots=True)
class ReinferRequest:
    """A stretch of adds to read anew: at most `limit` after the place `after`, those of which a message is selected.

    `wishes`: in place of those that an add came with; empty ones do away with them. `apply`: write the difference.
    `include_verbatim`: also messages that were never read for facts.
    """

    call: Call
    filter: Filter
    wishes: Json
    apply: bool
    include_verbatim: bool
    after: int
    limit: int


def parse_reinfer(fields: Mapping[str, Any], limits: LimitSettings) -> ReinferRequest:
    """A stretch of adds; raises as `parse_add` does."""
    call = parse_call(fields, CALL_FIELDS | REINFER_FIELDS)
    cleared = {inner: empty for name, (inner, empty) in _CLEARED.items() if fields.get(name) is not None}
    return ReinferRequest(
        call=call,
        filter=filter_of(fields, limits),
        wishes={**cleared, **wishes_of(fields, limits)},
        apply=flag_of(fields, "apply", default=False),
        include_verbatim=flag_of(fields, "include_verbatim", default=False),
        after=_place(fields.get("cursor")),
        limit=count_of(fields.get("limit"), "limit", _ADDS, _MOST_ADDS),
    )


def _place(cursor: object) -> int:
    if cursor is None:
        return 0
    if not isinstance(cursor, str) or _PLACE.fullmatch(cursor) is None:
        raise InvalidInput("cursor should be the `next` of the answer before", {"field": "cursor"})
    return int(cursor)
