"""Which conversations have something to compute, and when each is due. No tasks, no clock of its own."""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass, field

from engine.conversations import WINDOW_SIZE, Conversation, Order

MOST_MEMORIES = 20_000
"""So many are named; what comes beyond is only counted, and found again by asking the ledger."""
_PATIENCE_PAUSES = 10
"""A conversation that never pauses is taken after so many pauses all the same."""
_WHOLE: Order = (-1, -1)


@dataclass(slots=True)
class Waiting:
    """A conversation with memories that have no signals yet, or not those of their window as it is now.

    `first`: the earliest place that has changed. `size`: of the texts that have come. Times in seconds.
    """

    conversation: Conversation
    since_s: float
    changed_s: float
    first: Order
    size: int = 0
    memories: set[str] = field(default_factory=set)


class Backlog:
    """Conversations in the order in which they began to wait.

    Args:
        pause_s: a conversation that has gone on is left alone until it pauses for so long, or fills a window.
    """

    def __init__(self, pause_s: float) -> None:
        self._pause_s = pause_s
        self._waiting: OrderedDict[Conversation, Waiting] = OrderedDict()
        self._taken: list[Waiting] = []
        self._memories = 0
        self.missed = 0
        """Memories that weren't named because there were too many."""

    @property
    def named(self) -> int:
        """Memories that wait or are being computed, as far as they are named."""
        return self._memories

    def note(self, conversation: Conversation, memory_id: str, place: Order | None, size: int, now_s: float) -> None:
        """A memory needs signals. `place` None: nobody knows where in its conversation it stands."""
        if self._memories >= MOST_MEMORIES:
            self.missed += 1
            return
        first = _WHOLE if place is None else place
        waiting = self._waiting.get(conversation)
        if waiting is None:
            waiting = self._waiting[conversation] = Waiting(conversation, now_s, now_s, first)
        self._memories += memory_id not in waiting.memories
        waiting.memories.add(memory_id)
        waiting.changed_s = now_s
        waiting.first = min(waiting.first, first)
        waiting.size += size

    def take(self, now_s: float, most: int) -> list[Waiting]:
        """Conversations that are due, the longest waiting first; `done` or `put_back` follows."""
        due = []
        for waiting in self._waiting.values():
            if self._due_s(waiting) <= now_s:
                due.append(waiting)
                if len(due) == most:
                    break
        for waiting in due:
            del self._waiting[waiting.conversation]
        self._taken += due
        return due

    def done(self) -> None:
        """What was taken is computed."""
        self._memories -= sum(len(waiting.memories) for waiting in self._taken)
        self._taken = []

    def put_back(self) -> None:
        """What was taken could not be computed."""
        taken, self._taken = self._taken, []
        for waiting in reversed(taken):
            newer = self._waiting.get(waiting.conversation)
            if newer is not None:
                self._memories -= len(waiting.memories & newer.memories)
                waiting.memories |= newer.memories
                waiting.first = min(waiting.first, newer.first)
            self._waiting[waiting.conversation] = waiting
            self._waiting.move_to_end(waiting.conversation, last=False)

    def wait_s(self, now_s: float) -> float | None:
        """How long until something is due; None: nothing waits."""
        return min((max(0.0, self._due_s(waiting) - now_s) for waiting in self._waiting.values()), default=None)

    def oldest_s(self) -> float | None:
        """When the one that waits longest began to wait."""
        first = next(iter(self._waiting.values()), None)
        return min((one.since_s for one in (*self._taken, first) if one is not None), default=None)

    def _due_s(self, waiting: Waiting) -> float:
        if waiting.size >= WINDOW_SIZE:
            return waiting.since_s
        return min(waiting.changed_s + self._pause_s, waiting.since_s + _PATIENCE_PAUSES * self._pause_s)
