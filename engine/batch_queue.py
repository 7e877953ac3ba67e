"""Concurrent calls become batches: an asyncio queue in front of one function that takes many items at once.

It fires at once when nothing is under way and collects while a batch is. Which items go is decided here too, by
priority and then by age, with a part of each batch for those of lower priority; what a batch does is the caller's
function.
"""

from __future__ import annotations

import asyncio
import contextlib
import math
import time
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from typing import Generic, TypeVar

from engine.concurrency import TaskSet
from engine.errors import InvariantViolated, Overloaded, Unavailable
from engine.figures import Histogram, ratio
from engine.ports import Priority
from engine.types import Json

_KEPT_FOR_READS = 8
"""One part of so many of a queue takes reads only."""
_LEFT_TO_OTHERS = 4
"""One part of so many of a batch goes to lower priorities: they are slower, never forgotten."""
_SMALLEST = 4
"""However slow it is, a batch may hold one part of so many of the largest: smaller ones cost more than they gain."""
_NEWEST = 0.3
"""How much the latest batch counts in the pace."""

_NumberT = TypeVar("_NumberT", int, float)
ItemT = TypeVar("ItemT")
ResultT = TypeVar("ResultT")


@dataclass(slots=True)
class _Entry(Generic[ItemT, ResultT]):
    item: ItemT
    cost: int
    answer: asyncio.Future[ResultT]
    since_s: float


@dataclass(slots=True)
class BatchStats:
    """Counted since the start: items that went through, batches that carried them, the largest of those, items that
    were refused. And how items waited until they were taken (ms), how large batches were, how long they took (ms)."""

    items: int = 0
    batches: int = 0
    largest: int = 0
    refused: int = 0
    wait_ms: Histogram = field(default_factory=Histogram)
    batch: Histogram = field(default_factory=Histogram)
    took_ms: Histogram = field(default_factory=Histogram)


class BatchQueue(Generic[ItemT, ResultT]):
    """Merges concurrent `submit` calls into calls of `run`.

    Args:
        run: takes a batch and gives one result an item, same order; a result that is an exception is raised to
            that item's caller alone, an exception raised by `run` to every caller of the batch.
        name: for errors and task names.
        max_items: a batch holds at most so many items.
        max_cost: and at most so much cost, but always one item of each priority that has a part in it.
        cost: what an item costs.
        longest_s: a batch holds no more cost than took so long lately, down to a quarter of `max_cost`: whoever comes
            while it is under way waits for all of it.
        in_flight: batches under way at once.
        capacity: items waiting at once; one more is refused with `Overloaded`. The last eighth is kept for reads.
        linger_s: after a batch has ended, the next one waits this long for company. Callers that come one at a time
            with longer pauses between them never wait.
    """

    def __init__(
        self,
        run: Callable[[list[ItemT]], Awaitable[Sequence[ResultT | Exception]]],
        *,
        name: str,
        max_items: int,
        max_cost: int | None = None,
        cost: Callable[[ItemT], int] = lambda _item: 1,
        in_flight: int = 1,
        capacity: int = 65_536,
        linger_s: float = 0.0,
        longest_s: float | None = None,
    ) -> None:
        self._run = run
        self._name = name
        self._max_items = max_items
        self._max_cost = max_cost
        self._cost = cost
        self._in_flight = in_flight
        self._free = in_flight
        self._capacity = capacity
        self._linger_s = linger_s
        self._longest_s = longest_s
        self._cost_per_s: float | None = None
        self._not_before_s = 0.0
        self._timer: asyncio.TimerHandle | None = None
        self._waiting: dict[Priority, deque[_Entry[ItemT, ResultT]]] = {level: deque() for level in Priority}
        self._answers: set[asyncio.Future[ResultT]] = set()
        self._count = 0
        self._closed = False
        self._tasks = TaskSet()
        self.stats = BatchStats()

    def __len__(self) -> int:
        """Items that wait."""
        return self._count

    async def submit(self, item: ItemT, *, priority: Priority = Priority.READ) -> ResultT:
        """One item's result. A caller that is cancelled while waiting takes its item back."""
        return await self._enqueue(item, priority)

    def put(self, item: ItemT, *, priority: Priority = Priority.READ) -> asyncio.Future[ResultT]:
        """`submit` for those who wait elsewhere: when this returns, the item has its place in the queue."""
        return self._enqueue(item, priority)

    def take_back(self, answer: asyncio.Future[ResultT]) -> bool:
        """Cancel what `put` answered if it still waits. False: it is on its way or done, and `answer` will say."""
        return answer in self._answers and answer.cancel()

    async def submit_many(self, items: Sequence[ItemT], *, priority: Priority = Priority.READ) -> list[ResultT]:
        """The results of several items, same order; they may travel in different batches. All are taken, or none."""
        if self._count + len(items) > self._room(priority):
            raise self._full(len(items))
        return list(await asyncio.gather(*[self._enqueue(item, priority) for item in items]))

    def _room(self, priority: Priority) -> int:
        """How many items may wait before one of this priority is refused."""
        return self._capacity if priority is Priority.READ else self._capacity - self._capacity // _KEPT_FOR_READS

    def _full(self, refused: int = 1) -> Overloaded:
        self.stats.refused += refused
        return Overloaded(f"{self._name} is full: {self._count} items wait", {"retry_after_s": 1})

    def _enqueue(self, item: ItemT, priority: Priority) -> asyncio.Future[ResultT]:
        if self._closed:
            raise Unavailable(f"{self._name} is stopping")
        if self._count >= self._room(priority):
            raise self._full()
        loop = asyncio.get_running_loop()
        entry: _Entry[ItemT, ResultT] = _Entry(item, self._cost(item), loop.create_future(), time.monotonic())
        self._waiting[priority].append(entry)
        self._answers.add(entry.answer)
        self._count += 1
        # The next turn of the loop, so that callers that arrive together travel together.
        loop.call_soon(self._fire)
        return entry.answer

    def _fire(self) -> None:
        loop = asyncio.get_running_loop()
        if self._count < self._max_items and loop.time() < self._not_before_s:
            if self._timer is None:
                self._timer = loop.call_at(self._not_before_s, self._fire_late)
            return
        while self._free and not self._closed and (batch := self._take()):
            self._free -= 1
            self._tasks.start(self._carry(batch), name=f"batch of {self._name}")

    def _fire_late(self) -> None:
        self._timer = None
        self._fire()

    def _take(self) -> list[_Entry[ItemT, ResultT]]:
        batch: list[_Entry[ItemT, ResultT]] = []
        free_cost = self._most_cost()
        for level, waiting in self._waiting.items():
            free_items = self._max_items - len(batch)
            taken = self._first(waiting, self._share(level, free_items), self._share(level, free_cost))
            batch += taken
            free_cost = max(0.0, free_cost - sum(entry.cost for entry in taken))
        return batch

    def _most_cost(self) -> float:
        """What the next batch may cost: as much as is done in time at the pace of the latest ones."""
        if self._max_cost is None:
            return math.inf
        if self._longest_s is None or self._cost_per_s is None:
            return self._max_cost
        return min(self._max_cost, max(self._max_cost // _SMALLEST, int(self._cost_per_s * self._longest_s)))

    def _note_pace(self, batch: list[_Entry[ItemT, ResultT]], took_s: float) -> None:
        per_s = sum(entry.cost for entry in batch) / max(took_s, 1e-6)
        before = per_s if self._cost_per_s is None else self._cost_per_s
        self._cost_per_s = before + _NEWEST * (per_s - before)

    def _first(self, waiting: deque[_Entry[ItemT, ResultT]], items: int, cost: float) -> list[_Entry[ItemT, ResultT]]:
        """Take what waits longest of one priority: so many items, of so much cost unless one alone is above it."""
        taken: list[_Entry[ItemT, ResultT]] = []
        while waiting and len(taken) < items:
            entry = waiting[0]
            gone = entry.answer.done()
            if taken and entry.cost > cost and not gone:
                break
            waiting.popleft()
            self._answers.discard(entry.answer)
            self._count -= 1
            if not gone:
                taken.append(entry)
                cost -= entry.cost
        return taken

    def _share(self, level: Priority, room: _NumberT) -> _NumberT:
        """How much of what is left of a batch a priority may take: a part goes to those behind it, if any wait."""
        behind = any(waiting for other, waiting in self._waiting.items() if other > level)
        return room - room // _LEFT_TO_OTHERS if behind and room < math.inf else room

    async def _carry(self, batch: list[_Entry[ItemT, ResultT]]) -> None:
        began_s = time.monotonic()
        self._count_in(batch, began_s)
        try:
            results = await self._run([entry.item for entry in batch])
            if len(results) != len(batch):
                raise InvariantViolated(f"{self._name} gave {len(results)} results for {len(batch)} items")
            for entry, result in zip(batch, results, strict=True):
                _settle(entry.answer, result)
            self._note_pace(batch, time.monotonic() - began_s)
        except asyncio.CancelledError:
            for entry in batch:
                entry.answer.cancel()
            raise
        except Exception as error:  # noqa: BLE001 - the boundary: every caller of the batch gets it
            for entry in batch:
                _settle(entry.answer, error)
        finally:
            self._free += 1
            self.stats.took_ms.record((time.monotonic() - began_s) * 1000)
            self._not_before_s = asyncio.get_running_loop().time() + self._linger_s
            self._fire()

    def _count_in(self, batch: list[_Entry[ItemT, ResultT]], now_s: float) -> None:
        stats = self.stats
        stats.items += len(batch)
        stats.batches += 1
        stats.largest = max(stats.largest, len(batch))
        stats.batch.record(len(batch))
        for entry in batch:
            stats.wait_ms.record((now_s - entry.since_s) * 1000)

    def _oldest_ms(self) -> float:
        """How long the one that waits longest has waited so far."""
        first_s: list[float] = []
        for waiting in self._waiting.values():
            # Figures may be asked for from another thread, while this one takes the last item out.
            with contextlib.suppress(IndexError):
                first_s.append(waiting[0].since_s)
        return round((time.monotonic() - min(first_s)) * 1000, 1) if first_s else 0.0

    def figures(self) -> Json:
        """What waits and runs now, and what went through; the names are explained in `docs/operations.md`."""
        stats = self.stats
        return {
            "waiting": self._count,
            "oldest_ms": self._oldest_ms(),
            "capacity": self._capacity,
            "running": self._in_flight - self._free,
            "items": stats.items,
            "batches": stats.batches,
            "largest": stats.largest,
            "refused": stats.refused,
            "mean_batch": ratio(stats.items, stats.batches),
            "wait_ms": stats.wait_ms.figures(),
            "batch": stats.batch.figures(),
            "took_ms": stats.took_ms.figures(),
        }

    async def close(self) -> None:
        """Refuse new items, end what is under way, and tell those that wait."""
        self._closed = True
        if self._timer is not None:
            self._timer.cancel()
        await self._tasks.close()
        for waiting in self._waiting.values():
            while waiting:
                _settle(waiting.popleft().answer, Unavailable(f"{self._name} is stopping"))
        self._answers.clear()
        self._count = 0


def _settle(answer: asyncio.Future[ResultT], result: ResultT | Exception) -> None:
    if answer.done():
        return
    if isinstance(result, Exception):
        answer.set_exception(result)
    else:
        answer.set_result(result)
