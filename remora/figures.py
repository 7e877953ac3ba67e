"""What happened between two looks at a runtime: rates out of counters. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any, TypeAlias

Json: TypeAlias = dict[str, Any]
Count: TypeAlias = Callable[[Json], float]


@dataclass(frozen=True, slots=True)
class Look:
    """A status and when it was had, in monotonic seconds."""

    at_s: float
    status: Json


@dataclass(frozen=True, slots=True)
class Between:
    """The same part of a status at two times. `before` None: it wasn't there, so that no rate is known yet."""

    before: Json | None
    after: Json
    seconds: float

    def per_s(self, count: Count) -> float | None:
        """How fast a counter grows; None when it isn't known, or the part has begun anew since."""
        if self.before is None or self.seconds <= 0:
            return None
        try:
            grown = count(self.after) - count(self.before)
        except (KeyError, TypeError):
            return None
        return grown / self.seconds if grown >= 0 else None

    def inner(self, *names: str) -> Between:
        """A part of it."""
        return Between(inner(self.before, *names), inner(self.after, *names) or {}, self.seconds)


def inner(value: Any, *names: str) -> Any:
    """What lies below these names; None where there is nothing."""
    for name in names:
        if not isinstance(value, dict):
            return None
        value = value.get(name)
    return value


def between(before: Look | None, after: Look, part: str, key: str) -> list[Between]:
    """Each entry of a list of the status (`shards`, `actors`) with itself at the earlier look, by its key."""
    known = {} if before is None else {entry.get(key): entry for entry in before.status.get(part, [])}
    seconds = 0.0 if before is None else after.at_s - before.at_s
    return [Between(known.get(entry.get(key)), entry, seconds) for entry in after.status.get(part, [])]


def total(numbers: Iterable[float | None]) -> float | None:
    """Their sum; None when none of them is known."""
    known = [number for number in numbers if number is not None]
    return sum(known) if known else None


def highest(numbers: Iterable[float | None]) -> float | None:
    """The highest of them; None when none is known."""
    return max((number for number in numbers if number is not None), default=None)
