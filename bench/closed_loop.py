"""So many callers, each sending its next call when the last one is answered: a measuring window. Standard library only.

It runs in Remora's client and in mem0's process alike, so both are measured by the same code.
"""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any, Self, TypeAlias

Call: TypeAlias = Callable[[int], Awaitable[list[str]]]
"""Does the operation with that number; answers the ids that it stored or found."""

CALL_LIMIT_S = 60.0
"""A call without an answer for so long counts as an error."""

SETTLE_S = 0.3
"""How long a window waits before it begins, so that what ran before has come to rest."""


@dataclass(frozen=True, slots=True)
class Answer:
    """One call that was answered: the number of its operation, how long it took, the ids in the answer."""

    number: int
    seconds: float
    ids: list[str]


@dataclass(frozen=True, slots=True)
class Window:
    """What a window gave. `seconds`: from its start to the last answer, which is when all its work was done."""

    seconds: float
    answers: list[Answer] = field(default_factory=list)
    errors: dict[str, int] = field(default_factory=dict)

    def as_json(self) -> dict[str, Any]:
        """For the way out of a process."""
        rows = [[one.number, one.seconds, one.ids] for one in self.answers]
        return {"seconds": self.seconds, "answers": rows, "errors": self.errors}

    @classmethod
    def from_json(cls, value: dict[str, Any]) -> Self:
        """What `as_json` made."""
        return cls(value["seconds"], [Answer(*row) for row in value["answers"]], value["errors"])


async def run(call: Call, numbers: range, *, concurrency: int, limit_s: float, settle_s: float = 0.0) -> Window:
    """Call with each number, `concurrency` calls at a time, until the numbers are used up or `limit_s` has passed.

    Calls that are under way at the end are waited for, and count. `settle_s`: how long to let others finish first.
    """
    await asyncio.sleep(settle_s)
    left = iter(numbers)
    answers: list[Answer] = []
    errors: Counter[str] = Counter()
    start_s = time.perf_counter()

    async def caller() -> None:
        while (began_s := time.perf_counter()) - start_s < limit_s:
            number = next(left, None)
            if number is None:
                return
            try:
                ids = await asyncio.wait_for(call(number), CALL_LIMIT_S)
            except Exception as error:  # noqa: BLE001 - whatever the measured system raises is its result.
                errors[f"{type(error).__name__}: {error}"[:200]] += 1
            else:
                answers.append(Answer(number, time.perf_counter() - began_s, ids))

    await asyncio.gather(*(caller() for _ in range(concurrency)))
    return Window(time.perf_counter() - start_s, answers, dict(errors))
