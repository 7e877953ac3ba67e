"""All stretches of messages that are read anew, one after the other, and their sum."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any, TypeAlias

from remora.patience import patiently

Json: TypeAlias = dict[str, Any]
Told: TypeAlias = Callable[[Json], object]
"""Is called with the sum so far."""

_MOST_KEPT = 10_000
_PASSING = frozenset({"unavailable", "overloaded", "deadline_exceeded", "rate_limited"})
_FROM_THE_START = "nothing could be read, and the rest was not tried; start again when the language model answers"


@dataclass(slots=True)
class Rereading:
    """The sum of what stretches answered. Of conversations it keeps the first 10,000, and counts all."""

    applied: bool = False
    totals: dict[str, int] = field(default_factory=dict)
    usage: dict[str, float] = field(default_factory=dict)
    conversations: list[Json] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)

    def take(self, stretch: Json) -> None:
        """Add the answer of one stretch."""
        self.applied = stretch["applied"]
        for name, number in stretch["totals"].items():
            self.totals[name] = self.totals.get(name, 0) + number
        for name, number in stretch["usage"].items():
            self.usage[name] = round(self.usage.get(name, 0) + number, 1)
        self.conversations += stretch["conversations"][: _MOST_KEPT - len(self.conversations)]
        self.problems += [one for one in stretch["problems"] if one not in self.problems]

    def summed(self, cursor: str | None = None) -> Json:
        """The sum; `next`: where to go on, None when all has been read or, as `problems` says, nothing."""
        return {
            "applied": self.applied,
            "totals": self.totals,
            "usage": self.usage,
            "conversations": self.conversations,
            "problems": self.problems,
            "next": cursor,
        }


async def reread(reinfer: Callable[..., Awaitable[Json]], *, told: Told | None = None, **fields: Any) -> Json:
    """Walk through everything that is meant; where the model or a shard is away for longer, stop there.

    Args:
        reinfer: answers one stretch, as `MemoryApi.reinfer`.
        told: is called after each stretch.
        fields: of each call.

    Raises:
        RemoraError: a stretch failed; a part that is away is waited for, except at the first.
    """
    whole, cursor = Rereading(), fields.pop("cursor", None)
    stretch = await reinfer(**fields, **({} if cursor is None else {"cursor": cursor}))
    while True:
        whole.take(stretch)
        if told is not None:
            told(whole.summed())
        if _is_away(stretch, cursor):
            if cursor is None and stretch["next"] is not None:
                whole.problems.append(_FROM_THE_START)
            return whole.summed(cursor)
        cursor = stretch["next"]
        if cursor is None:
            return whole.summed()
        stretch = await _next(reinfer, cursor, fields)


async def _next(reinfer: Callable[..., Awaitable[Json]], cursor: str, fields: Json) -> Json:
    return await patiently(lambda: reinfer(**{**fields, "cursor": cursor}))


def _is_away(stretch: Json, cursor: str | None) -> bool:
    """Whether a stretch came to nothing, since nobody could be asked."""
    told = stretch["conversations"]
    if not told:
        return stretch["next"] is not None and stretch["next"] == cursor and not stretch["under_way"]
    return all((one["error"] or {}).get("code") in _PASSING for one in told)
