"""Places for requests of all kinds, of which changes never take all: reads keep a share when writes flood."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from engine.gate import Gate, Load, Room
from engine.types import Json

_KEPT_FOR_READS = 4
"""One part of so many is for reads only."""


class Shares:
    """A gate for everything, and a smaller one before it for what changes something.

    Args:
        name: what is refused, for the message.
        most: requests at once.
        most_bytes: of what they brought.
        clock: monotonic seconds.
    """

    def __init__(self, name: str, most: int, most_bytes: int, clock: Callable[[], float]) -> None:
        self._all = Gate(name, Room(most, most_bytes, 0), clock)
        part = Room(max(1, most - most // _KEPT_FOR_READS), most_bytes - most_bytes // _KEPT_FOR_READS, 0)
        self._changes = Gate(f"{name} that change something", part, clock)

    @contextmanager
    def admit(self, *, changing: bool, size_bytes: int) -> Iterator[None]:
        """Hold a place for one request.

        Raises:
            Overloaded: there is none; `retry_after_s` says when there may be.
        """
        load = Load(size_bytes)
        if not changing:
            with self._all.admit(load):
                yield
            return
        with self._changes.admit(load), self._all.admit(load):
            yield

    def figures(self) -> Json:
        """Both gates."""
        return {"all": self._all.figures(), "changes": self._changes.figures()}
