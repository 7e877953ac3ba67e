"""How much entities tell, and what a memory's share of a walk from them is worth. Pure."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence

from engine.graph_port import GraphHit


def specificity(mentions: int) -> float:
    """The weight of an entity that so many memories mention: 1 for one, falling with the logarithm."""
    return 1.0 / (1.0 + math.log(max(mentions, 1)))


def relative(hits: Sequence[GraphHit], mentions: Iterable[int]) -> tuple[GraphHit, ...]:
    """Shares made relative to the best, times the `specificity` of the most telling of the entities that the walk
    started from; `mentions`: how many memories mention each."""
    top = max((hit.score for hit in hits), default=0.0) or 1.0
    telling = max(map(specificity, mentions), default=1.0)
    return tuple(GraphHit(hit.memory_id, min(1.0, hit.score / top) * telling) for hit in hits)
