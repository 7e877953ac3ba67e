"""A language model that fails in every way while hundreds of adds come in: nothing is lost, and all facts follow."""

from __future__ import annotations

import asyncio
import itertools
import json
import random
import time
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from engine import ledger
from engine.config import Settings, load
from engine.filters import Compare, Op
from engine.in_process import in_process
from engine.inference.inference import _ReadingPauses
from engine.ledger_port import Ledger
from engine.llm import build
from engine.memory import Memory
from tests.fact_provider import FactProvider, Fault, hanging, in_turn, is_about_known
from tests.provider import Reply, listening

USERS = [f"user{number}" for number in range(12)]
TOWNS = ("Bonn", "Porto", "Rome", "Oslo", "Riga", "Graz", "Kyiv", "Bern")
ADDS_A_FAULT = 72
AWAY_S = 60.0
PATIENCE_S = 400.0
OVER = frozenset({"SUCCEEDED", "FAILED"})


@pytest.fixture
async def served() -> AsyncIterator[FactProvider]:
    async with listening(FactProvider([Reply()])) as one:
        yield one


@pytest.fixture
def settings(served: FactProvider, tmp_path: Path) -> Settings:
    llm = {"base_url": served.url, "model": "scripted", "call_deadline_s": 2.0, "patience_s": 0.5}
    return load(llm=llm, data_dir=tmp_path)


@dataclass
class World:
    """A memory system over a ledger in a file. `said`: per user, what was said, in order, and the operations."""

    memory: Memory
    kept: Ledger
    said: dict[str, list[str]] = field(default_factory=lambda: {user: [] for user in USERS})
    operations: list[str] = field(default_factory=list)

    async def add(self, user: str, town: str) -> None:
        """Answered as soon as it is durable, whatever the model does."""
        text = f"Note {len(self.operations)}: I live in {town} now."
        answer = await self.memory.add(text, user_id=user, wait=False)
        self.said[user].append(text)
        self.operations.append(answer["operation_id"])

    async def ended(self) -> list[dict[str, Any]]:
        """Every operation, once its facts are there."""
        async with asyncio.timeout(PATIENCE_S):
            while not all(one["status"] in OVER for one in await self._operations()):
                await asyncio.sleep(0.2)
        return await self._operations()

    async def _operations(self) -> list[dict[str, Any]]:
        return await asyncio.gather(*map(self.memory.operation, self.operations))

    async def messages(self, user: str) -> list[str]:
        """All that is kept of what the user said."""
        mine = Compare("user_id", Op.EQ, user)
        page = await self.kept.page("default", mine, 0, 1000, evidence=True)
        return sorted(one.text for one in page.versions if not one.sources)


@pytest.fixture
async def world(settings: Settings) -> AsyncIterator[World]:
    model, kept = build(settings.llm), ledger.build(settings, 0)
    assert model is not None
    memory = in_process(settings, language_model=model, ledger_=kept)
    await memory.start()
    yield World(memory, kept)
    await memory.close()
    await model.close()
    await kept.close()


def a_third_fails() -> Fault:
    chance = random.Random(6)
    return lambda _: Reply(status=500) if chance.random() < 0.3 else None


def malformed() -> Fault:
    return lambda _: Reply("Sure! Here you are: facts = [Bonn]")


def truncated() -> Fault:
    return lambda _: Reply('{"facts": [{"fact": "She lives in', finish="length")


def foreign_ids() -> Fault:
    """Facts that it was not given are said to be known, and lines that there are not to say them."""
    known = Reply(json.dumps({"decisions": [{"fact": "a", "event": "DELETE", "known": [77], "text": ""}]}))
    return lambda asked: known if is_about_known(asked) else None


def bursts_of_429() -> Fault:
    refused = Reply(status=429, headers={"retry-after": "1"})
    return in_turn(itertools.cycle([*[refused] * 10, *[None] * 10]))


def hangs() -> Fault:
    return in_turn(itertools.cycle([hanging(asyncio.Event()), None, None]))


def down_for_a_minute() -> Fault:
    until_s = time.monotonic() + AWAY_S
    return lambda _: Reply(status=503) if time.monotonic() < until_s else None


PASSING = (a_third_fails, foreign_ids, bursts_of_429, hangs, down_for_a_minute)
"""With these some calls go well, so that facts follow while they last."""
LASTING = (malformed, truncated)


async def under(world: World, served: FactProvider, fault: Fault, towns: Sequence[str], *, passing: bool) -> None:
    """Adds while the fault is armed, each user's in order."""
    asked = len(served.asked)
    with served.failing(fault):
        for at, town in enumerate(towns):
            await world.add(USERS[at % len(USERS)], town)
        if passing:
            await world.ended()
        else:
            async with asyncio.timeout(PATIENCE_S):
                while len(served.asked) < asked + len(USERS):
                    served.came.clear()
                    await served.came.wait()


@pytest.mark.slow
@pytest.mark.timeout(900)
async def test_nothing_is_lost_and_all_is_inferred_in_order_whatever_the_model_does(
    world: World, served: FactProvider, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(_ReadingPauses, "longest_s", 5.0)
    chance = random.Random(4)
    for fault in (*PASSING, *LASTING):
        towns = [chance.choice(TOWNS) for _ in range(ADDS_A_FAULT)]
        await under(world, served, fault(), towns, passing=fault in PASSING)
    found = await world.ended()
    assert len(found) >= 500
    assert {(one["status"], tuple(one["unread"])) for one in found} == {("SUCCEEDED", ())}
    for user in USERS:
        assert await world.messages(user) == sorted(world.said[user])
        lives_in = world.said[user][-1].split()[-2]
        listed = await world.memory.list(user_id=user)
        assert [row["memory"] for row in listed["results"]] == [f"{user.capitalize()} lives in {lives_in}."]
    checked = await world.memory.verify()
    assert (checked["differences"], checked["problems"]) == ([], [])
