"""Actors of a real runtime killed by SIGKILL exactly while a write is at a named point: one effect, in all stores."""

from __future__ import annotations

import asyncio
import os
import signal
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any, TypeAlias

import pytest

from actors.calls import Remote
from actors.handles import OrchestratorHandle
from actors.options import Address, Part
from actors.runtime import Runtime
from actors.shell import Shell
from engine.faults import Fault, WritePoint
from engine.types import Json

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]

PATIENCE_S = 60.0
REMOTE_S = 15.0


@dataclass(frozen=True, slots=True)
class Pair:
    """Who is killed while which write is where."""

    point: WritePoint
    part: Part
    write: str

    def __str__(self) -> str:
        return f"{self.part}-{self.point.value}-{self.write}"


PAIRS = [
    Pair(WritePoint.BEFORE_ACCEPT, Part.LEDGER, "add"),
    Pair(WritePoint.BEFORE_ACCEPT, Part.ORCHESTRATOR, "delete"),
    Pair(WritePoint.AFTER_ACCEPT, Part.LEDGER, "update"),
    Pair(WritePoint.AFTER_ACCEPT, Part.EMBEDDER, "add"),
    Pair(WritePoint.AFTER_ACCEPT, Part.ORCHESTRATOR, "add"),
    Pair(WritePoint.AFTER_PREPARE, Part.LEDGER, "purge"),
    Pair(WritePoint.AFTER_PREPARE, Part.EXTRACTOR, "update"),
    Pair(WritePoint.AFTER_PREPARE, Part.ORCHESTRATOR, "update"),
    Pair(WritePoint.AFTER_COMMIT, Part.LEDGER, "delete"),
    Pair(WritePoint.AFTER_COMMIT, Part.VECTOR_STORE, "delete_all"),
    Pair(WritePoint.AFTER_COMMIT, Part.ORCHESTRATOR, "purge"),
    Pair(WritePoint.BETWEEN_APPLIES, Part.VECTOR_STORE, "add"),
    Pair(WritePoint.BETWEEN_APPLIES, Part.GRAPH_STORE, "update"),
    Pair(WritePoint.BETWEEN_APPLIES, Part.ORCHESTRATOR, "delete_all"),
    Pair(WritePoint.BEFORE_ANSWER, Part.GRAPH_STORE, "add"),
    Pair(WritePoint.BEFORE_ANSWER, Part.ORCHESTRATOR, "add"),
]
FIRST, SECOND = "The cat is called Miso.", "The dog is called Ramen."


@dataclass(frozen=True, slots=True)
class Write:
    """How it is sent (handle, the first memory's id, its user, its name), what is live afterwards, its first memory's
    events."""

    send: Callable[[OrchestratorHandle, str, str, str], Awaitable[Json]]
    live: tuple[str, ...]
    events: tuple[str, ...]


NEW, CHANGED = "The bird is called Udon.", "The cat is called Soba."
WRITES = {
    "add": Write(
        lambda api, _, user, name: api.add(said(NEW), user_id=user, operation_id=name), (FIRST, NEW, SECOND), ("ADD",)
    ),
    "update": Write(
        lambda api, memory_id, _, name: api.update(memory_id, text=CHANGED, operation_id=name),
        (CHANGED, SECOND),
        ("ADD", "UPDATE"),
    ),
    "delete": Write(
        lambda api, memory_id, _, name: api.delete(memory_id, operation_id=name), (SECOND,), ("ADD", "DELETE")
    ),
    "delete_all": Write(
        lambda api, _, user, name: api.delete_all(user_id=user, operation_id=name), (), ("ADD", "DELETE")
    ),
    "purge": Write(lambda api, memory_id, _, name: api.purge(memory_id=memory_id, operation_id=name), (SECOND,), ()),
}
Shells: TypeAlias = Callable[[Part], Remote[Shell[Any]]]


def said(text: str) -> list[Json]:
    """By Ann: whoever speaks is an entity of the graph."""
    return [{"role": "user", "content": text, "name": "Ann"}]


@pytest.fixture
def shells(runtime: Runtime) -> Shells:
    """Every actor of the one shard, for health calls."""
    return lambda part: Remote(Address(part, runtime.settings.runtime.namespace), REMOTE_S)


@pytest.mark.parametrize("pair", PAIRS, ids=Pair.__str__)
async def test_a_write_has_one_effect_though_an_actor_is_killed_over_it(
    pair: Pair, api: OrchestratorHandle, shells: Shells
) -> None:
    user, name, write = f"user-{uuid.uuid4().hex}", f"operation-{uuid.uuid4().hex}", WRITES[pair.write]
    first = (await api.add([*said(FIRST), *said(SECOND)], user_id=user))["results"][0]["id"]

    async with asyncio.timeout(PATIENCE_S), killed_at(pair, shells):
        answer = await write.send(api, first, user, name)
    again = await write.send(api, first, user, name)

    assert answer["status"] == again["status"] == "SUCCEEDED"
    assert {**again, "degraded": []} == {**answer, "degraded": []}
    await check(api, write, first, user, again)


@asynccontextmanager
async def killed_at(pair: Pair, shells: Shells) -> AsyncIterator[None]:
    """Whoever writes meets the death of an actor at the point; the orchestrator's own is by its own hand."""
    orchestrator = shells(Part.ORCHESTRATOR)
    dies_itself = pair.part is Part.ORCHESTRATOR
    point = str(pair.point)
    fault = Fault(pause=not dies_itself, crash=dies_itself, times=1)
    await orchestrator.ask(lambda actor: actor.inject_point.remote(point, fault))
    if dies_itself:
        before = (await orchestrator.ask(lambda actor: actor.describe.remote()))["pid"]
        yield
        assert (await orchestrator.ask(lambda actor: actor.describe.remote()))["pid"] != before
        return
    killing = asyncio.ensure_future(kill_on_arrival(pair, shells))
    yield
    await killing


async def kill_on_arrival(pair: Pair, shells: Shells) -> None:
    orchestrator, victim, point = shells(Part.ORCHESTRATOR), shells(pair.part), str(pair.point)
    pid = (await victim.ask(lambda actor: actor.describe.remote()))["pid"]
    assert await orchestrator.ask(lambda actor: actor.arrival.remote(point, REMOTE_S)) == 1
    os.kill(pid, signal.SIGKILL)
    await orchestrator.ask(lambda actor: actor.disarm.remote(point))


async def check(api: OrchestratorHandle, write: Write, first: str, user: str, answer: Json) -> None:
    """Ledger, vector index and graph have the effect once, and agree with each other."""
    assert await differences(api) == []
    operations = await api.operations(user_id=user)
    assert {one["status"] for one in operations["results"]} <= {"SUCCEEDED"}
    listed = await api.list(user_id=user)
    assert sorted(one["memory"] for one in listed["results"]) == sorted(write.live)
    if write.events:
        assert [one["event"] for one in await api.history(first)] == list(write.events)
    found = await api.search("called", user_id=user, threshold=0.0, min_position=answer["position"])
    assert sorted(one["memory"] for one in found["results"]) == sorted(write.live)
    mentioned = await api.graph_entities(user_id=user)
    assert [(one["name"], one["memories"]) for one in mentioned["results"]] == (
        [("Ann", len(write.live))] if write.live else []
    )


async def differences(api: OrchestratorHandle) -> list[Any]:
    """All that `verify` finds, from the first memory to the last; it waits until the indexes have caught up."""
    found: list[Any] = []
    cursor: str | None = None
    while True:
        answer = await api.verify(cursor=cursor, limit=5000)
        found += [*answer["differences"], *answer["problems"]]
        cursor = answer["next"]
        if cursor is None:
            return found
