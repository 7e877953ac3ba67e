"""Admission: how much work may be under way, and when a refused caller should come back."""

from __future__ import annotations

import math
import random
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from engine.errors import Overloaded
from engine.pace import Pace
from engine.types import Json

_LONGEST_RETRY_S = 60
_EACH_TOKENS = 16
"""What an item costs beyond its tokens, counted in tokens."""
_BYTES_PER_TOKEN = 4
_CROWDED = 0.5


@dataclass(frozen=True, slots=True)
class Load:
    """What one item weighs: about the memory that it holds, and about the tokens that models read for it."""

    size_bytes: int = 0
    tokens: int = 0

    @property
    def work(self) -> int:
        """One number for how long it takes, in tokens."""
        return _EACH_TOKENS + self.tokens


@dataclass(frozen=True, slots=True)
class Room:
    """What may be under way at once. A single item may be larger than `size_bytes` and `tokens`, alone."""

    items: int
    size_bytes: int
    tokens: int


NOTHING = Load()


def token_guess(text: str) -> int:
    """About how many tokens a text has, without a tokenizer."""
    return len(text.encode("utf-8", "surrogatepass")) // _BYTES_PER_TOKEN + 1


def retry_after_s(work: int, per_s: float | None, luck: float) -> int:
    """Whole seconds until about half of the work is done, to twice that; `luck` (0 to 1) says where in between.

    So callers who are refused together don't come back together. 1 to 60; without a known pace it is 1 or 2.
    """
    half_s = work / 2 / per_s if per_s else 1.0
    return max(1, min(_LONGEST_RETRY_S, math.ceil(half_s * (1 + luck))))


class Gate:
    """Counts items, bytes and tokens under way, and how fast they get done.

    Args:
        name: what is refused, for the message.
        room: what may be under way.
        clock: monotonic seconds.
        longest_s: an item with tokens whose caller waits for it is refused when those before it take longer; None: it
            never is for that.
        always: so much work of such items is taken whatever the pace.
        crowded: says when others want the same models; while they do, half of `longest_s` and `always` holds.
        luck: 0 to 1, spreads the times at which refused callers come back.
    """

    def __init__(
        self,
        name: str,
        room: Room,
        clock: Callable[[], float],
        *,
        longest_s: float | None = None,
        always: int = 0,
        crowded: Callable[[], bool] = lambda: False,
        luck: Callable[[], float] = random.random,
    ) -> None:
        self._name = name
        self._room = room
        self._pace = Pace(clock)
        self._models_pace = Pace(clock)
        self._modelled = 0
        self._longest_s = longest_s
        self._always = always
        self._crowded = crowded
        self._luck = luck
        self._work = 0
        self._waited = 0
        self.pending = 0
        self.pending_bytes = 0
        self.pending_tokens = 0
        self.refused = 0

    def enter(self, load: Load = NOTHING, *, waited: bool = False) -> None:
        """Count one more in; `waited`: its caller waits until it is done.

        Raises:
            Overloaded: there is no room; `retry_after_s` says when there may be.
        """
        self.check(load, waited=waited)
        self.count(load, waited=waited)

    def check(self, load: Load = NOTHING, *, waited: bool = False) -> None:
        """Raise what `enter` would raise; count nothing in."""
        if self._is_full(load):
            raise self._refusal(f"too many {self._name} under way ({self.pending})", self._work, self._pace)
        if waited and self._takes_too_long(load):
            message = f"the {self._name} under way take {self.wait_s:.1f} s already"
            raise self._refusal(message, self._waited, self._models_pace)

    def count(self, load: Load = NOTHING, *, waited: bool = False) -> None:
        """Count one in, whether there is room or not: it was admitted by an earlier life."""
        if not self.pending:
            self._pace.begin()
        if load.tokens:
            self._modelled += 1
            self._waited += load.work if waited else 0
            if self._modelled == 1:
                self._models_pace.begin()
        self.pending += 1
        self.pending_bytes += load.size_bytes
        self.pending_tokens += load.tokens
        self._work += load.work

    def leave(self, load: Load = NOTHING, *, waited: bool = False, done: bool = True) -> None:
        """Count one out; `done` False: it was given up, which says nothing of the pace."""
        self.pending -= 1
        self.pending_bytes -= load.size_bytes
        self.pending_tokens -= load.tokens
        self._work -= load.work
        if done:
            self._pace.note(load.work)
        if not self.pending:
            self._pace.end()
        if load.tokens:
            self._leave_models(load, waited=waited, done=done)

    def _leave_models(self, load: Load, *, waited: bool, done: bool) -> None:
        """What needs models has a pace of its own: what doesn't is done much sooner."""
        self._modelled -= 1
        self._waited -= load.work if waited else 0
        if done:
            self._models_pace.note(load.work)
        if not self._modelled:
            self._models_pace.end()

    @contextmanager
    def admit(self, load: Load = NOTHING, *, waited: bool = False) -> Iterator[None]:
        """`enter` and `leave` around some work; what is cancelled or fails says nothing of the pace."""
        self.enter(load, waited=waited)
        done = False
        try:
            yield
            done = True
        finally:
            self.leave(load, waited=waited, done=done)

    @property
    def wait_s(self) -> float:
        """About how long it takes to do what needs models and callers wait for."""
        per_s = self._models_pace.per_s
        return self._waited / per_s if per_s else 0.0

    def retry_s(self) -> int:
        """What a caller who is refused now is told."""
        return retry_after_s(self._work, self._pace.per_s, self._luck())

    def _is_full(self, load: Load) -> bool:
        room = self._room
        if self.pending >= room.items:
            return True
        return self.pending > 0 and (
            self.pending_bytes + load.size_bytes > room.size_bytes or self.pending_tokens + load.tokens > room.tokens
        )

    def _takes_too_long(self, load: Load) -> bool:
        if self._longest_s is None or not load.tokens:
            return False
        share = _CROWDED if self._crowded() else 1.0
        return self._waited + load.work > share * self._always and self.wait_s > share * self._longest_s

    def _refusal(self, message: str, work: int, pace: Pace) -> Overloaded:
        self.refused += 1
        return Overloaded(message, {"retry_after_s": retry_after_s(work, pace.per_s, self._luck())})

    def figures(self) -> Json:
        """What is under way, what may be, and how many were refused since the start."""
        return {
            "pending": self.pending,
            "most": self._room.items,
            "bytes": self.pending_bytes,
            "most_bytes": self._room.size_bytes,
            "tokens": self.pending_tokens,
            "most_tokens": self._room.tokens,
            "wait_s": round(self.wait_s, 2),
            "refused": self.refused,
        }
