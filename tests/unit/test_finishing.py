"""What a search may ask to be done with its hits: reranked, repetitions as one, variety."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest

from engine.finishing import Finished, finished
from engine.ranking.signals import Signal
from engine.retrieve import Candidate, Ranked
from engine.types import FloatArray, MemoryVersion, Scope
from engine.wishes import Wishes

TEXTS = ("tea is good", "tea is good!", "coffee was cold", "the sea is green", "rain all day")


def hit(place: int, name: str | None = "Ann") -> Ranked:
    version = MemoryVersion(f"m{place}", "p", Scope(user_id="u"), TEXTS[place], 1, 1, 0, 0, name=name)
    return Ranked(Candidate(version, {Signal.DENSE: 0.5}), round(0.9 - place / 10, 3))


RANKED = [hit(place) for place in range(len(TEXTS))]


async def by_length(query: str, texts: Sequence[str]) -> list[float]:
    return [len(text) / 100 for text in texts]


async def away(query: str, texts: Sequence[str]) -> None:
    return None


def ids(hits: Sequence[Finished]) -> list[str]:
    return [one.memory_id for one in hits]


async def test_without_wishes_all_stays() -> None:
    hits, whole = await finished(RANKED, "q", 3, Wishes(), {}, away)

    assert (ids(hits), whole) == (["m0", "m1", "m2"], True)
    assert hits[0].told({"score": 0.9}) == {"score": 0.9}


async def test_the_reranker_reads_who_said_it_and_its_score_becomes_the_hits() -> None:
    read: list[str] = []

    async def score(query: str, texts: Sequence[str]) -> list[float]:
        assert query == "q"
        read.extend(texts)
        return await by_length(query, texts)

    hits, whole = await finished(RANKED, "q", 2, Wishes(rerank=True, best=4), {}, score)

    assert read == [f"Ann: {text}" for text in TEXTS[:4]]
    assert (ids(hits), whole) == (["m3", "m2"], True)
    told = hits[0].told({"score": 0.6, "score_details": {}})
    assert told == {"score": 0.21, "score_details": {"rerank": 0.21, "score_before": 0.6}}


async def test_a_reranker_that_is_away_leaves_the_order_and_is_told_of() -> None:
    hits, whole = await finished(RANKED, "q", 3, Wishes(rerank=True), {}, away)

    assert (ids(hits), whole) == (["m0", "m1", "m2"], False)


async def test_nothing_found_is_not_reranked() -> None:
    assert await finished([], "q", 3, Wishes(rerank=True, collapse=True, diversity=0.5), {}, away) == ([], True)


async def test_repetitions_become_one_hit_that_names_the_others() -> None:
    hits, _ = await finished(RANKED, "q", 3, Wishes(collapse=True), {}, away)

    assert ids(hits) == ["m0", "m2", "m3"]
    assert hits[0].also == ("m1",)
    assert hits[0].told({})["also"] == ["m1"]


async def test_the_same_words_of_somebody_else_are_no_repetition() -> None:
    hits, _ = await finished([hit(0), hit(1, "Bob")], "q", 3, Wishes(collapse=True), {}, away)

    assert ids(hits) == ["m0", "m1"]


@pytest.mark.parametrize(("with_vectors", "order"), [(False, ["m0", "m2", "m4"]), (True, ["m0", "m1", "m3"])])
async def test_variety_goes_by_vectors_and_where_one_is_missing_by_words(with_vectors: bool, order: list[str]) -> None:
    axes: list[FloatArray] = list(np.eye(4, dtype=np.float32))
    vectors = {f"m{place}": axes[axis] for place, axis in enumerate([0, 1, 0, 2, 3])}
    if not with_vectors:
        del vectors["m4"]

    hits, _ = await finished(RANKED, "q", 3, Wishes(diversity=0.5), vectors, away)

    assert ids(hits) == order


@pytest.mark.parametrize(
    ("wishes", "top_k", "spare"),
    [
        (Wishes(), 10, 10),
        (Wishes(diversity=0.1), 10, 30),
        (Wishes(collapse=True), 10, 30),
        (Wishes(rerank=True, best=40), 10, 40),
        (Wishes(rerank=True, best=40), 50, 50),
    ],
)
def test_what_may_go_is_made_up_for(wishes: Wishes, top_k: int, spare: int) -> None:
    assert wishes.spare(top_k) == spare
