"""Ways through a graph as a search breadth first finds them: who was reached from whom. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping


def reach(came_from: dict[str, str], beside: Iterable[tuple[str, str]]) -> list[str]:
    """Take in who stands beside whom; those that were not reached before, in order of their keys."""
    reached: list[str] = []
    for key, other in beside:
        if other not in came_from:
            came_from[other] = key
            reached.append(other)
    return sorted(reached)


def way_back(came_from: Mapping[str, str], source: str, target: str) -> list[str] | None:
    """The way from `source` to `target`; None: that was never reached."""
    if target not in came_from:
        return None
    way = [target]
    while way[-1] != source:
        way.append(came_from[way[-1]])
    return way[::-1]
