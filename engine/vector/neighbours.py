"""Which rows of a block stand next to each other in a conversation."""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from engine.conversations import Conversation, Order, conversation_of, order_of
from engine.types import MemoryVersion
from engine.vector.growing import Growing

NOBODY = -1
_DAY_US = 86_400_000_000
_SEVERAL = 2

IntArray: TypeAlias = npt.NDArray[np.int64]
_Member: TypeAlias = tuple[Order, str, int]


@dataclass(slots=True)
class _Course:
    """A conversation's rows in order. `day`: of its first memory when it came to have several; None: it has one."""

    number: int
    members: list[_Member] = field(default_factory=list)
    day: int | None = None


class Neighbours:
    """Per row the row before and after it in its conversation (`NOBODY`: none), and which conversation that is."""

    def __init__(self) -> None:
        self._courses: dict[Conversation, _Course] = {}
        self._begin()

    def _begin(self) -> None:
        self._courses.clear()
        self._days: Counter[int] = Counter()
        self._numbers = 0
        self._before: Growing[np.int64] = Growing(np.int64)
        self._after: Growing[np.int64] = Growing(np.int64)
        self._conversation: Growing[np.int64] = Growing(np.int64)

    @property
    def before(self) -> IntArray:
        return self._before.rows

    @property
    def after(self) -> IntArray:
        return self._after.rows

    @property
    def conversation(self) -> IntArray:
        """A number for each conversation."""
        return self._conversation.rows

    @property
    def nbytes(self) -> int:
        return self._before.nbytes + self._after.nbytes + self._conversation.nbytes

    @property
    def are_sessions(self) -> bool:
        """Whether there are several conversations of several memories each, from different days."""
        return len(self._days) > 1

    def append(self, version: MemoryVersion) -> None:
        """Takes in the next row."""
        at = len(self._before)
        name = conversation_of(version)
        if (course := self._courses.get(name)) is None:
            course = self._courses[name] = _Course(self._numbers)
            self._numbers += 1
        self._before.append(NOBODY)
        self._after.append(NOBODY)
        self._conversation.append(course.number)
        member = (order_of(version), version.memory_id, at)
        place = bisect_left(course.members, member)
        course.members.insert(place, member)
        if place > 0:
            self._link(course.members[place - 1][2], at)
        if place + 1 < len(course.members):
            self._link(at, course.members[place + 1][2])
        if len(course.members) == _SEVERAL:
            course.day = course.members[0][0][0] // _DAY_US
            self._days[course.day] += 1

    def remove(self, at: int, version: MemoryVersion) -> None:
        """Takes a row out: those beside it close up."""
        name = conversation_of(version)
        course = self._courses[name]
        del course.members[bisect_left(course.members, (order_of(version), version.memory_id, at))]
        before, after = int(self.before[at]), int(self.after[at])
        self.before[at] = self.after[at] = NOBODY
        if before != NOBODY:
            self.after[before] = after
        if after != NOBODY:
            self.before[after] = before
        if len(course.members) == 1 and course.day is not None:
            self._days -= Counter((course.day,))
            course.day = None
        if not course.members:
            del self._courses[name]

    def rebuild(self, versions: Sequence[MemoryVersion]) -> None:
        """Begins anew with these rows."""
        self._begin()
        for version in versions:
            self.append(version)

    def _link(self, first: int, second: int) -> None:
        self.after[first] = second
        self.before[second] = first
