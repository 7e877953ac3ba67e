"""Batches of requests: each item with an outcome of its own, begun in order, so many at a time. Knows no verbs."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterator, Sequence
from typing import Any, TypeAlias

from engine.concurrency import TaskSet
from engine.errors import Overloaded, RemoraError
from engine.operations import error_object
from engine.types import Json, JsonList

Perform: TypeAlias = Callable[[Json], Awaitable[Json]]

_TOGETHER = 32
"""So many items begin in one turn of the event loop: what checks and admits them must not keep others waiting."""

_LEAST_S = 0.001


class Budget:
    """How many results all items of a batch may have together: they are all in memory when it is answered."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._left = most

    def check(self) -> None:
        """Before an item begins.

        Raises:
            Overloaded: the items before it have used the budget up.
        """
        if self._left <= 0:
            raise Overloaded(
                f"this batch has {self._most} results already: send this item again in another batch",
                {"retry_after_s": 1, "limit": self._most},
            )

    def spend(self, results: int) -> None:
        """What an item was answered."""
        self._left -= results


async def each(items: Sequence[Json], perform: Perform, *, at_once: int) -> JsonList:
    """What `perform` answers for each item, or `{error: {code, message, details}}` with what it failed with.

    Args:
        items: in the order in which they begin.
        perform: does one item; a `RemoraError` is that item's own.
        at_once: how many are under way at the same time, at most.
    """
    answers: JsonList = [{} for _ in items]
    left = iter(enumerate(items))
    tasks = TaskSet()
    try:
        workers: list[asyncio.Task[None]] = []
        for number in range(min(at_once, len(items))):
            workers.append(tasks.start(_work(left, perform, answers), name="items of a batch"))
            if number % _TOGETHER == _TOGETHER - 1:
                await asyncio.sleep(0)
        await asyncio.gather(*workers)
    finally:
        await tasks.close()
    return answers


async def _work(left: Iterator[tuple[int, Json]], perform: Perform, answers: JsonList) -> None:
    for place, item in left:
        try:
            answers[place] = await perform(item)
        except RemoraError as error:
            answers[place] = {"error": error_object(error)}


def time_left(wanted_s: Any, left_s: float) -> Any:
    """The deadline of an item that wants `wanted_s` when so much is left for its batch.

    What is no number is left as it is, for the check of the item to refuse.
    """
    left_s = max(left_s, _LEAST_S)
    if wanted_s is None:
        return left_s
    return min(wanted_s, left_s) if isinstance(wanted_s, int | float) and not isinstance(wanted_s, bool) else wanted_s
