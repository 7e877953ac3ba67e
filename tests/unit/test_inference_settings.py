"""What a project wants of its facts, dry runs, records of what agents did, and images."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Sequence
from typing import Any

import pytest

from engine.errors import InvalidInput
from engine.memory import Memory
from tests.fact_provider import FactProvider
from tests.provider import Reply, listening
from tests.unit.inferring import memory_with

ANN: dict[str, Any] = {"user_id": "ann"}
AGENT: dict[str, Any] = {"agent_id": "clerk", "memory_type": "procedural_memory"}
PIXEL = "data:image/png;base64,iVBORw0KGgo="
RUN = [
    {"role": "user", "content": "Book a table for two."},
    {"role": "assistant", "content": "Booked, number 4711."},
]


@pytest.fixture
async def served() -> AsyncIterator[FactProvider]:
    async with listening(FactProvider([Reply()])) as one:
        yield one


@pytest.fixture
async def memory(served: FactProvider) -> AsyncIterator[Memory]:
    async with memory_with(served, infer={"instructions": "Prices matter."}) as one:
        yield one


def told(served: FactProvider) -> str:
    """The task of the last question."""
    system: str = served.asked[-1]["messages"][0]["content"]
    return system


def recording(lines: Sequence[str]) -> Any:
    return lambda _: Reply(json.dumps({"record": list(lines)}))


async def test_what_a_project_wants_is_in_the_question_and_what_an_add_names_wins(
    memory: Memory, served: FactProvider
) -> None:
    assert (await memory.inference())["server"] == {"policy": "reconcile", "custom_instructions": "Prices matter."}
    await memory.add("I live in Bonn.", **ANN)
    assert "Prices matter." in told(served)
    answer = await memory.set_inference({"custom_instructions": "Names matter.", "excludes": "health"})
    assert (answer["custom_instructions"], answer["excludes"], answer["policy"]) == (
        "Names matter.",
        ["health"],
        "reconcile",
    )
    await memory.add("Tea is hot.", user_id="bob")
    assert "Names matter." in told(served)
    assert "No facts about: health." in told(served)
    await memory.add("Tea is cold.", user_id="eve", custom_instructions="Colours matter.")
    assert "Colours matter." in told(served)
    assert "Names matter." not in told(served)
    assert (await memory.set_inference(None))["custom_instructions"] is None


async def test_a_project_that_appends_keeps_every_fact(memory: Memory) -> None:
    await memory.set_inference({"policy": "append"})
    await memory.add("I live in Bonn.", **ANN)
    await memory.add("I live in Porto.", **ANN)
    assert (await memory.list(**ANN))["count"] == 2


@pytest.mark.parametrize("wanted", [{"policy": "sometimes"}, {"instructions": "x"}, "append", {"includes": 5}])
async def test_what_can_not_be_wanted_is_refused(memory: Memory, wanted: Any) -> None:
    with pytest.raises(InvalidInput):
        await memory.set_inference(wanted)


async def test_a_dry_run_says_what_an_add_would_do_and_stores_nothing(memory: Memory) -> None:
    [known] = (await memory.add("I live in Bonn.", **ANN))["results"]
    before = (await memory.status())["ledger"]["position"]
    answer = await memory.preview("I live in Porto.", **ANN)
    [row] = answer["results"]
    assert (row["event"], row["memory"], row["message_indexes"]) == ("UPDATE", "Ann lives in Porto.", [0])
    assert row["ends"] == [{"id": known["id"], "memory": "Ann lives in Bonn."}]
    assert answer["usage"]["calls"] == 2
    assert (await memory.status())["ledger"]["position"] == before
    verbatim = await memory.preview("I live in Porto.", **ANN, infer=False)
    assert [(one["event"], one["memory"]) for one in verbatim["results"]] == [("ADD", "I live in Porto.")]
    assert verbatim["extractor"] == "verbatim"


async def test_a_dry_run_says_what_can_not_be_read(memory: Memory, served: FactProvider) -> None:
    with served.failing(lambda _: Reply("no")):
        answer = await memory.preview("I live in Porto.", **ANN)
    assert (answer["results"], answer["unread"]) == ([], [0])
    assert answer["problems"]


async def test_a_dry_run_takes_nothing_that_only_a_write_has(memory: Memory) -> None:
    with pytest.raises(InvalidInput):
        await memory.preview("I live in Porto.", **ANN, wait=False)  # type: ignore[call-arg]


async def test_a_run_becomes_one_record_with_its_messages_behind_it(memory: Memory, served: FactProvider) -> None:
    with served.failing(recording(["Task: book a table", "Booked: number 4711", "Now: done"])):
        answer = await memory.add(RUN, **AGENT)
    [row] = answer["results"]
    assert row["memory"] == "Task: book a table\nBooked: number 4711\nNow: done"
    record = await memory.get(row["id"])
    assert record["metadata"] == {"memory_type": "procedural_memory"}
    assert len(record["sources"]) == 2
    assert "record of an agent's run" in told(served)


@pytest.mark.parametrize(
    "fields",
    [
        {"user_id": "ann", "memory_type": "procedural_memory"},
        {"agent_id": "clerk", "memory_type": "episodic"},
        {"agent_id": "clerk", "memory_type": "procedural_memory", "infer": False},
    ],
)
async def test_records_are_an_agents_and_need_a_model(memory: Memory, fields: dict[str, Any]) -> None:
    with pytest.raises(InvalidInput):
        await memory.add(RUN, **fields)


async def test_images_are_shown_to_a_model_that_takes_them_and_named_in_the_text(served: FactProvider) -> None:
    parts = [{"type": "text", "text": "My dog"}, {"type": "image_url", "image_url": {"url": PIXEL}}]
    async with memory_with(served, images=True) as memory:
        await memory.add([{"role": "user", "content": parts}], **ANN)
        shown = served.asked[-1]["messages"][1]["content"]
        assert [one["image_url"]["url"] for one in shown if one["type"] == "image_url"] == [PIXEL]
        [message] = (await memory.list(**ANN, include_messages=True))["results"][-1:]
        assert message["memory"].startswith("My dog\n(image: image/png, ")
        with pytest.raises(InvalidInput):
            await memory.add([{"role": "user", "content": {"type": "image_url", "image_url": "file:///x"}}], **ANN)


async def test_a_model_without_eyes_gets_the_text_alone(memory: Memory, served: FactProvider) -> None:
    parts = [{"type": "text", "text": "My dog"}, {"type": "image_url", "image_url": {"url": PIXEL}}]
    await memory.add([{"role": "user", "content": parts}], **ANN)
    assert isinstance(served.asked[-1]["messages"][1]["content"], str)
    assert "image" not in served.asked[-1]["messages"][1]["content"].split("UTC", 1)[1]


@pytest.mark.parametrize("content", [{"text": "x"}, {}, {"type": 5}])
async def test_an_object_that_is_no_part_of_a_message_is_refused(memory: Memory, content: Any) -> None:
    with pytest.raises(InvalidInput):
        await memory.add([{"role": "user", "content": content}], **ANN)


async def test_a_run_of_which_nothing_is_to_be_recorded_is_over(memory: Memory, served: FactProvider) -> None:
    with served.failing(recording([])):
        answer = await memory.add(RUN, **AGENT)
    assert (answer["results"], answer["unread"], answer["status"]) == ([], [], "SUCCEEDED")
