"""The verbs, the same suite over the engine in this process and over the actors of a real runtime."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import AsyncIterator
from datetime import UTC, datetime

import pytest

from engine.api import MemoryApi
from engine.errors import Conflict, InvalidInput, NotFound, TooLarge
from engine.in_process import in_process


def _nested(levels: int) -> dict[str, object]:
    return {"a": _nested(levels - 1)} if levels else {}


@pytest.fixture(params=["in process", "actors"])
async def memory(request: pytest.FixtureRequest) -> AsyncIterator[MemoryApi]:
    if request.param == "actors":
        yield request.getfixturevalue("api")
        return
    system = in_process()
    await system.start()
    yield system
    await system.close()


@pytest.fixture
def user() -> str:
    return f"user-{uuid.uuid4().hex}"


async def position_of(memory: MemoryApi) -> int:
    """Of the ledger. A system in this process is one shard, and tells what a runtime tells of each."""
    status = await memory.status()
    position: int = status.get("shards", [status])[0]["ledger"]["position"]
    return position


async def test_what_was_said_is_found_with_all_that_belongs_to_it(memory: MemoryApi, user: str) -> None:
    said = [
        {"role": "system", "content": "Be brief."},
        {"role": "user", "content": "I planted tomatoes", "name": "Ann", "timestamp": "2024-05-01T10:00:00+02:00"},
        {"role": "assistant", "content": "Water them every day"},
    ]
    added = await memory.add(said, user_id=user, run_id="r", metadata={"garden": True}, timestamp=1_700_000_000)
    assert (added["status"], added["extractor"], added["degraded"]) == ("SUCCEEDED", "verbatim", [])
    assert [(row["event"], row["message_index"], row["memory"]) for row in added["results"]] == [
        ("ADD", 1, "I planted tomatoes"),
        ("ADD", 2, "Water them every day"),
    ]
    found = await memory.search("who planted tomatoes", user_id=user, explain=True)
    best = found["results"][0]
    assert (best["memory"], best["name"], best["role"], best["run_id"]) == ("I planted tomatoes", "Ann", "user", "r")
    assert best["metadata"] == {"garden": True}
    assert datetime.fromisoformat(best["created_at"]) == datetime(2024, 5, 1, 8, tzinfo=UTC)
    assert 0 < best["score"] <= 1
    assert sum(best["score_details"]["parts"].values()) == pytest.approx(best["score"], abs=1e-5)
    assert await memory.get(best["id"]) == {key: best[key] for key in best if not key.startswith("score")}


async def test_an_exact_repeat_is_the_same_memory(memory: MemoryApi, user: str) -> None:
    answers = await asyncio.gather(*[memory.add("I like tea", user_id=user) for _ in range(16)])
    assert sorted(answer["results"][0]["event"] for answer in answers) == ["ADD"] + ["NONE"] * 15
    assert len({answer["results"][0]["id"] for answer in answers}) == 1
    assert (await memory.list(user_id=user))["count"] == 1


async def test_an_update_is_found_under_its_new_text_only(memory: MemoryApi, user: str) -> None:
    memory_id = (await memory.add("The key is under the mat", user_id=user))["results"][0]["id"]
    updated = await memory.update(memory_id, text="The spare lies in the shed", metadata={"a": 1})
    assert (updated["memory"], updated["version"], updated["metadata"]) == ("The spare lies in the shed", 2, {"a": 1})
    assert [one["memory"] for one in (await memory.search("spare shed", user_id=user))["results"]] == [
        "The spare lies in the shed"
    ]
    assert (await memory.search("key mat", user_id=user, threshold=0.3))["results"] == []
    await memory.update(memory_id, expiration_date="2000-01-01")
    assert (await memory.list(user_id=user))["count"] == 0
    assert (await memory.search("spare shed", user_id=user))["results"] == []
    assert (await memory.get(memory_id))["expiration_date"] == "2000-01-01"
    for wanted in ({"user_id": user}, {"filters": {"AND": [{"user_id": user}, {"text": {"contains": "shed"}}]}}):
        found = await memory.search("spare shed", include_expired=True, **wanted)
        assert [one["id"] for one in found["results"]] == [memory_id]
    wide = await memory.search("spare shed", include_expired=True, filters={"user_id": {"in": [user, "nobody"]}})
    assert [one["id"] for one in wide["results"]] == [memory_id]
    assert (await memory.list(user_id=user, include_expired=True))["count"] == 1
    await memory.update(memory_id, expiration_date=None)
    assert (await memory.list(user_id=user))["count"] == 1


async def test_a_deleted_memory_is_gone_but_its_history_stays(memory: MemoryApi, user: str) -> None:
    memory_id = (await memory.add("I like tea", user_id=user))["results"][0]["id"]
    await memory.update(memory_id, text="I like coffee")
    await memory.delete(memory_id)
    with pytest.raises(NotFound):
        await memory.get(memory_id)
    with pytest.raises(NotFound):
        await memory.delete(memory_id)
    assert (await memory.search("coffee", user_id=user, threshold=0.0))["results"] == []
    history = await memory.history(memory_id)
    assert [(one["event"], one["old_memory"], one["new_memory"]) for one in history] == [
        ("ADD", None, "I like tea"),
        ("UPDATE", "I like tea", "I like coffee"),
        ("DELETE", "I like coffee", None),
    ]


async def test_delete_all_keeps_to_its_scope(memory: MemoryApi, user: str) -> None:
    await memory.add("one", user_id=user, agent_id=f"agent of {user}")
    await memory.add("two", user_id=f"{user}-2", agent_id=f"agent of {user}")
    await memory.add("three", user_id=f"{user}-2")
    assert (await memory.delete_all(agent_id=f"agent of {user}"))["count"] == 2
    assert (await memory.list(user_id=user))["count"] == 0
    assert [one["memory"] for one in (await memory.list(user_id=f"{user}-2"))["results"]] == ["three"]
    with pytest.raises(InvalidInput):
        await memory.delete_all()


async def test_an_agents_memories_are_found_under_many_users(memory: MemoryApi, user: str) -> None:
    for number in range(3):
        await memory.add(f"lantern {number}", user_id=f"{user}-{number}", agent_id=user)
    assert len((await memory.search("lantern", agent_id=user))["results"]) == 3
    wide = {"AND": [{"user_id": "*"}, {"agent_id": {"in": [user, "nobody"]}}]}
    assert len((await memory.search("lantern", filters=wide))["results"]) == 3


async def test_projects_do_not_see_each_other(memory: MemoryApi, user: str) -> None:
    memory_id = (await memory.add("a secret", user_id=user, project="p1"))["results"][0]["id"]
    assert (await memory.search("secret", user_id=user, project="p2"))["results"] == []
    assert (await memory.list(user_id=user, project="p2"))["count"] == 0
    assert all(one["id"] != user for one in (await memory.entities(project="p2", page_size=1000))["results"])
    for verb in (memory.get, memory.history, memory.delete):
        with pytest.raises(NotFound):
            await verb(memory_id, project="p2")
    with pytest.raises(NotFound):
        await memory.update(memory_id, text="mine now", project="p2")
    assert (await memory.get(memory_id, project="p1"))["memory"] == "a secret"


async def test_a_key_has_one_effect_and_one_answer(memory: MemoryApi, user: str) -> None:
    key = f"key-{user}"
    answers = await asyncio.gather(*[memory.add("I like tea", user_id=user, idempotency_key=key) for _ in range(8)])
    assert len({answer["operation_id"] for answer in answers}) == 1
    assert all(answer["results"] == answers[0]["results"] for answer in answers)
    with pytest.raises(Conflict):
        await memory.add("I like coffee", user_id=user, idempotency_key=key)
    memory_id = answers[0]["results"][0]["id"]
    first = await memory.delete(memory_id, idempotency_key=f"{key} delete")
    assert await memory.delete(memory_id, idempotency_key=f"{key} delete") == first


async def test_without_waiting_the_operation_tells_when_it_is_done(memory: MemoryApi, user: str) -> None:
    accepted = await memory.add("I like tea", user_id=user, wait=False)
    async with asyncio.timeout(20):
        while (operation := await memory.operation(accepted["operation_id"]))["status"] != "SUCCEEDED":
            await asyncio.sleep(0.01)
    assert operation["event_type"] == "ADD"
    assert operation["results"][0]["memory"] == "I like tea"
    found = await memory.search("tea", user_id=user, min_position=1)
    assert found["results"][0]["memory"] == "I like tea"


async def test_lists_come_in_stable_pages(memory: MemoryApi, user: str) -> None:
    await memory.add([{"role": "user", "content": f"fact {number}"} for number in range(7)], user_id=user)
    pages = [await memory.list(user_id=user, page=page, page_size=3) for page in (1, 2, 3, 4)]
    assert [page["count"] for page in pages] == [7] * 4
    assert [len(page["results"]) for page in pages] == [3, 3, 1, 0]
    assert len({one["id"] for page in pages for one in page["results"]}) == 7


async def test_entities_are_counted(memory: MemoryApi, user: str) -> None:
    await memory.add(["one", "two"][0], user_id=user, agent_id="a helper")
    found = await memory.entities(page_size=1000)
    pages = [await memory.entities(page=page, page_size=1000) for page in range(1, found["count"] // 1000 + 2)]
    [mine] = [one for page in pages for one in page["results"] if one["id"] == user]
    assert (mine["type"], mine["total_memories"]) == ("user", 1)
    assert found["total_users"] >= 1
    assert found["total_agents"] >= 1


async def test_long_messages_are_cut_and_nothing_of_them_is_lost(memory: MemoryApi, user: str) -> None:
    sentences = [f"Sentence number {number} tells of the {number}th journey by ship." for number in range(80)]
    added = await memory.add(" ".join(sentences), user_id=user)
    assert len(added["results"]) > 1
    assert {row["message_index"] for row in added["results"]} == {0}
    assert " ".join(row["memory"] for row in added["results"]).split() == " ".join(sentences).split()


@pytest.mark.parametrize(
    ("messages", "fields", "error"),
    [
        ("tea", {}, InvalidInput),
        ("tea", {"user_id": ""}, InvalidInput),
        ("tea", {"user_id": " "}, InvalidInput),
        ("tea", {"user_id": ["u"]}, InvalidInput),
        ("tea", {"user_id": "u\0"}, InvalidInput),
        ("tea", {"user_id": "u\nv"}, InvalidInput),
        ("tea", {"user_id": "x" * 257}, TooLarge),
        ("", {"user_id": "u"}, InvalidInput),
        ("  \n", {"user_id": "u"}, InvalidInput),
        ("a\0b", {"user_id": "u"}, InvalidInput),
        ("\ud800", {"user_id": "u"}, InvalidInput),
        ("x" * 100_001, {"user_id": "u"}, TooLarge),
        ([], {"user_id": "u"}, InvalidInput),
        (5, {"user_id": "u"}, InvalidInput),
        ([{"role": "user"}], {"user_id": "u"}, InvalidInput),
        ([{"role": "", "content": "x"}], {"user_id": "u"}, InvalidInput),
        ([{"role": "user", "content": 5}], {"user_id": "u"}, InvalidInput),
        ([{"role": "user", "content": "x"}] * 1001, {"user_id": "u"}, TooLarge),
        ("tea", {"user_id": "u", "metadata": []}, InvalidInput),
        ("tea", {"user_id": "u", "metadata": {"a": float("nan")}}, InvalidInput),
        ("tea", {"user_id": "u", "metadata": {"a": 2**70}}, InvalidInput),
        ("tea", {"user_id": "u", "metadata": {"a": "x" * 20_000}}, TooLarge),
        ("tea", {"user_id": "u", "metadata": _nested(20)}, InvalidInput),
        ("tea", {"user_id": "u", "infer": "yes"}, InvalidInput),
        ("tea", {"user_id": "u", "wait": 1}, InvalidInput),
        ("tea", {"user_id": "u", "timestamp": "yesterday"}, InvalidInput),
        ("tea", {"user_id": "u", "expiration_date": "2024-13-01"}, InvalidInput),
        ("tea", {"user_id": "u", "deadline_s": -1}, InvalidInput),
        ("tea", {"user_id": "u", "usr_id": "v"}, InvalidInput),
    ],
)
async def test_a_bad_add_is_refused_and_stores_nothing(
    memory: MemoryApi, messages: object, fields: dict[str, object], error: type[Exception]
) -> None:
    before = await position_of(memory)
    with pytest.raises(error):
        await memory.add(messages, **fields)  # type: ignore[arg-type]
    assert await position_of(memory) == before


@pytest.mark.parametrize(
    ("query", "fields"),
    [
        ("tea", {}),
        ("tea", {"filters": {}}),
        ("tea", {"filters": []}),
        ("tea", {"filters": {"metadata": {"a": 1}}}),
        ("tea", {"filters": {"NOT": {"user_id": "u"}}}),
        ("tea", {"filters": {"user": "u"}}),
        ("tea", {"filters": {"user_id": {">=": "u"}}}),
        ("tea", {"filters": {"user_id": {"in": "u"}}}),
        ("", {"user_id": "u"}),
        (" \t", {"user_id": "u"}),
        (None, {"user_id": "u"}),
        ("x" * 10_001, {"user_id": "u"}),
        ("a\0b", {"user_id": "u"}),
        ("\udfff", {"user_id": "u"}),
        ("tea", {"user_id": "u", "top_k": 0}),
        ("tea", {"user_id": "u", "top_k": 1001}),
        ("tea", {"user_id": "u", "top_k": "5"}),
        ("tea", {"user_id": "u", "threshold": 1.5}),
        ("tea", {"user_id": "u", "threshold": "0.1"}),
        ("tea", {"user_id": "u", "explain": 1}),
        ("tea", {"user_id": "u", "min_position": -1}),
    ],
)
async def test_a_bad_search_is_refused(memory: MemoryApi, query: object, fields: dict[str, object]) -> None:
    with pytest.raises((InvalidInput, TooLarge)):
        await memory.search(query, **fields)  # type: ignore[arg-type]


async def test_the_graph_knows_who_said_what(memory: MemoryApi, user: str) -> None:
    said = [
        {"role": "user", "name": name, "content": f"{name} likes {what}"}
        for name, what in (("Ann", "tea"), ("Ben", "rum"))
    ]
    await memory.add(said, user_id=user)
    await memory.add([{"role": "user", "name": "ann", "content": "And cake"}], user_id=user, agent_id="helper")
    found = await memory.graph_entities(user_id=user)
    assert found["results"][0] in [{"name": name, "type": "person", "memories": 2} for name in ("Ann", "ann")]
    assert found["count"] == 2
    around = await memory.neighbours("ANN", user_id=user, agent_id="helper")
    assert [one["memory"] for one in around["memories"]] == ["And cake"]
    way = await memory.path("Ann", "Ben", user_id=user)
    assert (way["found"], way["entities"], way["steps"]) == (False, [], [])
    for ask in (memory.neighbours("Eve", user_id=user), memory.path("Ann", "Eve", user_id=user)):
        with pytest.raises(NotFound, match="Eve"):
            await ask


@pytest.mark.parametrize(
    ("verb", "args", "fields"),
    [
        ("graph_entities", [], {}),
        ("graph_entities", [], {"user_id": "u", "name": " "}),
        ("graph_entities", [], {"user_id": "u", "name": 5}),
        ("graph_entities", [], {"user_id": "u", "page": 0}),
        ("graph_entities", [], {"user_id": "u", "filters": {}}),
        ("neighbours", ["Ann"], {}),
        ("neighbours", [" "], {"user_id": "u"}),
        ("neighbours", [None], {"user_id": "u"}),
        ("neighbours", ["a\0b"], {"user_id": "u"}),
        ("neighbours", ["x" * 257], {"user_id": "u"}),
        ("neighbours", ["Ann"], {"user_id": "u", "limit": 0}),
        ("neighbours", ["Ann"], {"user_id": "u", "limit": 1001}),
        ("neighbours", ["Ann"], {"user_id": "*"}),
        ("path", ["Ann", ""], {"user_id": "u"}),
        ("path", ["", "Ann"], {"user_id": "u"}),
        ("path", ["Ann", "Ben"], {"usr_id": "u"}),
        ("path", ["Ann", "Ben"], {"user_id": "u", "most_steps": 0}),
        ("path", ["Ann", "Ben"], {"user_id": "u", "most_steps": 11}),
        ("path", ["Ann", "Ben"], {"user_id": "u", "most_steps": True}),
    ],
)
async def test_a_bad_question_to_the_graph_is_refused(
    memory: MemoryApi, verb: str, args: list[object], fields: dict[str, object]
) -> None:
    with pytest.raises((InvalidInput, TooLarge)):
        await getattr(memory, verb)(*args, **fields)


async def test_ids_that_are_not_ours_are_refused_or_not_found(memory: MemoryApi) -> None:
    for verb in (memory.get, memory.delete, memory.history, memory.retry):
        with pytest.raises(InvalidInput):
            await verb("not-a-uuid")
        with pytest.raises(NotFound):
            await verb(str(uuid.uuid4()))
    for name in ("not-a-uuid", str(uuid.uuid4())):
        with pytest.raises(NotFound):
            await memory.operation(name)
    with pytest.raises(NotFound):
        await memory.update(str(uuid.uuid4()), text="x")
    with pytest.raises(InvalidInput):
        await memory.update(str(uuid.uuid4()))


async def test_texts_become_vectors_of_unit_length_in_their_order(memory: MemoryApi) -> None:
    both = await memory.embed(["I like tea", "I like rain"])
    alone = await memory.embed(["I like rain"])
    assert (len(both["vectors"]), both["dimensions"], both["tokens"]) == (2, len(both["vectors"][0]), 6)
    assert both["vectors"][1] == pytest.approx(alone["vectors"][0], abs=1e-6)
    assert sum(x * x for x in alone["vectors"][0]) == pytest.approx(1, abs=1e-3)
    none = await memory.embed([])
    assert none == {"model": both["model"], "dimensions": both["dimensions"], "vectors": [], "tokens": 0}


@pytest.mark.parametrize("wrong", ["text", [7], [" "], [None], ["a" * 3 + " b" * 5000]])
async def test_what_cannot_be_embedded_is_refused(memory: MemoryApi, wrong: list[str]) -> None:
    with pytest.raises(InvalidInput, match="texts"):
        await memory.embed(wrong)
    with pytest.raises(TooLarge):
        await memory.embed(["a"] * 1001)
