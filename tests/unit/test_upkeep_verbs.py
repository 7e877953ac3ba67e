"""Purge, operations, verification and rebuilding as `AsyncMemory` has them: what is asked, summed up, waited for."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest

from remora import AsyncMemory, Memory
from remora.blocking import _restored
from remora.connection import restored
from remora.errors import InvalidInput, NotFound, Overloaded, RemoraError, Unavailable
from remora.patience import patiently
from remora.rebuilding import rebuilt
from remora.targets import Link
from remora.verification import Verification, verified

ID = "8f3a0c1e-5b7d-8e21-a4c9-0d6f2b913e57"
Json = dict[str, Any]


class Scripted:
    """A memory system that gives each answer once, in order, and remembers what it was asked."""

    def __init__(self, *answers: Any) -> None:
        self.answers = list(answers)
        self.calls: list[tuple[str, tuple[Any, ...], Json]] = []

    def __getattr__(self, verb: str) -> Any:
        async def call(*args: Any, **fields: Any) -> Any:
            self.calls.append((verb, args, fields))
            answer = self.answers.pop(0) if self.answers else {}
            if isinstance(answer, Exception):
                raise answer
            return answer

        return call

    async def open(self) -> Link:
        async def close() -> None: ...

        api: Any = self
        return Link(api, close)


def memory_over(api: Scripted) -> AsyncMemory:
    return restored(AsyncMemory, api)


def stretch(checked: int, cursor: str | None, *, differences: int = 0, repaired: int = 0, **more: Any) -> Json:
    found = [
        {"shard": 0, "index": "graph", "memory_id": f"{cursor}-{n}", "problem": "missing"} for n in range(differences)
    ]
    return {
        "checked": checked, "total": 5, "differences": found, "problems": [], "repaired": repaired, "next": cursor
    } | more  # fmt: skip


def progress(state: str, done: int, **more: Any) -> Json:
    return {"index": "vector", "state": state, "done": done, "total": 4, "error": None, "shards": []} | more


# --- single calls ----------------------------------------------------------------------------------------------------


async def test_a_purge_sends_what_is_named_and_nothing_that_is_not() -> None:
    api = Scripted()
    async with memory_over(api) as memory:
        await memory.purge(ID)
        await memory.purge(user_id="ana", run_id="r", idempotency_key="k")
        await memory.purge(user_id="ana", operation_id="k")
        await memory.purge()
    assert api.calls == [
        ("purge", (), {"memory_id": ID}),
        ("purge", (), {"user_id": "ana", "run_id": "r", "idempotency_key": "k"}),
        ("purge", (), {"user_id": "ana", "idempotency_key": "k"}),
        ("purge", (), {}),  # It is refused over there, where it is refused for everybody.
    ]


async def test_operations_are_listed_and_tried_again() -> None:
    api = Scripted()
    async with memory_over(api) as memory:
        await memory.operations(state="FAILED", user_id="ana", page=2)
        await memory.retry(ID)
    assert api.calls == [
        ("operations", (), {"state": "FAILED", "user_id": "ana", "page": 2, "page_size": 100}),
        ("retry", (ID,), {"wait": True}),
    ]


@pytest.mark.parametrize(
    "change",
    [
        lambda memory, **key: memory.add("x", user_id="u", **key),
        lambda memory, **key: memory.update(ID, "x", **key),
        lambda memory, **key: memory.delete(ID, **key),
        lambda memory, **key: memory.delete_all(user_id="u", **key),
        lambda memory, **key: memory.purge(user_id="u", **key),
    ],
)
async def test_every_change_takes_its_key_as_operation_id_too(change: Any) -> None:
    api = Scripted()
    async with memory_over(api) as memory:
        await change(memory, operation_id="mine")
        with pytest.raises(InvalidInput):
            await change(memory, operation_id="mine", idempotency_key="other")
    ((_, _, fields),) = api.calls
    assert fields["idempotency_key"] == "mine"
    assert "operation_id" not in fields


# --- verification ----------------------------------------------------------------------------------------------------


async def test_a_verification_walks_all_stretches_and_sums_up() -> None:
    api = Scripted(
        stretch(2, "a", differences=2, repaired=1, problems=["two live versions"]), stretch(2, "b"), stretch(1, None)
    )
    told: list[tuple[int, int]] = []
    async with memory_over(api) as memory:
        whole = await memory.verify(repair=True, told=lambda done, of: told.append((done, of)))
    assert [fields for _, _, fields in api.calls] == [
        {"repair": True}, {"repair": True, "cursor": "a"}, {"repair": True, "cursor": "b"}
    ]  # fmt: skip
    assert told == [(2, 5), (4, 5), (5, 5)]
    assert (whole["checked"], whole["found"], whole["repaired"], whole["remaining"]) == (5, 2, 1, 2)
    assert (whole["clean"], whole["problems"], len(whole["differences"])) == (False, ["two live versions"], 2)


@pytest.mark.parametrize(
    ("only", "clean"),
    [
        (stretch(3, None), True),
        (stretch(3, None, differences=2, repaired=2), True),
        (stretch(3, None, differences=2, repaired=1), False),
        (stretch(3, None, problems=["a gap"]), False),
    ],
)
async def test_it_is_clean_when_nothing_remains(only: Json, clean: bool) -> None:
    async with memory_over(Scripted(only)) as memory:
        assert (await memory.verify())["clean"] is clean


def test_all_differences_are_counted_and_the_first_ten_thousand_kept() -> None:
    whole = Verification()
    for _ in range(3):
        whole.take(stretch(1, None, differences=4_000))
    summed = whole.summed()
    assert (summed["found"], summed["remaining"], len(summed["differences"])) == (12_000, 12_000, 10_000)


async def test_a_cursor_that_stands_still_ends_the_walk() -> None:
    api = Scripted(stretch(1, "a"), stretch(1, "a"))
    with pytest.raises(RemoraError, match="come forward"):
        await verified(api.verify)


async def test_who_is_not_there_at_all_is_told_at_once() -> None:
    api = Scripted(Unavailable("nothing answers"), stretch(1, None))
    with pytest.raises(Unavailable, match="nothing answers"):
        await verified(api.verify)


# --- rebuilding ------------------------------------------------------------------------------------------------------


async def test_a_rebuild_is_begun_once_and_waited_for() -> None:
    api = Scripted(progress("RUNNING", 0), progress("RUNNING", 3), progress("DONE", 4))
    told: list[tuple[int, int]] = []
    answer = await rebuilt(api.rebuild, "vector", told=lambda done, of: told.append((done, of)), look_s=0)
    assert answer["state"] == "DONE"
    assert [fields for _, _, fields in api.calls] == [{}, {"start": False}, {"start": False}]
    assert told == [(0, 4), (3, 4), (4, 4)]


async def test_a_rebuild_that_failed_is_an_error() -> None:
    async with memory_over(Scripted(progress("FAILED", 1, error={"message": "the disk is full"}))) as memory:
        with pytest.raises(Unavailable, match="vector index wasn't rebuilt: the disk is full"):
            await memory.rebuild("vector")


async def test_a_rebuild_that_a_restart_has_ended_says_so() -> None:
    api = Scripted(progress("RUNNING", 0), progress("NONE", 0))
    with pytest.raises(Unavailable, match="cut short"):
        await rebuilt(api.rebuild, "vector", look_s=0)


async def test_who_does_not_wait_is_told_how_it_stands() -> None:
    api = Scripted(progress("RUNNING", 0))
    async with memory_over(api) as memory:
        assert (await memory.rebuild("vector", wait=False))["state"] == "RUNNING"
    assert api.calls == [("rebuild", ("vector",), {})]


# --- patience --------------------------------------------------------------------------------------------------------


def failing(errors: Sequence[Exception]) -> Scripted:
    return Scripted(*errors, {"fine": True})


async def test_a_part_that_is_away_for_a_moment_is_asked_again() -> None:
    api = failing([Unavailable("restarting"), Overloaded("full", {"retry_after_s": 0.001})])
    assert await patiently(api.verify, pause_s=0) == {"fine": True}
    assert len(api.calls) == 3


async def test_patience_ends() -> None:
    with pytest.raises(Unavailable):
        await patiently(failing([Unavailable("away")]).verify, pause_s=5, most_s=1)


async def test_what_is_wrong_is_not_asked_again() -> None:
    api = failing([NotFound("no")])
    with pytest.raises(NotFound):
        await patiently(api.verify, pause_s=0)
    assert len(api.calls) == 1


def test_the_blocking_memory_has_them_too() -> None:
    api = Scripted(stretch(5, None), progress("DONE", 4))
    with _restored(Memory, api) as memory:
        assert memory.verify()["clean"] is True
        assert memory.rebuild("vector")["state"] == "DONE"
