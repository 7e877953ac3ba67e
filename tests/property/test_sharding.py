"""Four shards answer as one does: the same random requests to both, sent to any of the four orchestrators."""

from __future__ import annotations

import asyncio
import itertools
import random
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest

from engine.api import MemoryApi
from engine.config import load
from engine.errors import RemoraError
from engine.in_process import in_process
from engine.sharding import Sharded
from engine.types import Json

CASES = 12
STEPS = 40
SHARDS = 4
TEXTS = ["likes tea", "likes coffee", "lives in Lyon", "has a dog", "plays chess"]
SCOPES: list[dict[str, str]] = [
    *[{"user_id": f"user-{number}"} for number in range(6)],
    *[{"user_id": f"user-{number}", "agent_id": "helper"} for number in range(6)],
    {"agent_id": "helper"},
    {"agent_id": "helper", "run_id": "r1"},
    {"user_id": "user-0", "app_id": "shop", "run_id": "r1"},
    {"app_id": "shop"},
    {"run_id": "r1"},
]
FILTERS: list[Json] = [
    {"user_id": "user-0"},
    {"agent_id": "helper"},
    {"user_id": "*"},
    {"OR": [{"user_id": "user-1"}, {"user_id": "user-2"}, {"app_id": "shop"}]},
    {"user_id": {"in": ["user-0", "user-3"]}},
    {"agent_id": "helper", "text": {"icontains": "likes"}},
    {"run_id": "r1", "NOT": {"user_id": "user-0"}},
]
UNLIKE = {"id", "memory_id", "updated_at", "operation_id", "event_id", "position", "hash", "latency", "completed_at"}
"""What tells two systems apart: ids, positions, and times of the clock."""


@asynccontextmanager
async def both() -> AsyncIterator[tuple[MemoryApi, list[Sharded]]]:
    """One shard, and four behind as many doors."""
    settings = load(shards=SHARDS, signals={"enabled": False})
    one, *four = [in_process(settings) for _ in range(SHARDS + 1)]
    await asyncio.gather(*[memory.start() for memory in (one, *four)])
    try:
        yield one, [Sharded(own, four, settings) for own in range(SHARDS)]
    finally:
        await asyncio.gather(*[memory.close() for memory in (one, *four)])


def alike(value: Any) -> Any:
    """An answer without what may differ."""
    if isinstance(value, dict):
        if value.get("type") in ("user", "agent", "app", "run"):
            return {name: known for name, known in value.items() if name not in ("created_at", "updated_at")}
        unlike = UNLIKE | ({"created_at", "started_at"} if "event_type" in value else set())
        return {name: alike(known) for name, known in value.items() if name not in unlike}
    if isinstance(value, list):
        return [alike(one) for one in value]
    return value


async def outcome(call: Any) -> Any:
    """What was answered, or the code of the error."""
    try:
        return await call
    except RemoraError as error:
        return {"code": error.code}


async def walked(verb: Any, **fields: Any) -> AsyncIterator[Json]:
    """All pages of a list."""
    for number in itertools.count(1):
        page = await verb(**fields, page=number, page_size=7)
        yield page
        if not page["results"]:
            return


class Twins:
    """The same requests to one shard and to four; a memory is known by the time at which it was said."""

    def __init__(self, one: MemoryApi, doors: list[Sharded], chance: random.Random) -> None:
        self.one = one
        self.doors = doors
        self.chance = chance
        self.said = 0
        self.known: list[tuple[str, str]] = []
        self.operations: list[tuple[str, str]] = []

    async def same(self, verb: str, *args: Any, **fields: Any) -> tuple[Any, Any]:
        """Ask both and compare."""
        return await self.compared(verb, (args, args), **fields)

    async def compared(self, verb: str, args: tuple[Any, Any], **fields: Any) -> tuple[Any, Any]:
        here = await outcome(getattr(self.one, verb)(*args[0], **fields))
        there = await outcome(getattr(self.chance.choice(self.doors), verb)(*args[1], **fields))
        assert alike(there) == alike(here), (verb, args, fields)
        return here, there

    def remember(self, here: Json, there: Json) -> None:
        pairs = zip(here.get("results", ()), there.get("results", ()), strict=True)
        self.known += [(one["id"], other["id"]) for one, other in pairs]
        if "operation_id" in here:
            self.operations.append((here["operation_id"], there["operation_id"]))

    def item(self) -> Json:
        self.said += 1
        return {"messages": self.chance.choice(TEXTS), "timestamp": self.said, **self.chance.choice(SCOPES)}

    async def add(self) -> None:
        item = self.item()
        if self.chance.random() < 0.2:
            item |= self.repeatable()
        self.remember(*await self.same("add", item.pop("messages"), **item))

    def repeatable(self) -> Json:
        """What may come again word for word, and at no other time than the first."""
        key, text, scope = self.chance.randrange(3), self.chance.randrange(2), self.chance.randrange(3)
        when = -1 - key - 3 * text - 6 * scope
        absent = dict.fromkeys(("user_id", "agent_id", "app_id", "run_id"))
        said = {"messages": TEXTS[text], "timestamp": when, "idempotency_key": f"key {key}"}
        return {**absent, **SCOPES[5 * scope], **said}

    async def add_batch(self) -> None:
        items = [self.item() for _ in range(self.chance.randint(1, 6))]
        if self.chance.random() < 0.3:
            items.insert(self.chance.randrange(len(items)), {"messages": "no scope"})
        for here, there in zip(*await self.same("add_batch", items), strict=True):
            self.remember(here, there)

    async def update(self) -> None:
        if self.known:
            here, there = self.chance.choice(self.known)
            await self.compared("update", ((here,), (there,)), text=self.chance.choice(TEXTS))

    async def delete(self) -> None:
        if self.known:
            here, there = self.chance.choice(self.known)
            await self.compared("delete", ((here,), (there,)))

    async def delete_all(self) -> None:
        scope = self.chance.choice([{"agent_id": "helper"}, {"run_id": "r1"}, *SCOPES])
        key = {"idempotency_key": f"key {self.chance.randrange(3)}"} if self.chance.random() < 0.3 else {}
        self.remember(*await self.same("delete_all", **scope, **key))

    async def purge(self) -> None:
        key: Json = {"operation_id": f"key {self.chance.randrange(3)}"} if self.chance.random() < 0.3 else {}
        if self.known and self.chance.random() < 0.5:
            here, there = self.chance.choice(self.known)
            answers = (
                await outcome(self.one.purge(memory_id=here, **key)),
                await outcome(self.chance.choice(self.doors).purge(memory_id=there, **key)),
            )
            assert alike(answers[1]) == alike(answers[0]), key
        else:
            scope = self.chance.choice([{"agent_id": "helper"}, {"run_id": "r1"}, *SCOPES])
            answers = await self.same("purge", **scope, **key)
        self.remember(*answers)

    async def operations_(self) -> None:
        """Pages in any order: many are accepted in the same microsecond."""
        fields = self.chance.choice([{}, {"state": "SUCCEEDED"}, {"state": "FAILED"}, *SCOPES])
        pages = [
            [page async for page in walked(door.operations, **fields)]
            for door in (self.one, self.chance.choice(self.doors))
        ]
        counts = [{page["count"] for page in some} for some in pages]
        assert counts[0] == counts[1]
        shown = [sorted(repr(alike(row)) for page in some for row in page["results"]) for some in pages]
        assert shown[0] == shown[1]
        assert len(shown[0]) == counts[0].pop()

    async def look(self) -> None:
        """A memory, its history, an operation: by id."""
        if self.known:
            here, there = self.chance.choice(self.known)
            await self.compared("get", ((here,), (there,)))
            await self.compared("history", ((here,), (there,)))
        if self.operations:
            here, there = self.chance.choice(self.operations)
            await self.compared("operation", ((here,), (there,)))

    async def list(self) -> None:
        size = self.chance.randint(1, 5)
        await self.same("list", filters=self.chance.choice(FILTERS), page=self.chance.randint(1, 3), page_size=size)

    async def entities(self) -> None:
        await self.same("entities", page=self.chance.randint(1, 2), page_size=self.chance.randint(1, 20))

    async def search(self) -> None:
        owner = self.chance.choice([{"user_id": f"user-{self.chance.randrange(6)}"}, {"agent_id": "helper"}])
        await self.same("search", self.chance.choice(TEXTS), top_k=50, threshold=0.0, **owner)


@pytest.mark.parametrize("case", range(CASES))
async def test_four_shards_answer_as_one(case: int) -> None:
    chance = random.Random(case)
    async with both() as (one, doors):
        twins = Twins(one, doors, chance)
        verbs = [twins.add, twins.add, twins.add, twins.add_batch, twins.update, twins.delete, twins.look, twins.list]
        rare = [twins.delete_all, twins.entities, twins.search, twins.purge, twins.purge, twins.operations_]
        for _ in range(STEPS):
            await chance.choice([*verbs, *verbs, *rare])()
        for filters in FILTERS:
            await twins.same("list", filters=filters, page_size=1000)
        await twins.same("entities")
