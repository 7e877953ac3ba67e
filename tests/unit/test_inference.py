"""Messages become facts: what an add answers, what lists show, and what happens while the model is away."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import AsyncIterator
from typing import Any

import pytest

from engine.config import Policy
from engine.memory import Memory
from tests.fact_provider import FactProvider, hanging, in_turn
from tests.provider import Reply, listening
from tests.unit.inferring import memory_with

ANN: dict[str, Any] = {"user_id": "ann"}


@pytest.fixture
async def served() -> AsyncIterator[FactProvider]:
    async with listening(FactProvider([Reply()])) as one:
        yield one


@pytest.fixture
async def memory(served: FactProvider) -> AsyncIterator[Memory]:
    async with memory_with(served) as one:
        yield one


async def listed(memory: Memory, **wanted: Any) -> list[str]:
    page = await memory.list(**ANN, **wanted)
    return sorted(row["memory"] for row in page["results"])


async def ended(memory: Memory, operation_id: str) -> dict[str, Any]:
    """The operation when its facts are there."""
    async with asyncio.timeout(20):
        while (found := await memory.operation(operation_id))["status"] != "SUCCEEDED":
            await asyncio.sleep(0.01)
    return found


async def test_an_add_answers_with_facts_and_what_they_cost(memory: Memory) -> None:
    answer = await memory.add("I live in Bonn.", **ANN, metadata={"a": 1}, timestamp="2026-05-04")
    [row] = answer["results"]
    assert (row["memory"], row["event"], row["message_index"]) == ("Ann lives in Bonn.", "ADD", 0)
    assert answer["relations"] == [{"source": "Ann", "relationship": "lives_in", "target": "Bonn"}]
    assert (answer["status"], answer["extractor"]) == ("SUCCEEDED", "language-model")
    assert (answer["usage"]["calls"], answer["usage"]["prompt_tokens"]) == (1, 11)
    assert await listed(memory) == ["Ann lives in Bonn."]
    fact = await memory.get(row["id"])
    assert (fact["metadata"], fact["created_at"][:10]) == ({"a": 1}, "2026-05-04")
    [message] = fact["sources"]
    assert (await memory.get(message))["memory"] == "I live in Bonn."
    assert (await memory.verify())["differences"] == []


async def test_without_infer_nobody_asks_the_model(memory: Memory, served: FactProvider) -> None:
    answer = await memory.add("I live in Bonn.", **ANN, infer=False)
    assert (answer["results"][0]["memory"], answer["extractor"]) == ("I live in Bonn.", "verbatim")
    assert served.asked == []


async def test_a_changed_fact_takes_the_place_of_the_old_one_and_history_shows_both(memory: Memory) -> None:
    old = (await memory.add("I live in Bonn.", **ANN))["results"][0]
    before = (await memory.status())["ledger"]["position"]
    answer = await memory.add("I live in Porto.", **ANN)
    [row] = answer["results"]
    assert (row["event"], row["id"], row["previous_memory"]) == ("UPDATE", old["id"], "Ann lives in Bonn.")
    assert await listed(memory) == ["Ann lives in Porto."]
    assert [event["new_memory"] for event in await memory.history(old["id"])] == [
        "Ann lives in Bonn.",
        "Ann lives in Porto.",
    ]
    assert await listed(memory, as_of_position=before) == ["Ann lives in Bonn."]
    assert len((await memory.get(old["id"]))["sources"]) == 2


async def found(memory: Memory, query: str, **wanted: Any) -> list[str]:
    return [hit["memory"] for hit in (await memory.search(query, **ANN, **wanted))["results"]]


async def test_a_search_answers_the_fact_where_only_the_message_says_the_words(memory: Memory) -> None:
    await memory.add("After the flood I live in Bonn.", **ANN)
    await memory.add("Green tea is lovely.", **ANN)
    assert await found(memory, "flood") == ["Ann lives in Bonn."]
    [hit] = (await memory.search("flood", **ANN, explain=True))["results"]
    assert hit["score_details"]["lent_by"] == hit["sources"][0]
    assert (await found(memory, "flood", include_messages=True))[0] == "After the flood I live in Bonn."
    assert await listed(memory, include_messages=True) == sorted(
        ["After the flood I live in Bonn.", "Ann lives in Bonn.", "Green tea is lovely."]
    )
    assert "Ann lives in Bonn." in (await memory.context("flood", **ANN))["context"]


async def test_a_message_of_which_no_fact_is_left_is_found_no_more(memory: Memory) -> None:
    [row] = (await memory.add("After the flood I live in Bonn.", **ANN))["results"]
    await memory.delete(row["id"])
    assert await found(memory, "flood") == []
    assert await found(memory, "flood", include_messages=True) == ["After the flood I live in Bonn."]


async def test_a_search_of_the_past_knows_what_stood_for_what_then(memory: Memory) -> None:
    [row] = (await memory.add("After the flood I live in Bonn.", **ANN))["results"]
    before = (await memory.status())["ledger"]["position"]
    await memory.delete(row["id"])
    assert await found(memory, "flood", as_of_position=before) == ["Ann lives in Bonn."]
    assert await found(memory, "flood", as_of_position=before - 1) == ["After the flood I live in Bonn."]


async def test_filters_hold_for_facts_that_only_their_message_speaks_for(memory: Memory) -> None:
    await memory.add("After the flood I live in Bonn.", **ANN, metadata={"a": 1})
    assert await found(memory, "flood", filters={"metadata": {"a": 1}}) == ["Ann lives in Bonn."]
    assert await found(memory, "flood", filters={"metadata": {"a": 2}}) == []


async def test_with_the_policy_append_both_stay(served: FactProvider) -> None:
    async with memory_with(served, infer={"policy": Policy.APPEND}) as memory:
        await memory.add("I live in Bonn.", **ANN)
        await memory.add("I live in Porto.", **ANN)
        assert await listed(memory) == ["Ann lives in Bonn.", "Ann lives in Porto."]
        assert len(served.asked) == 2


async def test_with_the_policy_rules_a_relationship_with_one_target_ends_the_old_one(served: FactProvider) -> None:
    async with memory_with(served, infer={"policy": Policy.RULES}) as memory:
        old = (await memory.add("I live in Bonn.", **ANN))["results"][0]
        new = (await memory.add("I live in Porto.", **ANN))["results"][0]
        assert await listed(memory) == ["Ann lives in Porto."]
        assert (await memory.history(old["id"]))[-1]["superseded_by"] == new["id"]
        assert len(served.asked) == 2


async def test_what_is_said_again_is_the_same_fact(memory: Memory) -> None:
    first = (await memory.add("I live in Bonn.", **ANN))["results"][0]
    again = await memory.add([{"role": "user", "content": "You know, I live in Bonn."}], **ANN)
    [row] = again["results"]
    assert (row["id"], row["event"], len(row["sources"])) == (first["id"], "NONE", 2)
    assert await listed(memory) == ["Ann lives in Bonn."]


async def test_what_holds_no_facts_is_in_no_list_and_can_be_found(memory: Memory) -> None:
    answer = await memory.add("Thank you!", **ANN)
    assert (answer["results"], answer["unread"]) == ([], [])
    assert await listed(memory) == []
    assert [hit["memory"] for hit in (await memory.search("Thank you!", **ANN))["results"]] == ["Thank you!"]


async def test_while_the_model_is_down_messages_are_found_and_facts_follow_by_themselves(
    memory: Memory, served: FactProvider
) -> None:
    with served.failing(in_turn(itertools.repeat(Reply(status=503)))):
        answer = await memory.add("I live in Bonn.", **ANN)
        assert (answer["status"], answer["results"][0]["memory"]) == ("RUNNING", "I live in Bonn.")
        found = await memory.search("Bonn", **ANN)
        assert [hit["memory"] for hit in found["results"]] == ["I live in Bonn."]
        assert (await memory.status())["inference"]["away"]
        assert [one["id"] for one in (await memory.operations(state="RUNNING"))["results"]] == [answer["operation_id"]]
        assert (await memory.operations(state="PENDING"))["count"] == 0
    operation = await ended(memory, answer["operation_id"])
    assert [row["memory"] for row in operation["results"]] == ["Ann lives in Bonn."]
    assert await listed(memory) == ["Ann lives in Bonn."]


async def test_order_holds_within_a_scope_however_the_model_answers(memory: Memory, served: FactProvider) -> None:
    gate = asyncio.Event()
    with served.failing(in_turn([hanging(gate)])):
        first = await memory.add("I live in Bonn.", **ANN, wait=False)
        async with asyncio.timeout(10):
            await served.came.wait()
        second = await memory.add("I live in Porto.", **ANN, wait=False)
        other = await memory.add("I live in Rome.", user_id="bob")
        assert other["status"] == "SUCCEEDED"
        gate.set()
    await ended(memory, first["operation_id"])
    await ended(memory, second["operation_id"])
    assert await listed(memory) == ["Ann lives in Porto."]


@pytest.mark.parametrize("answer", ["{", '{"facts": [{"fact": "half', "no", '```json\n{"wrong": 1}\n```'])
async def test_what_can_not_be_read_stays_verbatim_until_it_can(
    memory: Memory, served: FactProvider, answer: str
) -> None:
    with served.failing(in_turn(itertools.repeat(Reply(answer)))):
        told = await memory.add("I live in Bonn.", **ANN)
        assert told["status"] == "RUNNING"
        assert [row["memory"] for row in told["results"]] == ["I live in Bonn."]
        assert await listed(memory) == ["I live in Bonn."]
        assert "can't be read" in (await memory.status())["inference"]["away"]
    assert [row["memory"] for row in (await ended(memory, told["operation_id"]))["results"]] == ["Ann lives in Bonn."]
    assert await listed(memory) == ["Ann lives in Bonn."]


async def test_what_the_model_refuses_stays_verbatim_and_is_marked(memory: Memory, served: FactProvider) -> None:
    with served.failing(in_turn(itertools.repeat(Reply(status=400, error="the content is filtered")))):
        told = await memory.add("I live in Bonn.", **ANN)
    assert (told["status"], told["unread"]) == ("SUCCEEDED", [0])
    assert "filtered" in told["problems"][0]
    assert await listed(memory) == ["I live in Bonn."]


async def test_the_same_key_has_one_effect_and_one_answer(memory: Memory, served: FactProvider) -> None:
    sent = [memory.add("I live in Bonn.", **ANN, idempotency_key="k") for _ in range(8)]
    answers = await asyncio.gather(*sent)
    assert all(answer == answers[0] for answer in answers)
    assert await memory.add("I live in Bonn.", **ANN, idempotency_key="k") == answers[0]
    assert (served.extracted, answers[0]["results"][0]["memory"]) == (1, "Ann lives in Bonn.")


async def test_a_purge_while_facts_are_made_leaves_none(memory: Memory, served: FactProvider) -> None:
    gate = asyncio.Event()
    with served.failing(in_turn([hanging(gate)])):
        answer = await memory.add("I live in Bonn.", **ANN, wait=False)
        async with asyncio.timeout(10):
            await served.came.wait()
        await memory.purge(**ANN)
        gate.set()
    await ended(memory, answer["operation_id"])
    assert await listed(memory) == []
    assert (await memory.verify())["problems"] == []


async def test_messages_that_are_deleted_while_facts_are_made_give_none(memory: Memory, served: FactProvider) -> None:
    gate = asyncio.Event()
    with served.failing(in_turn([hanging(gate)])):
        answer = await memory.add("I live in Bonn.", **ANN, wait=False)
        async with asyncio.timeout(10):
            await served.came.wait()
        await memory.delete_all(**ANN)
        gate.set()
    assert (await ended(memory, answer["operation_id"]))["results"] == []
    assert await listed(memory) == []


async def test_what_the_caller_wants_is_told_to_the_model(memory: Memory, served: FactProvider) -> None:
    wanted: dict[str, Any] = {
        "custom_instructions": "Only towns.",
        "includes": ["travel"],
        "custom_categories": [{"home": "Where."}],
    }
    await memory.add("I live in Bonn.", **ANN, **wanted)
    told = served.asked[0]["messages"][0]["content"]
    assert all(part in told for part in ("Only towns.", "travel", "home: Where."))


async def test_what_no_plan_can_be_made_of_ends_with_the_messages_as_they_are(
    served: FactProvider, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with memory_with(served) as memory:
        monkeypatch.setattr("engine.inference.inference.plan_facts", broken)
        answer = await memory.add("A.", **ANN)
    assert (answer["status"], answer["unread"], answer["problems"]) == (
        "SUCCEEDED",
        [0],
        ["the facts could not be kept"],
    )
    assert [row["memory"] for row in answer["results"]] == ["A."]


def broken(*_: object) -> None:
    raise ValueError("a bug")
