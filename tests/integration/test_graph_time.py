"""Relations over time through the whole engine in this process: read from texts, closed, asked for at another time."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from typing import Any

import pytest

from engine.config import Settings, load
from engine.errors import InvalidInput
from engine.extract.recogniser import NoEntities
from engine.in_process import in_process
from engine.memory import Memory
from engine.ports import Priority
from engine.sharding import Sharded
from engine.types import Entity, Json

SHARDS = 3
DAY = 86_400


class Capitals(NoEntities):
    """Names every word that starts with a capital letter, but for the first of a text."""

    async def entities(self, texts: Sequence[str], priority: Priority = Priority.ADD) -> list[tuple[Entity, ...]]:
        return [tuple(Entity(word.strip(".?")) for word in text.split()[1:] if word[0].isupper()) for text in texts]


async def system(settings: Settings | None = None) -> Memory:
    made = in_process(settings or load(), recogniser=Capitals())
    await made.start()
    return made


@pytest.fixture
async def memory() -> AsyncIterator[Memory]:
    made = await system()
    yield made
    await made.close()


@pytest.fixture(params=["one shard", "three shards"])
async def api(request: pytest.FixtureRequest) -> AsyncIterator[Any]:
    """The same verbs over one memory system or over three shards."""
    settings = load(shards=SHARDS) if request.param == "three shards" else load()
    parts = [await system(settings) for _ in range(SHARDS if request.param == "three shards" else 1)]
    yield Sharded(0, parts, settings) if len(parts) > 1 else parts[0]
    for part in parts:
        await part.close()


def stated(answer: Json) -> list[tuple[str, str, str]]:
    return [(one["source"], one["relationship"], one["target"]) for one in answer["relations"] if one.get("memory_id")]


async def test_where_one_lives_is_what_the_newest_memory_says_until_it_is_deleted(memory: Memory) -> None:
    old = (await memory.add("I live in Bonn.", user_id="ana", timestamp=DAY))["results"][0]["id"]
    added = await memory.add("I moved to Rome!", user_id="ana", timestamp=3 * DAY)
    new = added["results"][0]["id"]
    assert added["relations"][0] == {"source": "ana", "relationship": "lives_in", "target": "Rome"}

    now = await memory.neighbours("Ana", user_id="ana")
    assert stated(now) == [("ana", "lives_in", "Rome")]
    assert now["relations"][0]["memory_id"] == new
    assert now["relations"][0]["valid_at"] == "1970-01-04T00:00:00.000000+00:00"
    assert now["relations"][0]["invalid_at"] is None

    then = await memory.neighbours("ana", user_id="ana", at="1970-01-03")
    assert stated(then) == [("ana", "lives_in", "Bonn")]
    assert [one["id"] for one in then["memories"]] == [old]
    assert (await memory.graph_entities(user_id="ana", at=2 * DAY))["count"] == 2
    with pytest.raises(InvalidInput, match="at"):
        await memory.neighbours("ana", user_id="ana", at="yesterday")

    await memory.delete(new)
    again = await memory.neighbours("ana", user_id="ana")
    assert stated(again) == [("ana", "lives_in", "Bonn")]


async def test_an_update_states_what_its_new_text_does(memory: Memory) -> None:
    one = (await memory.add("I live in Bonn.", user_id="ana"))["results"][0]["id"]
    await memory.update(one, metadata={"a": 1})
    assert stated(await memory.neighbours("ana", user_id="ana")) == [("ana", "lives_in", "Bonn")]
    await memory.update(one, text="I live in Oslo.")
    assert stated(await memory.neighbours("ana", user_id="ana")) == [("ana", "lives_in", "Oslo")]


async def test_a_named_speaker_is_i_and_an_assistant_is_nobody(memory: Memory) -> None:
    said = [
        {"role": "user", "name": "Clara", "content": "My sister Eva lives in Rome."},
        {"role": "assistant", "content": "I live in Cyberspace."},
    ]
    await memory.add(said, user_id="ana")
    assert set(stated(await memory.neighbours("Eva", user_id="ana"))) == {
        ("Clara", "sister", "Eva"),
        ("Eva", "lives_in", "Rome"),
    }
    assert stated(await memory.neighbours("Cyberspace", user_id="ana")) == []


async def test_without_rules_nothing_is_stated() -> None:
    memory = await system(load(extract={"relations": "none"}))
    added = await memory.add("I live in Bonn with Eva.", user_id="ana")
    assert [one["relationship"] for one in added["relations"]] == ["mentioned_with"]
    await memory.close()


async def test_further_around_come_what_is_stated_of_others_and_how_far_they_are(api: Any) -> None:
    for number, text in enumerate(("My friend Anna moved to Rome", "Ben works at Mill", "Anna is married to Ben.")):
        await api.add(text, user_id=f"u{number}", agent_id="bot", timestamp=number)
    near = await api.neighbours("Anna", agent_id="bot")
    assert {one["name"] for one in near["entities"]} == {"u0", "Rome", "Ben"}
    assert "distance" not in near["entities"][0]
    wide = await api.neighbours("Anna", agent_id="bot", depth=2)
    assert {one["name"]: one["distance"] for one in wide["entities"]} == {"u0": 1, "Rome": 1, "Ben": 1, "Mill": 2}
    assert set(stated(wide)) == {
        ("Anna", "married_to", "Ben"),
        ("Anna", "lives_in", "Rome"),
        ("Ben", "works_at", "Mill"),
        ("u0", "friend", "Anna"),
    }
    assert len((await api.neighbours("Anna", agent_id="bot", depth=3, limit=2))["entities"]) == 2
    with pytest.raises(InvalidInput, match="depth"):
        await api.neighbours("Anna", agent_id="bot", depth=4)


async def test_communities_are_those_who_are_mentioned_together(api: Any) -> None:
    texts = [
        "so Anna and Ben met Cleo",
        "so Anna met Ben",
        "so Cleo saw Ben and Anna",
        "so Dora and Emil met Fay",
        "so Dora met Emil",
        "so Fay saw Emil and Dora",
        "so Anna met Dora",
        "so Zoe",
        "Emil works at Mill",
    ]
    for number, text in enumerate(texts):
        await api.add(text, user_id=f"u{number}", agent_id="bot", timestamp=number)
    found = await api.communities(agent_id="bot")
    groups = [{one["name"] for one in community["entities"]} for community in found["communities"]]
    assert groups == [{"Dora", "Emil", "Fay", "Mill"}, {"Anna", "Ben", "Cleo"}]
    assert (found["count"], [one["size"] for one in found["communities"]]) == (2, [4, 3])
    assert stated(found["communities"][0]) == [("Emil", "works_at", "Mill")]
    assert found["communities"][1]["relations"] == []
    few = await api.communities(agent_id="bot", limit=1)
    assert (few["count"], len(few["communities"]), len(few["communities"][0]["entities"])) == (2, 1, 1)
    early = await api.communities(agent_id="bot", at=2)
    assert [one["size"] for one in early["communities"]] == [3]
    assert (await api.communities(agent_id="nobody")) == {"count": 0, "communities": []}


async def test_of_many_users_the_newest_memory_says_where_somebody_lives(api: Any) -> None:
    for number, place in enumerate(("Bonn", "Rome", "Oslo", "Kiel")):
        await api.add(f"Anna moved to {place}.", user_id=f"user-{number}", agent_id="bot", timestamp=number)
    assert stated(await api.neighbours("Anna", agent_id="bot")) == [("Anna", "lives_in", "Kiel")]
    assert stated(await api.neighbours("Anna", agent_id="bot", at=1)) == [("Anna", "lives_in", "Rome")]
    way = await api.path("Anna", "Kiel", agent_id="bot", at=3)
    assert way["steps"][0]["relationship"] == "lives_in"


async def by_graph(api: Any, question: str, **fields: Any) -> list[str]:
    """The memories that the graph has found, the nearest first."""
    found = await api.search(question, explain=True, threshold=0.0, top_k=50, **fields)
    near = {one["memory"]: one["score_details"]["signals"].get("graph") or 0.0 for one in found["results"]}
    return sorted((text for text in near if near[text]), key=lambda text: -near[text])


async def test_a_question_by_role_reaches_what_is_two_relations_away(api: Any) -> None:
    texts = ("My sister Anna is tall.", "Anna is married to Ben.", "Ben works at Mill.", "so Carl works at Bank")
    for number, text in enumerate((*texts, *(f"so Name{n} met Other{n}" for n in range(20)))):
        await api.add(text, user_id="ana", timestamp=number)
    assert set((await by_graph(api, "what does my sister like?", user_id="ana"))[:2]) == {texts[0], texts[1]}
    husband = await by_graph(api, "and where does Anna's husband work?", user_id="ana")
    assert texts[2] in husband[:2]
    assert texts[3] not in husband
    assert await by_graph(api, "what does my brother like?", user_id="ana") == []


async def test_of_many_users_a_role_is_who_has_it_in_any_shard(api: Any) -> None:
    await api.add("My sister Anna is tall.", user_id="u1", agent_id="bot")
    await api.add("so Anna plays chess", user_id="u2", agent_id="bot")
    await api.add("so Ben plays chess", user_id="u3", agent_id="bot")
    found = await by_graph(api, "what does my sister do?", agent_id="bot")
    assert set(found) == {"My sister Anna is tall.", "so Anna plays chess"}
