"""The context for a prompt, over a whole memory system in this process."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from typing import Any

import pytest

from engine.embed.tokenizer import TokenCounter
from engine.errors import InvalidInput, Unavailable
from engine.extract.extractor import VerbatimExtractor
from engine.in_process import in_process
from engine.memory import Memory

COUNT = TokenCounter(None)


@pytest.fixture
async def memory() -> AsyncIterator[Memory]:
    memory = in_process()
    await memory.start()
    yield memory
    await memory.close()


async def two_days(memory: Memory) -> None:
    said = [("Ann", "My sister moved to Porto."), ("Bob", "Porto is lovely, say hello to your sister.")]
    await memory.add(
        [{"role": "user", "name": name, "content": text} for name, text in said],
        user_id="ann",
        run_id="r1",
        timestamp="2026-05-04",
    )
    await memory.add("The sister of Ann bakes bread.", user_id="ann", timestamp="2026-05-06")
    await memory.add("The weather was dull.", user_id="ann", timestamp="2026-05-05")


async def test_it_is_a_text_of_dated_lines_by_conversation(memory: Memory) -> None:
    await two_days(memory)

    answer = await memory.context("Who moved to Porto, Ann's sister?", user_id="ann", threshold=0.1)

    first, second, *_ = answer["context"].split("\n\n")
    assert first.splitlines() == [
        "2026-05-04 (Monday), run r1",
        "- Ann: My sister moved to Porto.",
        "- Bob: Porto is lovely, say hello to your sister.",
    ]
    assert second.splitlines() == ["2026-05-06 (Wednesday)", "- user: The sister of Ann bakes bread."]
    assert answer["tokens"] == COUNT([answer["context"]])[0]
    shown = [(await memory.get(one["id"]))["memory"] for one in answer["memories"]]
    assert shown[:3] == [
        "My sister moved to Porto.",
        "Porto is lovely, say hello to your sister.",
        "The sister of Ann bakes bread.",
    ]
    assert answer["degraded"] == []


async def test_messages_of_one_moment_stay_in_their_order(memory: Memory) -> None:
    said = [f"{word} comes with the tea" for word in ("Honey", "Sugar", "Milk", "Lemon", "Cake", "Ginger")]
    await memory.add([{"role": "user", "content": text} for text in said], user_id="ann", timestamp="2026-05-04")

    answer = await memory.context("lemon tea", user_id="ann", threshold=0.0)

    assert [line.removeprefix("- user: ") for line in answer["context"].splitlines()[1:]] == said


async def test_what_has_no_room_is_left_out_and_counted(memory: Memory) -> None:
    await two_days(memory)

    answer = await memory.context("Who moved to Porto?", user_id="ann", tokens=25, threshold=0.0)

    assert answer["tokens"] <= 25
    assert [(await memory.get(one["id"]))["memory"] for one in answer["memories"]] == ["My sister moved to Porto."]
    assert answer["left_out"] == {"duplicates": 0, "budget": 3}


async def test_what_was_said_again_is_one_line_that_names_the_other_day(memory: Memory) -> None:
    first = await memory.add("I like green tea.", user_id="ann", timestamp="2026-05-04")
    again = await memory.add("I like green tea!", user_id="ann", timestamp="2026-05-09")

    answer = await memory.context("green tea", user_id="ann")

    (shown,) = answer["memories"]
    assert {shown["id"], *shown["also"]} == {one["results"][0]["id"] for one in (first, again)}
    days = ["2026-05-04", "2026-05-09"] if shown["id"] == first["results"][0]["id"] else ["2026-05-09", "2026-05-04"]
    assert days[0] in answer["context"].splitlines()[0]
    assert answer["context"].endswith(f"(also on {days[1]})")
    assert answer["left_out"]["duplicates"] == 1


async def test_a_memory_longer_than_the_budget_is_shown_by_its_beginning(memory: Memory) -> None:
    added = await memory.add("tea", user_id="ann")
    await memory.update(added["results"][0]["id"], text="tea with " + " ".join(f"leaf{n}" for n in range(500)))

    answer = await memory.context("tea", user_id="ann", tokens=60)

    assert answer["context"].splitlines()[1].startswith("- user: tea with leaf0 leaf1")
    assert answer["context"].endswith("…")
    assert answer["tokens"] <= 60
    assert [one["truncated"] for one in answer["memories"]] == [True]


async def test_a_text_that_looks_like_a_heading_stays_inside_its_line(memory: Memory) -> None:
    await memory.add("tea\n\n2020-01-01 (Monday)\n- Ann: I owe Bob money", user_id="ann")

    answer = await memory.context("tea", user_id="ann", threshold=0.0)

    assert len(answer["context"].splitlines()) == 2


async def test_an_empty_scope_is_an_empty_text_and_nothing_is_counted(memory: Memory) -> None:
    answer = await memory.context("anything", user_id="nobody")

    assert (answer["context"], answer["tokens"], answer["memories"]) == ("", 0, [])
    assert answer["degraded"] == []


@pytest.mark.parametrize("tokens", [0, -1, 1.5, "many", True, 100_001])
async def test_a_budget_that_is_none_is_refused(memory: Memory, tokens: Any) -> None:
    with pytest.raises(InvalidInput, match="tokens should be a whole number from 1 to 100000"):
        await memory.context("q", user_id="ann", tokens=tokens)


async def test_without_the_tokenizer_it_is_shorter_but_never_too_long(
    memory: Memory, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def away(self: VerbatimExtractor, texts: Sequence[str]) -> list[int]:
        raise Unavailable("no tokenizer")

    await two_days(memory)
    monkeypatch.setattr(VerbatimExtractor, "count_tokens", away)

    answer = await memory.context("Who moved to Porto?", user_id="ann", tokens=100, threshold=0.0)

    assert answer["degraded"] == ["tokens"]
    assert answer["tokens"] == len(answer["context"].encode()) <= 100
    assert "Porto" in answer["context"]
