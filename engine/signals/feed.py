"""The background task of a shard that computes what memories lack, and tells the ledger and the vector store."""

from __future__ import annotations

import asyncio
import logging
import time
from collections import OrderedDict
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Protocol

from engine.concurrency import Pauses, TaskSet
from engine.config import SignalSettings
from engine.conversations import (
    WINDOW_SIZE,
    Conversation,
    Order,
    Window,
    conversation_of,
    order_of,
    size_of,
    windows,
)
from engine.errors import PASSING, RemoraError, StaleEpoch, Unavailable
from engine.ledger_port import ConversationRows, Ledger, Stretch
from engine.models import Models
from engine.signals.backlog import Backlog, Waiting
from engine.signals.computing import compute, made_by
from engine.signals.pace import Pace
from engine.signals.progress import Progress
from engine.signals.search import Search
from engine.types import ChangeBatch, Derived, Json

_log = logging.getLogger(__name__)

_MOST_CONVERSATIONS = 64
"""Read from the ledger in one call."""
_STRETCH = 500
"""Memories of a long conversation that are read at once."""
_MOST_ENDS = 4096
_MOST_HOPELESS = 10_000
_REACH_S = 5.0
_LEAST_SLEEP_S = 0.02
_LOOK_S = 0.1
"""While it rests, it looks so often whether others still want the models."""


class Blocks(Protocol):
    """What takes fresh signals in for searches."""

    async def derive(self, rows: Sequence[Derived]) -> None: ...


class Reached(Protocol):
    """Tells when the vector index has come to a position."""

    async def reached(self, position: int) -> None: ...


class SignalFeed:
    """Keeps signals complete: what was just committed it is told, what it wasn't told it finds by asking the ledger.

    It never blocks anybody: it takes a small part of the models while others use them, and whatever fails is tried
    again with pauses. One call to the models is under way at a time.

    Args:
        ledger: the truth.
        models: for encoding.
        vector: gets what is ready.
        reached: the vector index's feed.
        settings: when, and how much of the models.
        clock: monotonic seconds.
    """

    def __init__(
        self,
        *,
        ledger: Ledger,
        models: Models,
        vector: Blocks,
        reached: Reached,
        settings: SignalSettings,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._ledger = ledger
        self._models = models
        self._vector = vector
        self._reached = reached
        self._settings = settings
        self._clock = clock
        self._epoch: int | None = None
        self._made_by: str | None = None
        self._offered: int | None = None
        self._backlog = Backlog(settings.pause_s)
        self._search = Search()
        self._pace = Pace(settings.share)
        self._progress = Progress()
        self._ends: OrderedDict[Conversation, Order] = OrderedDict()
        self._hopeless: set[bytes] = set()
        self._unpushed: list[Derived] = []
        self._unpushed_at = 0
        self._asleep = False
        self._wake = asyncio.Event()
        self._complete = asyncio.Event()
        self._tasks = TaskSet()

    def start(self, epoch: int, position: int) -> None:
        """Begin, as the owner with this epoch; the ledger is at `position`."""
        if self._settings.enabled:
            self._epoch = epoch
            self._offered = max(position, self._offered or 0)
            self._search.want(self._clock())
            self._tasks.start(self._run(), name="derived signals")

    async def close(self) -> None:
        """Stop; what isn't computed is found after the next start."""
        await self._tasks.close()

    def offer(self, batch: ChangeBatch) -> None:
        """Changes that were just committed; batches come in the order of the ledger."""
        if not self._settings.enabled or (self._offered is not None and batch.until <= self._offered):
            return
        now_s = self._clock()
        if self._offered is not None and batch.after != self._offered:
            self._search.want(now_s)  # an answer of the ledger was lost
        self._offered = batch.until
        for change in batch.changes:
            version = change.version
            if version is None:
                # Its neighbours' signals went with it, and only the ledger knows whose these are.
                self._search.want(now_s)
                continue
            size = size_of(version.text)
            self._backlog.note(conversation_of(version), version.memory_id, order_of(version), size, now_s)
            if version.version > 1 and version.scope.run_id is None:
                self._search.want(now_s)
        self._complete.clear()
        if self._asleep:
            self._wake.set()

    @property
    def pending(self) -> int:
        """Memories that lack signals, or whose window has changed since: as many as are known of, and 1 if unknown."""
        unnamed = self._search.left + self._backlog.missed
        known = self._backlog.named + unnamed
        return known or int(self._search.wanted or bool(self._unpushed))

    async def complete(self) -> None:
        """Wait until nothing is pending; at once where nothing is to be computed."""
        if self._settings.enabled:
            await self._complete.wait()

    def figures(self) -> Json:
        """How far it is; the names are explained in `docs/operations.md`."""
        if not self._settings.enabled:
            return {
                "enabled": False,
                "pending": 0,
                "lag_s": 0.0,
                "rate": 0.0,
                "failed": 0,
                "failures": 0,
                "running": False,
            }
        now_s = self._clock()
        since_s = min((s for s in (self._backlog.oldest_s(), self._search.since_s) if s is not None), default=now_s)
        return {
            "enabled": True,
            "pending": self.pending,
            "lag_s": round(now_s - since_s, 3) if self.pending else 0.0,
            "rate": self._progress.rate(now_s),
            "computed": self._progress.memories,
            "calls": self._progress.calls,
            "failed": len(self._hopeless),
            "failures": self._progress.failures,
            "running": bool(len(self._tasks)),
        }

    async def _run(self) -> None:
        pauses = Pauses()
        while True:
            try:
                await self._step()
            except StaleEpoch:
                _log.info("another process owns the shard: it computes the signals")
                return
            except Exception as error:  # noqa: BLE001 - the boundary: a task that dies would go unnoticed
                self._backlog.put_back()
                self._progress.failures += 1
                level = logging.WARNING if isinstance(error, RemoraError) else logging.ERROR
                _log.log(level, "signals can't be computed now: %s: %s", type(error).__name__, error)
                await pauses.wait()
            else:
                self._progress.failures = 0
                pauses = Pauses()

    async def _step(self) -> None:
        now_s = self._clock()
        if self._made_by is None:
            made = made_by(await self._models.info())
            await self._ledger.begin_signals(self._owner, made)
            self._made_by = made
        elif self._unpushed:
            await self._push()
        elif self._search.is_due(now_s, self._backlog.named):
            await self._look()
        elif taken := self._backlog.take(now_s, _MOST_CONVERSATIONS):
            await self._work(taken)
            self._backlog.done()
        else:
            await self._idle(now_s)

    @property
    def _owner(self) -> int:
        if self._epoch is None:
            raise StaleEpoch("not started")
        return self._epoch

    async def _idle(self, now_s: float) -> None:
        if self._backlog.missed and not self._search.wanted:
            self._backlog.missed = 0
            self._search.want(now_s)
            return
        if not self.pending:
            self._complete.set()
        named = self._backlog.named
        waits = [wait for wait in (self._backlog.wait_s(now_s), self._search.wait_s(now_s, named)) if wait is not None]
        if waits:
            await asyncio.sleep(max(_LEAST_SLEEP_S, min(waits)))
            return
        self._asleep = True
        self._wake.clear()
        await self._wake.wait()
        self._asleep = False

    async def _look(self) -> None:
        """One page of what lacks signals."""
        began_s = self._clock()
        page = await self._ledger.lacking(self._search.after, self._search.page)
        now_s = self._clock()
        for memory_id, conversation in page.memories:
            self._backlog.note(conversation, memory_id, None, 0, now_s)
        self._search.found([memory_id for memory_id, _ in page.memories], page.total, now_s, now_s - began_s)

    async def _work(self, taken: Sequence[Waiting]) -> None:
        """Everything that is to be computed of these conversations."""
        stretches = [Stretch(one.conversation, self._end_before(one)) for one in taken]
        while stretches:
            told = await self._ledger.conversations(stretches, _STRETCH)
            cuts = [(asked, rows, self._cut(asked, rows)) for asked, rows in zip(stretches, told, strict=True)]
            await self._compute_all(
                [window for _, rows, cut in cuts for window in cut if self._is_due(window, rows.keys)]
            )
            for asked, _, cut in cuts:
                self._remember(asked.conversation, cut)
            stretches = [
                Stretch(asked.conversation, order_of(cut[-1].versions[-1])) for asked, rows, cut in cuts if rows.more
            ]

    def _cut(self, asked: Stretch, rows: ConversationRows) -> list[Window]:
        cut = list(windows(asked.conversation, rows.versions, self._made_by or ""))
        # The last one goes on in what wasn't read.
        return cut[:-1] if rows.more and len(cut) > 1 else cut

    def _end_before(self, waiting: Waiting) -> Order | None:
        """The end of the last full window, if all that has changed lies behind it."""
        end = self._ends.get(waiting.conversation)
        return end if end is not None and waiting.first > end else None

    def _remember(self, conversation: Conversation, cut: Sequence[Window]) -> None:
        """Up to where a run is cut into full windows; nothing is ever added to an add."""
        full = [window for window in cut if window.full]
        if conversation.operation_id is not None or not full:
            return
        self._ends[conversation] = order_of(full[-1].versions[-1])
        self._ends.move_to_end(conversation)
        while len(self._ends) > _MOST_ENDS:
            self._ends.popitem(last=False)

    def _is_due(self, window: Window, keys: Mapping[str, bytes]) -> bool:
        if window.key in self._hopeless:
            return False
        return any(keys.get(one.memory_id) != window.key_of(place) for place, one in enumerate(window.versions))

    async def _compute_all(self, todo: Sequence[Window]) -> None:
        for some in _calls(todo, self._settings.windows):
            began_s = self._clock()
            rows = await self._derived(some)
            await self._ledger.put_signals(self._owner, self._made_by or "", rows)
            self._unpushed += rows
            self._unpushed_at = max(one.live_from for window in some for one in window.versions)
            await self._push()
            now_s = self._clock()
            self._progress.note(len(rows), now_s)
            await self._rest(now_s, self._pace.rest_s(now_s - began_s))

    async def _rest(self, since_s: float, longest_s: float) -> None:
        """Leave the models to others, for as long as these want them."""
        now_s = since_s
        while now_s < since_s + longest_s and self._pace.look(self._models.asked, now_s):
            await asyncio.sleep(min(_LOOK_S, since_s + longest_s - now_s))
            now_s = self._clock()

    async def _derived(self, some: Sequence[Window]) -> list[Derived]:
        """The windows' signals. One that the model refuses is left out for good, and the others are tried alone."""
        try:
            return await compute(self._models, some)
        except PASSING:
            raise
        except RemoraError as error:
            if len(some) > 1:
                return [row for window in some for row in await self._derived([window])]
            _log.warning("a window of %d memories can't be encoded: %s", len(some[0].versions), error)
            if len(self._hopeless) < _MOST_HOPELESS:
                self._hopeless.add(some[0].key)
            return []

    async def _push(self) -> None:
        """Give searches what the ledger has, once the vector index knows these versions."""
        if not self._unpushed:
            return
        try:
            async with asyncio.timeout(_REACH_S):
                await self._reached.reached(self._unpushed_at)
        except TimeoutError:
            raise Unavailable("the vector index does not catch up") from None
        await self._vector.derive(self._unpushed)
        self._unpushed = []


def _calls(todo: Sequence[Window], most: int) -> Iterator[list[Window]]:
    """Windows in calls of about the same amount of text: short ones travel together."""
    some: list[Window] = []
    size = 0
    for window in todo:
        added = size_of(window.text)
        if some and size + added > most * WINDOW_SIZE:
            yield some
            some, size = [], 0
        some.append(window)
        size += added
    if some:
        yield some
