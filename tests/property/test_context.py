"""A context of whatever memories: never over its budget, every line with its source, in order, nothing twice."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from engine.config import LimitSettings, SearchSettings
from engine.context.answer import Parts, context_answer
from engine.context.request import parse_context
from engine.errors import Unavailable
from engine.types import Json, MemoryVersion

_START = datetime(2026, 5, 1, 9, tzinfo=UTC)
_HEADING = re.compile(r"\d{4}-\d\d-\d\d \([A-Z][a-z]+day\)")

words = st.sampled_from(
    ["tea", "rain", "Lisbon", "the", "not", "7", "\n", "- fake", "2026-01-01 (Monday)", "日本", "…"]
)
texts = st.lists(words, min_size=1, max_size=12).map(" ".join).filter(str.strip)


@st.composite
def hits(draw: st.DrawFn) -> list[Json]:
    """Hits of a search, best first."""
    count = draw(st.integers(0, 12))
    scores = sorted(draw(st.lists(st.floats(0, 1), min_size=count, max_size=count)), reverse=True)
    return [
        {
            "id": f"memory-{place}",
            "memory": draw(texts),
            "score": score,
            "user_id": draw(st.sampled_from(["ann", "bob"])),
            "agent_id": None,
            "app_id": None,
            "run_id": draw(st.sampled_from([None, "r1", "r2"])),
            "role": draw(st.sampled_from([None, "user"])),
            "name": draw(st.sampled_from([None, "Ann"])),
            "created_at": (_START + timedelta(hours=draw(st.integers(0, 60)))).isoformat(),
        }
        for place, score in enumerate(scores)
    ]


def tokens_in(text: str) -> int:
    """A tokenizer for which white space counts, as it does for some."""
    return len(re.findall(r"\w|\s|[^\w\s]", text))


async def count(texts: Sequence[str]) -> list[int]:
    return [tokens_in(text) for text in texts]


async def count_is_away(texts: Sequence[str]) -> list[int]:
    raise Unavailable("no tokenizer")


async def no_versions(memory_ids: Sequence[str]) -> list[MemoryVersion | None]:
    return [None for _ in memory_ids]


async def made(found: list[Json], tokens: int, *, away: bool = False) -> Json:
    async def search(fields: Json) -> Json:
        return {"results": found, "degraded": [], "position": 1}

    request = parse_context("q", {"user_id": "ann", "tokens": tokens}, LimitSettings(), SearchSettings())
    return await context_answer(request, Parts(search, no_versions, count_is_away if away else count, 5.0))


def lines_in(text: str) -> list[str]:
    return [line for line in text.split("\n") if line.startswith("- ")]


@given(hits(), st.integers(1, 400))
async def test_it_never_has_more_tokens_than_it_may(found: list[Json], tokens: int) -> None:
    answer = await made(found, tokens)

    assert answer["tokens"] == tokens_in(answer["context"]) <= tokens


@given(hits(), st.integers(1, 400))
async def test_without_a_tokenizer_neither(found: list[Json], tokens: int) -> None:
    answer = await made(found, tokens, away=True)

    assert tokens_in(answer["context"]) <= answer["tokens"] <= tokens
    assert answer["degraded"] == (["tokens"] if found else [])


@given(hits(), st.integers(1, 400))
async def test_every_line_has_its_source_and_every_memory_is_told_of_once(found: list[Json], tokens: int) -> None:
    answer = await made(found, tokens)
    by_id = {hit["id"]: hit for hit in found}
    shown = answer["memories"]

    lines = lines_in(answer["context"])
    assert len(lines) == len(shown)
    for line, source in zip(lines, shown, strict=True):
        whole = " ".join(by_id[source["id"]]["memory"].split())
        speaker = by_id[source["id"]]["name"] or by_id[source["id"]]["role"]
        said = line.removeprefix(f"- {speaker}: " if speaker else "- ")
        assert whole in said or (source["truncated"] and said.endswith("…") and whole.startswith(said[:-1].rstrip()))
    told = [one for source in shown for one in (source["id"], *source["also"])]
    assert len(told) == len(set(told))
    left = answer["left_out"]
    assert len(shown) + left["duplicates"] + left["budget"] == len(found)


@given(hits())
async def test_groups_come_by_their_best_score_and_lines_by_their_time(found: list[Json]) -> None:
    answer = await made(found, 100_000)
    by_id = {hit["id"]: hit for hit in found}
    groups = answer["context"].split("\n\n") if answer["context"] else []
    sources = iter(answer["memories"])
    members = [[next(sources) for _ in lines_in(group)] for group in groups]

    assert all(_HEADING.match(group) for group in groups)
    best = [max(one["score"] for one in group) for group in members]
    assert best == sorted(best, reverse=True)
    for group in members:
        times = [by_id[one["id"]]["created_at"] for one in group]
        assert times == sorted(times)
        assert len({time[:10] for time in times}) == 1
        assert len({(by_id[one["id"]]["run_id"], by_id[one["id"]]["user_id"]) for one in group}) == 1


@given(hits(), st.integers(1, 400))
async def test_more_room_never_loses_the_best_memory(found: list[Json], tokens: int) -> None:
    if not found or not (await made(found, tokens))["memories"]:
        return
    ids = {one["id"] for one in (await made(found, tokens + 1000))["memories"]}

    assert found[0]["id"] in ids
