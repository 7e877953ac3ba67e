"""What somebody thinks of a memory, as a request says it. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from engine.config import LimitSettings
from engine.errors import InvalidInput
from engine.ledger_port import Rating
from engine.requests.call import CALL_FIELDS, Call, parse_call
from engine.requests.lists import parse_page
from engine.values import text_of

_REASON_CHARS = 4_000
_MOST = 10_000
"""Ratings that pages lead through."""


@dataclass(frozen=True, slots=True)
class FeedbackRequest:
    """A page of ratings. `rating` None: any."""

    call: Call
    rating: Rating | None
    page: int
    page_size: int

    @property
    def reach(self) -> int:
        """How many ratings lead to the end of the page."""
        return self.page * self.page_size


def parse_feedback(fields: Mapping[str, Any], limits: LimitSettings) -> FeedbackRequest:
    """A page of ratings; raises as `parse_add` does."""
    call = parse_call(fields, CALL_FIELDS | {"feedback", "page", "page_size"})
    page, page_size = parse_page(fields, limits)
    request = FeedbackRequest(call, rating_of(fields.get("feedback")), page, page_size)
    if request.reach > _MOST:
        raise InvalidInput(f"pages lead through the newest {_MOST} only: name the feedback", {"field": "page"})
    return request


def rating_of(raw: object) -> Rating | None:
    """`POSITIVE`, `NEGATIVE` or `VERY_NEGATIVE`; None: none.

    Raises:
        InvalidInput: it is something else.
    """
    if raw is None:
        return None
    if not isinstance(raw, str) or raw not in list(Rating):
        raise InvalidInput(f"feedback should be one of {', '.join(Rating)}, or null", {"field": "feedback"})
    return Rating(raw)


def reason_of(raw: object, rating: Rating | None) -> str | None:
    """Why. An empty one is none.

    Raises:
        InvalidInput: it is no text, or there is nothing that it is the reason of.
        TooLarge: it is too long.
    """
    if raw is None or raw == "":
        return None
    if rating is None:
        raise InvalidInput("feedback_reason needs feedback", {"field": "feedback_reason"})
    return text_of(raw, "feedback_reason", _REASON_CHARS)
