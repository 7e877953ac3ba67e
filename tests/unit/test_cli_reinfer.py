"""`remora reinfer` and `Memory.reinfer`: many stretches as one, shown and written, over the real HTTP application."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest

from engine import errors
from engine.config import Settings
from engine.in_process import in_process
from remora import AsyncMemory
from remora.cli import main
from remora.errors import InvalidInput
from remora.rereading import reread
from serve_app.application import create_app
from tests.provider import Reply, listening
from tests.provider import served as serving
from tests.unit.rereading import Reader, memory_with

ADDS = 23
"""More than one stretch."""
CHANGED = "Ann's note 7, read anew."


@pytest.fixture
async def reader() -> AsyncIterator[Reader]:
    async with listening(Reader()) as one:
        yield one


@pytest.fixture
async def url(reader: Reader) -> AsyncIterator[str]:
    """A server with many notes of ann, of which the seventh reads otherwise now."""
    async with memory_with(reader) as memory, serving(create_app(memory, Settings())) as address:
        reader.words = {f"Note {number}": [f"Ann's note {number}."] for number in range(ADDS)}
        for number in range(ADDS):
            await memory.add(f"Note {number}", user_id="ann")
        reader.words["Note 7"] = [CHANGED]
        yield address


@pytest.fixture
def remora(capsys: pytest.CaptureFixture[str]) -> Callable[..., Any]:
    async def run(*arguments: str) -> tuple[int, str, str]:
        def call() -> int:
            with pytest.raises(SystemExit) as stopped:
                main(["reinfer", *arguments])
            return int(stopped.value.code or 0)

        code = await asyncio.to_thread(call)
        shown = capsys.readouterr()
        return code, shown.out, shown.err

    return run


async def test_a_difference_is_shown_and_written_when_it_is_to_be(url: str, remora: Callable[..., Any]) -> None:
    code, out, _ = await remora("--user-id", "ann", "--url", url)
    assert code == 0
    assert "changed" in out
    assert CHANGED in out
    assert f"{ADDS} conversations read: 0 facts added, 1 changed, 0 ended, {ADDS - 1} unchanged" in out
    assert "Nothing was written; --apply writes it." in out
    async with AsyncMemory(url) as memory:
        assert CHANGED not in [row["memory"] for row in (await memory.list(user_id="ann"))["results"]]
        code, out, _ = await remora("--user-id", "ann", "--url", url, "--apply", "--json")
        told = json.loads(out)
        assert (code, told["applied"], told["next"], told["totals"]["changed"]) == (0, True, None, 1)
        assert CHANGED in [row["memory"] for row in (await memory.list(user_id="ann"))["results"]]
    code, out, _ = await remora("--user-id", "ann", "--url", url)
    assert (code, f"0 changed, 0 ended, {ADDS} unchanged" in out) == (0, True)


async def test_from_python_it_is_one_call_that_tells_how_far_it_is(url: str) -> None:
    far: list[int] = []
    async with AsyncMemory(url) as memory:
        whole = await memory.reinfer(user_id="ann", told=lambda sum_: far.append(sum_["totals"]["conversations"]))
    assert far == [10, 20, ADDS]
    assert (whole["totals"]["conversations"], len(whole["conversations"]), whole["next"]) == (ADDS, ADDS, None)
    assert whole["usage"]["calls"] == ADDS + 1  # of one it is asked what becomes of it


async def test_what_the_model_cannot_be_asked_is_named_and_can_be_gone_on_with(
    url: str, reader: Reader, remora: Callable[..., Any]
) -> None:
    with reader.failing(lambda _: Reply(status=400, error="no")):
        code, out, err = await remora("--user-id", "ann", "--url", url)
    assert code == 1
    assert "failed" in out
    assert "Nothing was written" in out, err


async def test_nobody_is_meant_by_nothing(url: str, remora: Callable[..., Any]) -> None:
    code, _, err = await remora("--url", url)
    assert code != 0
    assert "say whose messages" in err


async def test_a_part_that_is_away_ends_it_with_where_to_go_on() -> None:
    away = {"code": "unavailable", "message": "away"}
    told = [
        {"conversations": [{"error": None}], "next": "5"},
        {"conversations": [{"error": away}, {"error": away}], "next": "7"},
    ]
    rest = {"applied": False, "totals": {"conversations": 1}, "usage": {"calls": 1}, "problems": [], "under_way": 0}
    asked: list[dict[str, Any]] = []

    async def reinfer(**fields: Any) -> dict[str, Any]:
        asked.append(fields)
        return {**rest, **told[len(asked) - 1]}

    whole = await reread(reinfer, user_id="ann")
    assert asked == [{"user_id": "ann"}, {"user_id": "ann", "cursor": "5"}]
    assert (whole["next"], whole["totals"]) == ("5", {"conversations": 2})


async def test_what_is_away_from_the_start_is_not_gone_past() -> None:
    away = {"code": "unavailable", "message": "away"}

    async def reinfer(**_: Any) -> dict[str, Any]:
        sums = {"applied": False, "totals": {"failed": 1}, "usage": {}, "problems": [], "under_way": 0}
        return {**sums, "conversations": [{"error": away}], "next": "5"}

    whole = await reread(reinfer, user_id="ann")
    assert (whole["next"], whole["totals"]) == (None, {"failed": 1})
    assert "start again" in whole["problems"][0]


async def test_a_refusal_is_raised(url: str) -> None:
    async with AsyncMemory(url) as memory:
        with pytest.raises(InvalidInput):
            await memory.reinfer(user_id="ann", cursor="here")


async def test_without_a_model_it_says_what_to_set() -> None:
    memory = in_process()
    await memory.start()
    with pytest.raises(errors.Unavailable, match=r"llm\.base_url"):
        await memory.reinfer(user_id="ann")
    await memory.close()
