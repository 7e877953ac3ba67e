"""Stored messages are read anew: what differs is shown, and written when it is to be applied."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import pytest

from engine.memory import Memory
from tests.provider import listening
from tests.unit.rereading import Fact, Reader, memory_with

ANN: dict[str, Any] = {"user_id": "ann"}


@pytest.fixture
async def served() -> AsyncIterator[Reader]:
    async with listening(Reader()) as one:
        yield one


@pytest.fixture
async def memory(served: Reader) -> AsyncIterator[Memory]:
    async with memory_with(served) as one:
        yield one


async def listed(memory: Memory, **wanted: Any) -> list[str]:
    return sorted(row["memory"] for row in (await memory.list(**ANN, **wanted))["results"])


async def position(memory: Memory) -> int:
    at: int = (await memory.status())["ledger"]["position"]
    return at


def texts(rows: list[Fact]) -> list[str]:
    return [row["memory"] for row in rows]


def counts(answer: dict[str, Any]) -> dict[str, int]:
    return {name: number for name, number in answer["totals"].items() if number}


async def test_the_same_reading_changes_nothing(memory: Memory) -> None:
    await memory.add([{"role": "user", "content": "I live in Bonn."}, {"role": "user", "content": "Thank you"}], **ANN)
    await memory.add("Green tea is lovely.", **ANN)
    before = await position(memory)
    answer = await memory.reinfer(**ANN, apply=True)
    assert counts(answer) == {"conversations": 2, "unchanged": 2}
    assert (answer["next"], answer["under_way"], answer["usage"]["calls"]) == (None, 0, 2)
    assert await position(memory) == before


async def test_a_difference_is_shown_and_nothing_is_written(memory: Memory, served: Reader) -> None:
    [bonn] = (await memory.add("I live in Bonn.", **ANN))["results"]
    before = await position(memory)
    served.words = {"I live in Bonn.": ["Ann lives in Bonn, by the river.", "Rivers please Ann."]}
    answer = await memory.reinfer(**ANN)
    [one] = answer["conversations"]
    assert (answer["applied"], one["reinfer_id"], one["error"]) == (False, None, None)
    [changed] = one["changed"]
    assert (changed["memory"], changed["previous_memory"]) == ("Ann lives in Bonn, by the river.", "Ann lives in Bonn.")
    assert (changed["id"], changed["previous_id"], changed["sources"]) == (None, bonn["id"], one["messages"])
    assert texts(one["added"]) == ["Rivers please Ann."]
    assert counts(answer) == {"conversations": 1, "added": 1, "changed": 1}
    assert (await position(memory), await listed(memory)) == (before, ["Ann lives in Bonn."])


async def test_a_difference_is_applied_and_history_shows_what_took_whose_place(memory: Memory, served: Reader) -> None:
    add = await memory.add("I live in Bonn.", **ANN, metadata={"a": 1}, timestamp="2026-05-04")
    [bonn] = add["results"]
    served.words = {"I live in Bonn.": ["Ann lives in Bonn, by the river.", "Rivers please Ann."]}
    answer = await memory.reinfer(**ANN, apply=True)
    [one] = answer["conversations"]
    assert (one["operation_id"], one["status"]) == (add["operation_id"], "SUCCEEDED")
    assert await listed(memory) == ["Ann lives in Bonn, by the river.", "Rivers please Ann."]
    [changed] = one["changed"]
    fact = await memory.get(changed["id"])
    assert (fact["sources"], fact["metadata"], fact["created_at"][:10]) == (one["messages"], {"a": 1}, "2026-05-04")
    last = (await memory.history(bonn["id"]))[-1]
    assert (last["event"], last["superseded_by"], last["operation_id"]) == ("DELETE", changed["id"], one["reinfer_id"])
    operation = await memory.operation(one["reinfer_id"])
    assert (operation["event_type"], operation["status"]) == ("REINFER", "SUCCEEDED")
    checked = await memory.verify()
    assert (checked["differences"], checked["problems"]) == ([], [])


async def test_applied_twice_nothing_changes_the_second_time(memory: Memory, served: Reader) -> None:
    served.words = {"Green tea is lovely.": ["Ann likes tea."], "Coffee is not.": ["Ann dislikes coffee."]}
    for text in ("I live in Bonn.", "Green tea is lovely.", "I live in Porto.", "Coffee is not."):
        await memory.add(text, **ANN)
    served.words = {
        "Green tea is lovely.": ["Ann likes green tea.", "Ann drinks tea."],
        "I live in Bonn.": ["Ann lives in Bonn, by the river."],
        "Coffee is not.": [],
    }
    await memory.reinfer(**ANN, apply=True)
    now, before = await listed(memory), await position(memory)
    assert now == ["Ann drinks tea.", "Ann likes green tea.", "Ann lives in Porto."]
    answer = await memory.reinfer(**ANN, apply=True)
    assert (await listed(memory), await position(memory)) == (now, before)
    assert all(one["reinfer_id"] is None for one in answer["conversations"])
