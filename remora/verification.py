"""All stretches of a verification, one after the other, and their sum."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any, TypeAlias

from remora.errors import RemoraError
from remora.patience import patiently

Json: TypeAlias = dict[str, Any]
Told: TypeAlias = Callable[[int, int], object]
"""Is called with how much is done, and of how much."""

_MOST_KEPT = 10_000


@dataclass(slots=True)
class Verification:
    """The sum of what stretches found. Of differences and problems it keeps the first 10,000 each, and counts all."""

    checked: int = 0
    total: int = 0
    found: int = 0
    repaired: int = 0
    contradictions: int = 0
    differences: list[Json] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)

    def take(self, stretch: Json) -> None:
        """Add the answer of one stretch."""
        self.checked += stretch["checked"]
        self.total = max(stretch["total"], self.checked)
        self.found += len(stretch["differences"])
        self.repaired += stretch["repaired"]
        self.contradictions += len(stretch["problems"])
        self.differences += stretch["differences"][: _MOST_KEPT - len(self.differences)]
        self.problems += stretch["problems"][: _MOST_KEPT - len(self.problems)]

    def summed(self) -> Json:
        """The sum; `clean`: nothing remains."""
        remaining = self.found - self.repaired + self.contradictions
        return {
            "clean": remaining == 0,
            "checked": self.checked,
            "total": self.total,
            "found": self.found,
            "repaired": self.repaired,
            "remaining": remaining,
            "differences": self.differences,
            "problems": self.problems,
        }


async def verified(verify: Callable[..., Awaitable[Json]], *, told: Told | None = None, **fields: Any) -> Json:
    """Walk through everything.

    Args:
        verify: answers one stretch, as `MemoryApi.verify`.
        told: is called after each stretch.
        fields: of each call.

    Raises:
        RemoraError: a stretch failed; a part that is away is waited for, except at the first.
    """
    whole = Verification()
    stretch = await verify(**fields)
    while True:
        whole.take(stretch)
        if told is not None:
            told(whole.checked, whole.total)
        cursor = stretch["next"]
        if cursor is None:
            return whole.summed()
        stretch = await _next(verify, cursor, fields)


async def _next(verify: Callable[..., Awaitable[Json]], cursor: str, fields: Json) -> Json:
    stretch = await patiently(lambda: verify(**{**fields, "cursor": cursor}))
    if stretch["next"] == cursor:
        raise RemoraError("the verification doesn't come forward", {"cursor": cursor})
    return stretch
