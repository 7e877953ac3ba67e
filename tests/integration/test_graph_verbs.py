"""What the graph can be asked, over the whole engine in this process with a recogniser that knows capital letters."""

from __future__ import annotations

import random
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from dataclasses import replace
from typing import Any

import pytest

from engine import graph
from engine.config import Settings, load
from engine.errors import NotFound, Unavailable
from engine.extract.recogniser import NoEntities
from engine.graph.store import NetworkxGraphStore
from engine.graph_port import GraphStore, NeighboursAnswer, NeighboursQuery, PathAnswer, PathQuery
from engine.in_process import in_process
from engine.memory import Memory
from engine.ports import Priority
from engine.sharding import Sharded
from engine.types import Applied, ChangeBatch, Entity, Json, Relation

NOW_US = 1_700_000_000_000_000


class Capitals(NoEntities):
    """Names every word that starts with a capital letter."""

    async def entities(self, texts: Sequence[str], priority: Priority = Priority.ADD) -> list[tuple[Entity, ...]]:
        return [tuple(Entity(word.strip(".")) for word in text.split() if word[0].isupper()) for text in texts]


class Typing(NetworkxGraphStore):
    """A graph to whose memories somebody has given relations."""

    def __init__(self, relations: dict[str, Relation]) -> None:
        super().__init__()
        self._relations = relations

    async def apply(self, batch: ChangeBatch) -> Applied:
        changes = tuple(
            replace(change, version=replace(change.version, relations=(self._relations[change.version.text],)))
            if change.version is not None and change.version.text in self._relations
            else change
            for change in batch.changes
        )
        return await super().apply(replace(batch, changes=changes))


class Lost:
    """A graph store that can be put back to what it was at its start, as a restart without a snapshot does."""

    def __init__(self) -> None:
        self.store: GraphStore = graph.in_memory()

    def __getattr__(self, method: str) -> Any:
        return getattr(self.store, method)


async def system(graph_: Any = None, settings: Settings | None = None) -> Memory:
    made = in_process(settings or load(), recogniser=Capitals(), graph_=graph_)
    await made.start()
    return made


@pytest.fixture
async def memory() -> AsyncIterator[Memory]:
    made = await system()
    yield made
    await made.close()


async def test_what_surrounds_an_entity_is_counted_and_its_memories_are_shown(memory: Memory) -> None:
    first = await memory.add("Ann met Ben in Lisbon", user_id="u", timestamp=1)
    second = await memory.add("Ann likes Lisbon", user_id="u", timestamp=2)
    await memory.add("Ann met Eve", user_id="somebody else")
    around = await memory.neighbours("  ANN ", user_id="u")
    assert around["entity"] == {"name": "Ann", "type": "other", "memories": 2}
    assert around["entities"] == [
        {"name": "Lisbon", "type": "other", "memories": 2},
        {"name": "Ben", "type": "other", "memories": 1},
    ]
    assert around["relations"] == [
        {"source": "Ann", "relationship": "mentioned_with", "target": "Lisbon"},
        {"source": "Ann", "relationship": "mentioned_with", "target": "Ben"},
    ]
    shown = [await memory.get(added["results"][0]["id"]) for added in (second, first)]
    assert around["memories"] == shown
    least = await memory.neighbours("Ann", user_id="u", limit=1)
    assert [len(least[part]) for part in ("relations", "entities", "memories")] == [1, 1, 1]
    with pytest.raises(NotFound, match="Eve"):
        await memory.neighbours("Eve", user_id="u")


async def test_entities_come_in_pages_with_counts(memory: Memory) -> None:
    await memory.add("Ann met Ben", user_id="u", agent_id="bot")
    await memory.add("Ann is here", user_id="u")
    page = await memory.graph_entities(user_id="u")
    assert page == {
        "count": 2,
        "page": 1,
        "page_size": 100,
        "results": [
            {"name": "Ann", "type": "other", "memories": 2},
            {"name": "Ben", "type": "other", "memories": 1},
        ],
    }
    assert (await memory.graph_entities(user_id="u", page=2, page_size=1))["results"] == page["results"][1:]
    assert [one["name"] for one in (await memory.graph_entities(user_id="u", name="BE"))["results"]] == ["Ben"]
    both = await memory.graph_entities(user_id="u", agent_id="bot")
    assert [one["memories"] for one in both["results"]] == [1, 1]
    assert (await memory.graph_entities(user_id="nobody"))["count"] == 0
    assert (await memory.graph_entities(user_id="u", project="another"))["count"] == 0


async def test_a_path_leads_over_memories_and_says_which(memory: Memory) -> None:
    first = await memory.add("Ann met Ben", user_id="u")
    second = await memory.add("Ben works with Eve", user_id="u")
    await memory.add("Zoe is alone", user_id="u")
    found = await memory.path("ann", "eve", user_id="u")
    assert found == {
        "found": True,
        "length": 2,
        "entities": ["Ann", "Ben", "Eve"],
        "steps": [
            {
                "source": "Ann",
                "relationship": "mentioned_with",
                "target": "Ben",
                "memory": await memory.get(first["results"][0]["id"]),
            },
            {
                "source": "Ben",
                "relationship": "mentioned_with",
                "target": "Eve",
                "memory": await memory.get(second["results"][0]["id"]),
            },
        ],
    }
    nothing = {"found": False, "length": 0, "entities": [], "steps": []}
    assert await memory.path("Ann", "Eve", user_id="u", most_steps=1) == nothing
    assert await memory.path("Ann", "Zoe", user_id="u") == nothing
    assert (await memory.path("Ann", "ANN", user_id="u")) == {**nothing, "found": True, "entities": ["Ann"]}
    for source, target in (("Ann", "Nobody"), ("Nobody", "Ann")):
        with pytest.raises(NotFound, match="Nobody"):
            await memory.path(source, target, user_id="u")


SHARDS = 4


def answered(path: Json) -> Json:
    """A path without the ids by which two systems differ."""
    return {**path, "steps": [{**step, "memory": step["memory"]["memory"]} for step in path["steps"]]}


@pytest.mark.parametrize("seed", range(6))
async def test_four_shards_find_the_way_that_one_finds(seed: int) -> None:
    chance = random.Random(seed)
    settings = load(shards=SHARDS)
    names = [f"Name{number}" for number in range(14)]
    typed = {f"fact {n} {a} {b}": Relation(b, "knows", a) for n, a, b in [(3, "Name1", "Name2"), (5, "Name2", "Name3")]}
    one, *four = [await system(Typing(typed), settings) for _ in range(SHARDS + 1)]
    doors = [Sharded(own, four, settings) for own in range(SHARDS)]
    texts = [*typed, *(f"fact {n} {' '.join(chance.sample(names, chance.choice([1, 2, 2, 3])))}" for n in range(12))]
    for number, text in enumerate(texts):
        for api in (one, chance.choice(doors)):
            await api.add(text, user_id=f"user-{number}", agent_id="bot", timestamp=number)
    lengths = set()
    for _ in range(40):
        ends, most = chance.choices(names, k=2), chance.randint(1, 6)
        try:
            expected = answered(await one.path(*ends, agent_id="bot", most_steps=most))
        except NotFound as error:
            with pytest.raises(NotFound, match=str(error)):
                await chance.choice(doors).path(*ends, agent_id="bot", most_steps=most)
        else:
            assert answered(await chance.choice(doors).path(*ends, agent_id="bot", most_steps=most)) == expected
            lengths.add(expected["length"])
    assert max(lengths) >= 2
    for memory in (one, *four):
        await memory.close()


async def test_typed_relations_come_first_and_name_a_step() -> None:
    memory = await system(Typing({"Ann and Ben": Relation("Ben", "works_for", "Ann", NOW_US)}))
    said = (await memory.add("Ann and Ben", user_id="u"))["results"][0]["id"]
    await memory.add("Ann and Eve", user_id="u")
    around = await memory.neighbours("Ann", user_id="u")
    assert around["relations"] == [
        {
            "source": "Ben",
            "relationship": "works_for",
            "target": "Ann",
            "valid_at": "2023-11-14T22:13:20.000000+00:00",
            "invalid_at": None,
            "memory_id": said,
        },
        {"source": "Ann", "relationship": "mentioned_with", "target": "Eve"},
    ]
    (step,) = (await memory.path("Ann", "Ben", user_id="u"))["steps"]
    assert (step["source"], step["relationship"], step["target"]) == ("Ben", "works_for", "Ann")
    await memory.close()


async def test_what_has_expired_or_is_deleted_surrounds_nothing(memory: Memory) -> None:
    await memory.add("Ann met Ben", user_id="u", expiration_date="2000-01-01")
    gone = (await memory.add("Ann met Eve", user_id="u"))["results"][0]["id"]
    await memory.add("Ann was here", user_id="u")
    await memory.delete(gone)
    around = await memory.neighbours("Ann", user_id="u")
    assert [one["memory"] for one in around["memories"]] == ["Ann was here"]
    assert (around["entities"], around["relations"]) == ([], [])
    assert (await memory.graph_entities(user_id="u"))["count"] == 1


async def test_a_graph_that_lost_everything_is_caught_up_before_it_answers() -> None:
    lost = Lost()
    memory = await system(lost)
    await memory.add("Ann met Ben", user_id="u")
    asks: list[Callable[[], Awaitable[Json]]] = [
        lambda: memory.graph_entities(user_id="u"),
        lambda: memory.neighbours("Ann", user_id="u"),
        lambda: memory.path("Ann", "Ben", user_id="u"),
    ]
    for ask in asks:
        before = await ask()
        lost.store = graph.in_memory()
        assert await ask() == before
    await memory.close()


class Behind(Lost):
    """A graph that has not heard yet of one deletion; it tells how often it was asked."""

    def __init__(self) -> None:
        super().__init__()
        self.asked = 0
        self.first: PathAnswer | None = None
        self.near: NeighboursAnswer | None = None

    async def path(self, query: PathQuery) -> PathAnswer:
        self.asked += 1
        fresh = await self.store.path(query)
        self.first = self.first or fresh
        return replace(self.first, applied=fresh.applied) if self.asked <= 2 else fresh

    async def neighbours(self, query: NeighboursQuery) -> NeighboursAnswer:
        fresh = await self.store.neighbours(query)
        self.near = self.near or fresh
        return replace(self.near, applied=fresh.applied)


async def test_a_deleted_memory_is_never_shown_though_the_graph_still_has_it() -> None:
    behind = Behind()
    memory = await system(behind)
    doomed = (await memory.add("Ann met Ben", user_id="u"))["results"][0]["id"]
    await memory.add("Ann met Eve", user_id="u")
    await memory.add("Eve met Ben", user_id="u")
    assert (await memory.path("Ann", "Ben", user_id="u"))["length"] == 1
    assert len((await memory.neighbours("Ann", user_id="u"))["memories"]) == 2
    await memory.delete(doomed)
    assert (await memory.path("Ann", "Ben", user_id="u"))["entities"] == ["Ann", "Eve", "Ben"]
    assert behind.asked == 3
    assert [one["memory"] for one in (await memory.neighbours("Ann", user_id="u"))["memories"]] == ["Ann met Eve"]
    await memory.close()


async def test_a_graph_that_is_down_is_said_to_be() -> None:
    memory = await system(closed := graph.in_memory())
    await memory.add("Ann met Ben", user_id="u")
    await closed.close()
    with pytest.raises(Unavailable):
        await memory.neighbours("Ann", user_id="u")
    await memory.close()


async def test_adds_and_searches_answer_relations_of_three_keys(memory: Memory) -> None:
    said = [{"role": "user", "name": "Ann", "content": "I met Ben"}, {"role": "user", "content": "Eve left"}]
    added = await memory.add(said, user_id="u", idempotency_key="k")
    assert added["relations"] == [
        {"source": "Ann", "relationship": "mentioned_with", "target": "I"},
        {"source": "Ann", "relationship": "mentioned_with", "target": "Ben"},
        {"source": "I", "relationship": "mentioned_with", "target": "Ben"},
    ]
    assert await memory.add(said, user_id="u", idempotency_key="k") == added
    await memory.add("Ann saw Ben again", user_id="u")
    found = await memory.search("Ann", user_id="u")
    assert {"source": "Ann", "relationship": "mentioned_with", "target": "Ben"} in found["relations"]
    crowd = " ".join(f"Name{number}" for number in range(30))
    assert len((await memory.add(crowd, user_id="u"))["relations"]) == 20
