"""What a search wants done with its hits, beyond the best first. Pure."""

from __future__ import annotations

from dataclasses import dataclass

from engine.pickling import by_fields

_SPARE = 3
"""So many times what is asked for is looked at, where some of it may go."""


@by_fields
@dataclass(frozen=True, slots=True)
class Wishes:
    """`rerank`: the reranker puts the `best` of them in a new order. `collapse`: repetitions are one hit.

    `diversity`: 0 orders by score alone, at 1 only what differs from the hits before counts.
    """

    rerank: bool = False
    best: int = 30
    collapse: bool = False
    diversity: float = 0.0

    def spare(self, top_k: int) -> int:
        """How many ranked hits are needed for so many."""
        looked_at = top_k * (_SPARE if self.collapse or self.diversity else 1)
        return max(looked_at, self.best) if self.rerank else looked_at


NO_WISHES = Wishes()
