"""A search over four shards ranks as one shard that has everything; what it says when some of them are away."""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import AsyncIterator, Sequence
from itertools import pairwise
from typing import Any

import pytest

from engine import graph, ids
from engine.concurrency import TaskSet
from engine.config import Settings, load
from engine.embed.hashing import HashingEmbedder
from engine.errors import DeadlineExceeded, InvalidInput, Overloaded, RemoraError, Unavailable
from engine.extract.recogniser import NoEntities
from engine.in_process import in_process
from engine.memory import Memory
from engine.ports import Encoded, Priority
from engine.requests import parse_search
from engine.scatter import circuits_of, scattered_search
from engine.types import Entity, Json, JsonList, Scope

SHARDS = 4
NOT_DERIVED = {"enabled": False}
"""What is computed in the background comes at its own time, in each shard."""
USERS = [f"user-{number}" for number in range(12)]
TODAY = "2024-01-01"
WORDS = [
    "tea",
    "rum",
    "cat",
    "dog",
    "boat",
    "river",
    "lamp",
    "winter",
    "train",
    "garden",
    "violin",
    "bread",
    "market",
    "letter",
    "window",
]
RARE = ["quince", "zither", "gnomon"]


class Names(NoEntities):
    """Names every word that starts with a capital letter."""

    async def entities(self, texts: Sequence[str], priority: Priority = Priority.ADD) -> list[tuple[Entity, ...]]:
        return [tuple(Entity(word) for word in text.split() if word[0].isupper()) for text in texts]


class Switch(HashingEmbedder):
    """A model that can be away, and counts how often it is asked."""

    def __init__(self) -> None:
        super().__init__(384)
        self.away = False
        self.calls = 0

    async def encode(self, *args: Any, **kwargs: Any) -> Encoded:
        self.calls += 1
        if self.away:
            raise Unavailable("the model is away")
        return await super().encode(*args, **kwargs)


class Away:
    """A shard of which some verbs fail with an error, or never answer (None)."""

    def __init__(self, shard: Memory) -> None:
        self.shard = shard
        self.verbs: dict[str, RemoraError | None] = {}
        self.called: list[str] = []

    def __getattr__(self, verb: str) -> Any:
        async def call(*args: Any, **fields: Any) -> Any:
            self.called.append(verb)
            if verb in self.verbs:
                error = self.verbs[verb]
                if error is not None:
                    raise error
                await asyncio.Event().wait()
            return await getattr(self.shard, verb)(*args, **fields)

        return call


class System:
    """The same memories in one shard and in four."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.model = Switch()
        self.graphs = [graph.in_memory() for _ in range(SHARDS + 1)]
        self.memories = [
            in_process(settings, embedder=self.model, recogniser=Names(), graph_=store) for store in self.graphs
        ]
        self.one = self.memories[0]
        self.four = [Away(shard) for shard in self.memories[1:]]
        self.tasks = TaskSet()
        self.circuits = circuits_of(SHARDS, settings.search, settings.runtime.deadline_s, self.tasks)

    async def add(self, text: str, at_s: int, **scope: Any) -> None:
        fields = {**scope, "timestamp": at_s}
        home = self.four[home_of(Scope(**{name: scope[name] for name in scope if name.endswith("_id")}))]
        await asyncio.gather(self.one.add(text, **fields), home.shard.add(text, **fields))

    async def scattered(
        self, query: str, *, deadline_s: float = 20.0, positions: dict[int, int] | None = None, **fields: Any
    ) -> Json:
        request = parse_search(query, fields, self.settings.limits, self.settings.search)
        told: JsonList = [{**fields, "min_position": (positions or {}).get(number)} for number in range(SHARDS)]
        return await scattered_search(
            self.four[0],
            self.four,
            request,
            told,  # type: ignore[arg-type]
            circuits=self.circuits,
            settings=self.settings.search,
            deadline_s=deadline_s,
            today=TODAY,
        )

    async def same(self, query: str, **fields: Any) -> list[str]:
        """The texts found, after a look that both ways give the same hits with the same parts of their scores."""
        alone, together = await asyncio.gather(
            self.one.search(query, explain=True, **fields), self.scattered(query, explain=True, **fields)
        )
        assert [hit["memory"] for hit in together["results"]] == [hit["memory"] for hit in alone["results"]]
        for mine, theirs in zip(together["results"], alone["results"], strict=True):
            assert mine["score"] == pytest.approx(theirs["score"], abs=1e-5)
            assert mine["score_details"]["signals"] == pytest.approx(theirs["score_details"]["signals"], abs=1e-5)
        assert together["degraded"] == []
        assert together["position"] is None
        return [hit["memory"] for hit in together["results"]]


def home_of(scope: Scope) -> int:
    return ids.shard_of(ids.slot_of(ids.routing_key("default", scope)), SHARDS)


async def started(settings: Settings) -> System:
    system = System(settings)
    await asyncio.gather(*[memory.start() for memory in system.memories])
    return system


@pytest.fixture
async def system() -> AsyncIterator[System]:
    made = await started(load(signals=NOT_DERIVED))
    yield made
    await made.tasks.close()
    await asyncio.gather(*[memory.close() for memory in made.memories])


async def tell(system: System, seed: int, count: int = 120) -> None:
    """Memories of many users, some with an agent, some in common runs; lengths, words and users unevenly spread."""
    chosen = random.Random(seed)
    for number in range(count):
        user = USERS[min(int(chosen.expovariate(0.3)), len(USERS) - 1)]
        words = chosen.choices(WORDS, k=chosen.randint(2, 9)) + ([chosen.choice(RARE)] if number % 9 == 0 else [])
        scope: Json = {"user_id": user, "metadata": {"odd": number % 2 == 1}}
        if number % 3:
            scope["agent_id"] = "helper"
        if number % 4 == 0:
            scope["run_id"] = f"run-{number % 3}"
        if number % 10 == 0:
            scope["expiration_date"] = "2000-01-01"
        await system.add(" ".join([*words, f"n{number}"]), 1_700_000_000 + number, **scope)


async def test_users_of_these_tests_live_in_several_shards() -> None:
    assert len({home_of(Scope(user_id=user)) for user in USERS}) == SHARDS


@pytest.mark.parametrize("seed", range(4))
async def test_four_shards_rank_as_one(system: System, seed: int) -> None:
    await tell(system, seed)
    scopes: list[Json] = [
        {"agent_id": "helper"},
        {"run_id": "run-0"},
        {"filters": {"OR": [{"user_id": USERS[0]}, {"user_id": USERS[3]}, {"user_id": "nobody"}]}},
        {"user_id": "*"},
        {"agent_id": "helper", "filters": {"AND": [{"user_id": "*"}, {"metadata": {"odd": True}}]}},
        {"agent_id": "nobody"},
    ]
    limits: list[Json] = [{"threshold": 0.0}, {}, {"top_k": 3}, {"threshold": 0.35, "top_k": 50}]
    limits.append({"include_expired": True, "top_k": 40})
    for scope in scopes:
        for query in ("tea", "quince and gnomon in the garden", "winter boat", "letters from the market"):
            for more in limits:
                await system.same(query, **scope, **more)
        # Nothing speaks for any of them, so it matters that all are looked at: of equals each shard may take others.
        await system.same("the", **scope, threshold=0.0, top_k=50)


async def test_words_weigh_by_all_texts_not_by_those_of_their_shard(system: System) -> None:
    for number, user in enumerate(USERS):
        await system.add(f"quince {number}", 1_700_000_000 + number, user_id=user, agent_id="helper")
        for other in range(number):
            await system.add(
                f"tea {number} {other}", 1_700_001_000 + 20 * number + other, user_id=user, agent_id="helper"
            )
    found = await system.same("quince tea", agent_id="helper", top_k=50, threshold=0.0)
    assert len(found) == 50


async def test_a_block_that_was_never_asked_for_is_filled_for_its_statistics(system: System) -> None:
    await tell(system, 5, count=40)
    for shard in system.four:
        shard.called.clear()
    await system.same("tea", agent_id="helper")
    assert [shard.called for shard in system.four] == [
        ["evidence", "statistics", "candidates"],
        *[["statistics", "candidates"]] * (SHARDS - 1),
    ]


async def test_the_models_are_asked_once(system: System) -> None:
    await tell(system, 6, count=8)
    calls = system.model.calls
    await system.scattered("a question", agent_id="helper")
    assert system.model.calls == calls + 1


async def test_memories_that_mention_an_entity_score_by_its_mentions_in_all_shards(system: System) -> None:
    for number, user in enumerate(USERS):
        await system.add(
            f"Kyoto {' '.join(WORDS[: number + 1])}", 1_700_000_000 + number, user_id=user, agent_id="helper"
        )
        if number % 2:
            await system.add(f"Osaka {WORDS[number]}", 1_700_000_100 + number, user_id=user, agent_id="helper")
    for query in ("Kyoto", "Osaka", "Kyoto or Osaka", "is there a way to Kyoto"):
        await system.same(query, agent_id="helper", threshold=0.0, top_k=30)
    assert await system.same("Nara", agent_id="helper", threshold=0.5) == []


async def test_what_only_the_graph_has_found_is_fetched_from_its_shard() -> None:
    system = await started(load(search={"weights": {"graph": 1.0}, "candidates": 1}, signals=NOT_DERIVED))
    for number, user in enumerate(USERS):
        await system.add(
            f"{' '.join(WORDS[: number + 1])} ann", 1_700_000_000 + number, user_id=user, agent_id="helper"
        )
    tale = f"Ann told of {' '.join(3 * WORDS)}"
    await system.add(tale, 1_700_000_100, user_id=USERS[7], agent_id="helper")
    home = system.four[home_of(Scope(user_id=USERS[7]))]
    assert (await system.same("Ann", agent_id="helper", top_k=2))[0] == tale
    asked = [shard.called.count("candidates") for shard in system.four]
    assert asked == [1 + (shard is home) for shard in system.four]
    home.verbs["candidates"] = Unavailable("away")
    found = await system.scattered("Ann", agent_id="helper", top_k=2)
    assert tale not in [hit["memory"] for hit in found["results"]]
    assert "graph" in found["degraded"]
    await asyncio.gather(*[memory.close() for memory in system.memories])


async def test_a_walk_over_parts_finds_what_one_walk_finds(system: System) -> None:
    """What lies further off is near, not exact: the same memories, with shares of the same size."""
    for number, user in enumerate(USERS):
        await system.add(f"Ann saw Place{number % 3}", 1_700_000_000 + number, user_id=user, agent_id="helper")
        await system.add(f"a way leads to Place{number % 3}", 1_700_000_100 + number, user_id=user, agent_id="helper")
    alone = await system.one.search("Ann", agent_id="helper", top_k=50, threshold=0.0, explain=True)
    found = await system.scattered("Ann", agent_id="helper", top_k=50, threshold=0.0, explain=True)
    assert {hit["memory"] for hit in found["results"]} == {hit["memory"] for hit in alone["results"]}
    exact = {hit["memory"] + hit["user_id"]: hit["score_details"]["signals"]["graph"] for hit in alone["results"]}
    for hit in found["results"]:
        assert hit["score_details"]["signals"]["graph"] == pytest.approx(exact[hit["memory"] + hit["user_id"]], rel=0.5)


async def test_relations_of_all_shards_are_answered(system: System) -> None:
    for number in range(2):
        for user in USERS[:4]:
            await system.add(f"Ann met Ben {number}", 1_700_000_000 + number, user_id=user, agent_id="helper")
    found = await system.scattered("Ann", agent_id="helper")
    assert found["relations"] == [{"source": "Ann", "relationship": "mentioned_with", "target": "Ben"}]


@pytest.mark.parametrize("verb", ["statistics", "candidates"])
@pytest.mark.parametrize("error", [Unavailable("away"), None], ids=["down", "late"])
async def test_a_shard_that_is_away_is_named_and_the_others_answer(
    system: System, verb: str, error: RemoraError | None
) -> None:
    await tell(system, 7, count=60)
    away = system.four[1]
    whole = await system.scattered("tea", agent_id="helper", threshold=0.0, top_k=100)
    away.verbs[verb] = error
    found = await system.scattered("tea", agent_id="helper", threshold=0.0, top_k=100, deadline_s=6.0)
    assert found["degraded"] == ["dense", "keywords", "graph"]
    theirs = {hit["id"] for hit in whole["results"] if home_of(Scope(user_id=hit["user_id"])) == 1}
    assert theirs
    assert {hit["id"] for hit in found["results"]} == {hit["id"] for hit in whole["results"]} - theirs


async def test_a_shard_that_hangs_costs_many_searches_one_deadline(system: System) -> None:
    await tell(system, 7, count=20)
    system.four[1].verbs["statistics"] = None
    system.circuits = circuits_of(SHARDS, load(search={"leg_deadline_s": 0.05}).search, 30.0, system.tasks)
    began_s = time.monotonic()
    for _ in range(20):
        found = await system.scattered("tea", agent_id="helper", threshold=0.0)
        assert found["degraded"] == ["dense", "keywords", "graph"]
    assert time.monotonic() - began_s < 3
    assert [circuit.is_open for circuit in system.circuits] == [False, True, False, False]
    called = system.four[1].called.count("statistics")
    assert called < 10
    del system.four[1].verbs["statistics"]
    async with asyncio.timeout(10):
        while (await system.scattered("tea", agent_id="helper", threshold=0.0))["degraded"]:
            await asyncio.sleep(0.02)


async def test_with_all_shards_away_it_says_so(system: System) -> None:
    for shard in system.four:
        shard.verbs["candidates"] = Unavailable("away")
    with pytest.raises(Unavailable, match="no shard"):
        await system.scattered("tea", agent_id="helper")
    system.four[3].verbs["candidates"] = Overloaded("full", {"retry_after_s": 3})
    with pytest.raises(Overloaded, match="full"):
        await system.scattered("tea", agent_id="helper")


async def test_without_the_model_words_are_searched_for(system: System) -> None:
    await tell(system, 8, count=30)
    system.model.away = True
    found = await system.scattered("violin", agent_id="helper")
    assert found["degraded"] == ["dense"]
    assert found["results"]
    assert all("violin" in hit["memory"] for hit in found["results"])


@pytest.mark.parametrize("which", [slice(0, None), slice(1, None)], ids=["of all", "of who mentions it"])
async def test_graphs_that_are_away_are_named(system: System, which: slice) -> None:
    for user in USERS:
        if home_of(Scope(user_id=user)):
            await system.add("Ann likes tea", 1_700_000_000, user_id=user, agent_id="helper")
    assert (await system.scattered("Ann", agent_id="helper"))["degraded"] == []
    await asyncio.gather(*[store.close() for store in system.graphs[1:][which]])
    found = await system.scattered("Ann", agent_id="helper")
    assert found["degraded"] == ["graph"]
    assert found["results"]


async def test_a_shard_that_is_away_is_not_left_out_when_its_position_was_asked_for(system: System) -> None:
    await tell(system, 10, count=20)
    away = system.four[1]
    away.verbs = dict.fromkeys(("statistics", "candidates"), Unavailable("away"))
    assert (await system.scattered("tea", agent_id="helper", positions={2: 1}))["degraded"]
    with pytest.raises(Unavailable, match="away"):
        await system.scattered("tea", agent_id="helper", positions={1: 1})


async def test_a_bad_search_is_refused_by_any_shard(system: System) -> None:
    system.four[2].verbs["statistics"] = InvalidInput("no")
    with pytest.raises(InvalidInput):
        await system.scattered("tea", agent_id="helper")


async def test_only_the_shard_of_a_position_waits_for_it(system: System) -> None:
    await system.add("tea", 1_700_000_000, user_id=USERS[0], agent_id="helper")
    home = home_of(Scope(user_id=USERS[0]))
    found = await system.scattered("tea", agent_id="helper", positions={home: 1})
    assert [hit["memory"] for hit in found["results"]] == ["tea"]
    with pytest.raises(DeadlineExceeded):
        await system.scattered("tea", agent_id="helper", positions={home: 2}, deadline_s=0.5)


async def test_scores_fall_along_the_answer(system: System) -> None:
    await tell(system, 9, count=50)
    found = await system.scattered("tea boat", agent_id="helper", threshold=0.0, top_k=50)
    scores = [hit["score"] for hit in found["results"]]
    assert all(one >= other for one, other in pairwise(scores))
