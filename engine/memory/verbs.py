"""What every kind of verb has."""

from __future__ import annotations

from engine.memory.parts import Parts


class Verbs:
    """Verbs of one kind over the parts of a shard. `Memory` is all kinds together; no kind calls another.

    Args:
        parts: of the shard.
    """

    def __init__(self, parts: Parts) -> None:
        self._parts = parts
