"""What becomes of commands when the ledger doesn't answer, or says that it has rolled back."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from typing import Any

import numpy as np
import pytest

from engine.concurrency import Pauses
from engine.errors import Conflict, RemoraError, StaleEpoch, Unavailable
from engine.ledger_port import (
    Accept,
    Command,
    Commit,
    Fail,
    Forget,
    Operation,
    OperationKind,
    Ownership,
    Plan,
    WriteAnswer,
    Written,
)
from engine.ledger_writer import LedgerWriter
from engine.types import ChangeBatch

PLAN = Plan((), np.zeros((0, 0), dtype=np.float32))
FULL = Unavailable("the disk is full", {"rolled_back": True})
LOST = Unavailable("no answer")
PATIENCE_S = 10.0


def operation(name: str) -> Operation:
    return Operation(name, "p", OperationKind.ADD, "lane", {}, 0)


class Ledger:
    """Takes what it is given, after it has raised each of `errors` in turn; waits while `open` is not set."""

    def __init__(self) -> None:
        self.errors: list[RemoraError] = []
        self.sent: list[list[str]] = []
        self.open = asyncio.Event()
        self.open.set()
        self.asked = asyncio.Event()

    async def write(self, epoch: int, commands: Sequence[Command]) -> WriteAnswer:
        assert epoch == 7
        self.asked.set()
        await self.open.wait()
        self.sent.append([name_of(command) for command in commands])
        if self.errors:
            raise self.errors.pop(0)
        written = tuple(Written(operation(name_of(command))) for command in commands)
        return WriteAnswer(written, ChangeBatch(0, 0, (), PLAN.vectors))


def name_of(command: Command) -> str:
    match command:
        case Commit(name, _) | Fail(name, _):
            return name
        case Forget(_, keys):
            return keys[0]
        case _:
            return getattr(command, "operation", operation("?")).id


class Made:
    def __init__(self) -> None:
        self.ledger = Ledger()
        ledger: Any = self.ledger
        self.writer = LedgerWriter(ledger, (), batch_operations=10)
        self.writer.own(Ownership(7, b"", 0))


@pytest.fixture
async def made(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Made]:
    monkeypatch.setattr(Pauses, "first_s", 0.001)
    monkeypatch.setattr(Pauses, "longest_s", 0.001)
    one = Made()
    async with asyncio.timeout(PATIENCE_S):
        yield one
    await one.writer.close()


async def outcomes(*answers: Any) -> list[Any]:
    found: list[Any] = await asyncio.gather(*answers, return_exceptions=True)
    return [one.message if isinstance(one, RemoraError) else one.operation.id for one in found]


async def test_what_is_new_is_refused_at_once_when_the_ledger_rolls_back(made: Made) -> None:
    made.ledger.errors = [FULL]

    assert await outcomes(made.writer.put(Accept(operation("a"))), made.writer.put(Forget("p", ("b",)))) == [
        "the disk is full",
        "the disk is full",
    ]
    assert made.ledger.sent == [["a", "b"]]


async def test_what_is_promised_is_sent_until_it_is_written(made: Made) -> None:
    made.ledger.errors = [FULL, FULL, FULL]

    assert await outcomes(made.writer.put(Commit("a", PLAN)), made.writer.put(Fail("b", {}))) == ["a", "b"]
    assert made.ledger.sent == [["a", "b"]] * 4


async def test_promises_are_sent_again_without_the_new_ones_that_came_along(made: Made) -> None:
    made.ledger.errors = [FULL]

    assert await outcomes(made.writer.put(Commit("a", PLAN)), made.writer.put(Accept(operation("new")))) == [
        "a",
        "the disk is full",
    ]
    assert made.ledger.sent == [["a", "new"], ["a"]]


async def test_who_waits_behind_promises_that_do_not_fit_is_refused_and_so_is_who_comes(made: Made) -> None:
    made.ledger.errors = [FULL]
    made.ledger.open.clear()
    promised = made.writer.put(Commit("a", PLAN))
    await made.ledger.asked.wait()
    waiting = made.writer.put(Accept(operation("waits")))

    made.ledger.open.set()
    with pytest.raises(Unavailable, match="full"):
        await waiting
    with pytest.raises(Unavailable, match="full"):
        made.writer.put(Accept(operation("comes")))
    assert await outcomes(promised) == ["a"]
    assert await outcomes(made.writer.put(Accept(operation("later")))) == ["later"]
    assert made.ledger.sent == [["a"], ["a"], ["later"]]


async def test_an_unknown_outcome_is_never_called_refused(made: Made) -> None:
    made.ledger.errors = [LOST, FULL, FULL]

    assert await outcomes(made.writer.put(Accept(operation("a")))) == ["a"]
    assert made.ledger.sent == [["a"]] * 4


async def test_a_command_at_fault_fails_alone(made: Made) -> None:
    made.ledger.errors = [Conflict("one of them is wrong"), Conflict("this one")]

    assert await outcomes(made.writer.put(Commit("a", PLAN)), made.writer.put(Commit("b", PLAN))) == ["this one", "b"]
    assert made.ledger.sent == [["a", "b"], ["a"], ["b"]]


async def test_who_was_refused_while_commands_were_written_one_by_one_is_not_written_afterwards(made: Made) -> None:
    made.ledger.errors = [Conflict("one of them is wrong"), FULL]

    assert await outcomes(made.writer.put(Commit("a", PLAN)), made.writer.put(Accept(operation("new")))) == [
        "a",
        "the disk is full",
    ]
    assert made.ledger.sent == [["a", "new"], ["a"], ["a"]]


async def test_an_owner_that_is_fenced_writes_nothing_more(made: Made) -> None:
    made.ledger.errors = [StaleEpoch("epoch 7 is over")]

    for _ in range(2):
        with pytest.raises(Unavailable):
            await made.writer.submit(Commit("a", PLAN))
    assert made.writer.fenced
    assert made.ledger.sent == [["a"]]


async def test_nothing_is_written_before_the_shard_is_owned() -> None:
    ledger: Any = Ledger()
    writer = LedgerWriter(ledger, (), batch_operations=10)

    with pytest.raises(Unavailable, match="starting"):
        await writer.submit(Accept(operation("a")))
    await writer.close()
