"""What every kind of verb over all shards has."""

from __future__ import annotations

from engine.api import CallFields
from engine.sharding.parts import Parts

CALL = frozenset(CallFields.__annotations__)
"""The fields that every call takes."""


class Verbs:
    """Verbs of one kind over all shards. `Sharded` is all kinds together; no kind calls another.

    Args:
        parts: the shards, and what is known of them.
    """

    def __init__(self, parts: Parts) -> None:
        self._parts = parts
