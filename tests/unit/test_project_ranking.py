"""Weights that a project sets, and what a search may ask to be done with its hits: over a whole memory system."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

from engine.config import RerankSettings, SearchSettings, Settings
from engine.errors import InvalidInput, Unavailable
from engine.in_process import in_process
from engine.ledger.store import SqlLedger
from engine.memory import Memory
from engine.ranking.signals import Signal
from engine.ranking.weights import SHIPPED

TEXTS = ("tea is good", "tea is good!", "coffee was cold", "green tea from the mountains of Japan", "rain all day")


class Longest:
    """A reranker for which longer is better; `gone`: it answers nothing."""

    def __init__(self) -> None:
        self.gone = False
        self.asked: list[list[str]] = []

    async def score(self, query: str, texts: Sequence[str]) -> list[float]:
        if self.gone:
            raise Unavailable("no reranker")
        self.asked.append(list(texts))
        return [len(text) / 100 for text in texts]


class Failing:
    """A ledger that can't say what a project has set."""

    def __init__(self, ledger: SqlLedger) -> None:
        self._ledger = ledger

    def __getattr__(self, name: str) -> Any:
        return getattr(self._ledger, name)

    async def ranking(self, project: str) -> Mapping[str, float]:
        raise Unavailable("the ledger is away")


@pytest.fixture
def reranker() -> Longest:
    return Longest()


@pytest.fixture
async def memory(reranker: Longest) -> AsyncIterator[Memory]:
    memory = in_process(Settings(rerank=RerankSettings(model="longest")), reranker=reranker)
    await memory.start()
    for text in TEXTS:
        await memory.add(text, user_id="ann")
    yield memory
    await memory.close()


async def weights_in(memory: Memory, **fields: Any) -> Mapping[str, float]:
    found = await memory.search("tea", user_id="ann", explain=True, threshold=0.0, **fields)
    told: Mapping[str, float] = found["results"][0]["score_details"]["weights"]
    return told


async def texts_of(memory: Memory, **fields: Any) -> list[str]:
    found = await memory.search("tea", user_id="ann", threshold=0.0, **fields)
    return [hit["memory"] for hit in found["results"]]


async def test_what_a_project_sets_counts_in_its_searches_until_it_is_reset(memory: Memory) -> None:
    assert (await memory.ranking())["weights"] == {signal.value: weight for signal, weight in SHIPPED.items()}

    told = await memory.set_ranking({"dense": 0.0, "keywords": 3})

    assert told["set"] == {"dense": 0.0, "keywords": 3.0}
    assert await memory.ranking() == told
    used = await weights_in(memory)
    assert (used["dense"], used["keywords"], used["tokens"]) == (0.0, 3.0, SHIPPED[Signal.TOKENS])
    assert (await memory.set_ranking(None))["set"] == {}
    assert (await weights_in(memory))["keywords"] == SHIPPED[Signal.KEYWORDS]


async def test_a_searchs_own_weights_win(memory: Memory) -> None:
    await memory.set_ranking({"dense": 0.25, "keywords": 3})

    used = await weights_in(memory, weights={"keywords": 1})

    assert (used["dense"], used["keywords"]) == (0.25, 1.0)


async def test_weights_of_one_project_are_not_those_of_another(memory: Memory) -> None:
    await memory.set_ranking({"keywords": 3}, project="other")

    assert (await weights_in(memory))["keywords"] == SHIPPED[Signal.KEYWORDS]


async def test_they_outlive_the_process_and_lie_over_those_of_the_server(tmp_path: Path) -> None:
    settings = Settings(search=SearchSettings(weights={Signal.DENSE: 2.0, Signal.KEYWORDS: 2.0}))
    for start in range(2):
        ledger = SqlLedger(f"sqlite:///{tmp_path / 'ledger.db'}")
        memory = in_process(settings, ledger_=ledger)
        await memory.start()
        await memory.add(f"tea is good, said at start {start}", user_id="ann")
        if start == 0:
            await memory.set_ranking({"keywords": 3})
        used = await weights_in(memory)
        await memory.close()
        await ledger.close()
        assert (used["dense"], used["keywords"]) == (2.0, 3.0)


async def test_a_search_does_without_weights_that_nobody_can_tell(tmp_path: Path) -> None:
    ledger = SqlLedger("sqlite://")
    broken: Any = Failing(ledger)
    memory = in_process(ledger_=broken)
    await memory.start()
    await memory.add("tea is good", user_id="ann")

    found = await memory.search("tea", user_id="ann", threshold=0.0)

    assert ([hit["memory"] for hit in found["results"]], found["degraded"]) == (["tea is good"], ["ranking"])
    await memory.close()
    await ledger.close()


@pytest.mark.parametrize(
    ("weights", "told"),
    [
        ({"density": 1}, "there is no signal|unknown signal"),
        ({"dense": 11}, "weights.dense should be a number from 0 to 10"),
        ({"dense": True}, "weights.dense should be a number"),
        ({"dense": "much"}, "weights.dense should be a number"),
        ([], "weights should be an object"),
    ],
)
async def test_weights_that_make_no_sense_are_refused_wherever_they_come(
    memory: Memory, weights: Any, told: str
) -> None:
    with pytest.raises(InvalidInput, match=told):
        await memory.set_ranking(weights)
    with pytest.raises(InvalidInput, match=told):
        await memory.search("tea", user_id="ann", weights=weights)
    assert (await memory.ranking())["set"] == {}


async def test_a_reranked_search_is_in_the_rerankers_order_with_its_scores(memory: Memory, reranker: Longest) -> None:
    found = await memory.search("tea", user_id="ann", threshold=0.0, top_k=2, rerank=True, explain=True)

    assert [hit["memory"] for hit in found["results"]] == [TEXTS[3], TEXTS[2]]
    first = found["results"][0]
    assert first["score"] == first["score_details"]["rerank"] == len(TEXTS[3]) / 100
    assert 0 <= first["score_details"]["score_before"] <= 1
    assert sorted(reranker.asked[0]) == sorted(TEXTS)
    assert found["degraded"] == []


async def test_without_being_asked_nothing_is_reranked(memory: Memory, reranker: Longest) -> None:
    await texts_of(memory)

    assert reranker.asked == []


async def test_a_reranker_that_is_away_is_named_and_the_order_stays(memory: Memory, reranker: Longest) -> None:
    plain = await texts_of(memory)
    reranker.gone = True

    found = await memory.search("tea", user_id="ann", threshold=0.0, rerank=True)

    assert found["degraded"] == ["rerank"]
    assert [hit["memory"] for hit in found["results"]] == plain


async def test_repetitions_are_one_hit(memory: Memory) -> None:
    found = await memory.search("tea", user_id="ann", threshold=0.0, collapse=True)

    texts = [hit["memory"] for hit in found["results"]]
    assert len(texts) == len(TEXTS) - 1
    (shown,) = [hit for hit in found["results"] if hit["memory"] in TEXTS[:2]]
    assert len(shown["also"]) == 1


async def test_with_diversity_a_repetition_comes_later(memory: Memory) -> None:
    plain = await texts_of(memory, top_k=3)
    varied = await texts_of(memory, top_k=3, diversity=0.7)

    assert set(TEXTS[:2]) <= set(plain)
    assert not set(TEXTS[:2]) <= set(varied[:2])
    assert varied[0] == plain[0]


@pytest.mark.parametrize("fields", [{"diversity": 1.5}, {"diversity": "much"}, {"rerank": 1}, {"collapse": "yes"}])
async def test_wishes_that_make_no_sense_are_refused(memory: Memory, fields: Any) -> None:
    with pytest.raises(InvalidInput, match=next(iter(fields))):
        await memory.search("tea", user_id="ann", **fields)
