"""What callers think of memories."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum


class Rating(StrEnum):
    """How good a memory is, in Mem0's words."""

    POSITIVE = "POSITIVE"
    NEGATIVE = "NEGATIVE"
    VERY_NEGATIVE = "VERY_NEGATIVE"


@dataclass(frozen=True, slots=True)
class Feedback:
    """What somebody thinks of a memory."""

    memory_id: str
    rating: Rating
    reason: str | None
    at_us: int


@dataclass(frozen=True, slots=True)
class FeedbackPage:
    """Some of it, the newest first, and how much there is."""

    count: int
    rows: Sequence[Feedback]
