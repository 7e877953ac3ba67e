"""What is done with ranked hits where a search asks for it: a new order by a reranker, repetitions as one, variety."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, replace

from engine.alike import leaders
from engine.ranking.diversity import by_vectors, by_words, diverse
from engine.retrieve import Ranked
from engine.types import FloatArray, Json
from engine.wishes import Wishes

_DIGITS = 6
Rerank = Callable[[str, Sequence[str]], Awaitable[Sequence[float] | None]]
"""How well each text answers, in [0, 1]; None: that can't be said now."""


async def nobody(_query: str, _texts: Sequence[str]) -> None:
    """Where there is no reranker."""


@dataclass(frozen=True, slots=True)
class Finished:
    """A hit in its place. `reranked`: what the reranker says; `also`: ids of hits that say the same."""

    ranked: Ranked
    reranked: float | None = None
    also: tuple[str, ...] = ()

    @property
    def memory_id(self) -> str:
        """Of the memory."""
        return self.ranked.candidate.version.memory_id

    @property
    def score(self) -> float:
        """What it is ordered by."""
        return self.ranked.score if self.reranked is None else self.reranked

    def told(self, shown: Json) -> Json:
        """The hit as users see it, with what was done."""
        if self.reranked is not None:
            shown["score"] = round(self.reranked, _DIGITS)
            if "score_details" in shown:
                shown["score_details"] |= {"rerank": shown["score"], "score_before": self.ranked.score}
        if self.also:
            shown["also"] = list(self.also)
        return shown


async def finished(
    ranked: Sequence[Ranked], query: str, top_k: int, wishes: Wishes, vectors: Mapping[str, FloatArray], rerank: Rerank
) -> tuple[list[Finished], bool]:
    """The hits as they are answered, and whether all that was wished could be done.

    Args:
        ranked: best first.
        query: what was asked.
        top_k: how many are wanted.
        wishes: what to do.
        vectors: unit vectors by memory id; where one is missing, likeness goes by words.
        rerank: asks the reranker.
    """
    hits, whole = [Finished(one) for one in ranked], True
    if wishes.rerank and hits:
        hits, whole = await _reranked(hits[: max(wishes.best, top_k)], query, rerank)
    if wishes.collapse:
        hits = collapsed(hits)
    if wishes.diversity > 0:
        hits = varied(hits, wishes.diversity, top_k, vectors)
    return hits[:top_k], whole


async def _reranked(hits: list[Finished], query: str, rerank: Rerank) -> tuple[list[Finished], bool]:
    scores = await rerank(query, [hit.ranked.candidate.version.indexed_text for hit in hits])
    if scores is None:
        return hits, False
    scored = [replace(hit, reranked=score) for hit, score in zip(hits, scores, strict=True)]
    return sorted(scored, key=lambda hit: -hit.score), True


def collapsed(hits: Sequence[Finished]) -> list[Finished]:
    """Of hits that say the same in nearly the same words, the best, with the ids of the others."""
    versions = [hit.ranked.candidate.version for hit in hits]
    same: dict[int, list[str]] = {}
    for place, leader in enumerate(leaders([(version.name or version.role, version.text) for version in versions])):
        same.setdefault(leader, []).append(hits[place].memory_id)
    return [replace(hits[leader], also=tuple(members[1:])) for leader, members in same.items()]


def varied(hits: Sequence[Finished], diversity: float, top_k: int, vectors: Mapping[str, FloatArray]) -> list[Finished]:
    """The hits in an order in which they also differ from each other."""
    if not hits:
        return []
    known = [vectors[hit.memory_id] for hit in hits if hit.memory_id in vectors]
    likeness = by_vectors(known) if len(known) == len(hits) else by_words([_text(hit) for hit in hits])
    order = diverse([hit.score for hit in hits], likeness, diversity, top_k)
    return [hits[place] for place in order]


def _text(hit: Finished) -> str:
    return hit.ranked.candidate.version.text
