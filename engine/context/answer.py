"""The context for a prompt: a search, its hits in order, counted and put together."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, replace

from engine.context.assembly import Group, chosen, grouped, text_of
from engine.context.lines import Line, lines_of, shortened
from engine.context.request import ContextRequest
from engine.errors import RemoraError
from engine.types import Json, MemoryVersion

Count = Callable[[Sequence[str]], Awaitable[Sequence[int]]]
_PART = 0.5
"""Of the budget, for a memory that is longer than all of it."""


@dataclass(frozen=True, slots=True)
class Parts:
    """What a context is made with: the search, the live versions of memories by id, and who counts tokens.

    `deadline_s`: for each of the two that follow the search; the answer does without one that is late or fails.
    """

    search: Callable[[Json], Awaitable[Json]]
    versions: Callable[[Sequence[str]], Awaitable[Sequence[MemoryVersion | None]]]
    count: Count
    deadline_s: float


class _Counter:
    """Counts with the model's tokenizer. Without it a byte counts as a token, which is never too few."""

    def __init__(self, count: Count, deadline_s: float) -> None:
        self._count = count
        self._deadline_s = deadline_s
        self.guesses = False

    async def of(self, texts: Sequence[str]) -> Sequence[int]:
        if not self.guesses and texts:
            try:
                async with asyncio.timeout(self._deadline_s):
                    return await self._count(texts)
            except (RemoraError, TimeoutError):
                self.guesses = True
        return [len(text.encode()) for text in texts]


async def context_answer(request: ContextRequest, parts: Parts) -> Json:
    """As `MemoryApi.context`. Raises what the search raises."""
    found = await parts.search(request.fields)
    hits = found["results"]
    counter = _Counter(parts.count, parts.deadline_s)
    lines = lines_of(hits, await _positions(hits, parts), request.tokens) if hits else []
    lines, costs = await _costs(lines, request.tokens, counter)
    kept = chosen(lines, costs, request.tokens)
    groups, tokens = await _within(kept, request.tokens, counter)
    shown = [line for group in groups for line in group.lines]
    alike = sum(len(line.also) for line in lines)
    return {
        "context": text_of(groups),
        "tokens": tokens,
        "memories": [_source(line) for line in shown],
        "left_out": {"duplicates": alike, "budget": len(lines) - len(shown)},
        "degraded": [*found["degraded"], *(["tokens"] if counter.guesses else [])],
        "position": found["position"],
    }


async def _positions(hits: Sequence[Json], parts: Parts) -> dict[str, int]:
    """What tells the order of memories of the same time; empty when it can't be had: then the best goes first."""
    try:
        async with asyncio.timeout(parts.deadline_s):
            versions = await parts.versions([hit["id"] for hit in hits])
    except (RemoraError, TimeoutError):
        return {}
    return {version.memory_id: version.live_from for version in versions if version is not None}


async def _costs(lines: list[Line], budget: int, counter: _Counter) -> tuple[list[Line], dict[str, int]]:
    """What each line and each heading costs; lines beyond the whole budget are shortened first."""
    headings = list(dict.fromkeys(line.heading for line in lines))
    texts = [*headings, *(line.text for line in lines)]
    costs = await _counted(texts, headings, counter)
    too_long = {
        line.text: brief
        for line in lines
        if costs[line.text] > budget - costs[line.heading]
        and (brief := shortened(line, costs[line.text], int((budget - costs[line.heading]) * _PART)))
    }
    costs |= await _counted(list(too_long.values()), [], counter)
    return [
        replace(line, text=too_long[line.text], truncated=True) if line.text in too_long else line for line in lines
    ], costs


async def _counted(texts: Sequence[str], headings: Sequence[str], counter: _Counter) -> dict[str, int]:
    """Each text with what follows it: the end of its line, before a heading an empty one too."""
    ends = dict.fromkeys(headings, "\n\n")
    counts = await counter.of([text + ends.get(text, "\n") for text in texts])
    return dict(zip(texts, counts, strict=True))


async def _within(lines: list[Line], budget: int, counter: _Counter) -> tuple[list[Group], int]:
    """The text as it is, and its tokens: should it have more than its parts, the last lines go."""
    while lines:
        groups = grouped(lines)
        tokens = (await counter.of([text_of(groups)]))[0]
        if tokens <= budget:
            return groups, tokens
        lines = lines[: len(lines) * budget // tokens]
    return [], 0


def _source(line: Line) -> Json:
    told: Json = {"id": line.memory_id, "score": line.score, "truncated": line.truncated, "also": list(line.also)}
    return told if line.details is None else {**told, "score_details": line.details}
