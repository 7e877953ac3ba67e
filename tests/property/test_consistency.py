"""What `docs/consistency.md` promises, on real SQLite: random operations, a crash between any two steps, lost answers,
restarts, and an old owner that comes back, compared with the model. No Ray: the orchestrator runs the same code."""

from __future__ import annotations

import asyncio
import random
import shutil
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sqlalchemy import create_engine, select

from engine import graph, index_feed
from engine.concurrency import Pauses
from engine.config import Settings
from engine.embed.hashing import HashingEmbedder
from engine.errors import Conflict, NotFound, RemoraError, Unavailable
from engine.faults import FaultPoints
from engine.filters import Everything
from engine.graph_port import GraphQuery
from engine.in_process import in_process
from engine.ledger import codec, schema
from engine.ledger.store import SqlLedger
from engine.ledger_port import Operation
from engine.memory import Memory
from engine.ports import Encoded, VectorQuery
from engine.types import Entity, Json
from engine.vector.memory import InMemoryVectorStore
from tests.property.consistency_model import Model

CASES = 2000
QUICK_CASES = 300
CHUNKS = 10
DIMENSIONS = 16
PATIENCE_S = 30
TEXTS = ["a fact", "another fact", "a third fact", " a fact ", "the last fact"]
SCOPES: list[dict[str, str]] = [
    {"user_id": "ann"},
    {"user_id": "bob"},
    {"user_id": "ann", "agent_id": "helper"},
    {"agent_id": "helper"},
    {"user_id": "bob", "agent_id": "helper", "run_id": "r1"},
]
DOOMED: list[dict[str, str]] = [{"user_id": "ann"}, {"agent_id": "helper"}, {"user_id": "bob", "agent_id": "helper"}]
KEYS = ["k1", "k2", "k3"]


class Crash(BaseException):
    """The process is gone: nothing that it would have done happens."""


class Steps(FaultPoints):
    """Counts the steps of one process and ends it at one of them; from then on every step fails."""

    def __init__(self, crash_at: int | None) -> None:
        super().__init__(enabled=True)
        self.left = crash_at
        self.crashed = asyncio.Event()

    async def reach(self, point: str) -> None:
        if self.left is not None and not self.crashed.is_set():
            self.left -= 1
            if self.left <= 0:
                self.crashed.set()
        if self.crashed.is_set():
            raise Crash(point)


class Stepped:
    """A port whose every call may find the process dead, before it or after it.

    With `lossy`, a call may also be lost on its way there or back while the process lives on.
    """

    def __init__(self, port: Any, steps: Steps, name: str, lossy: random.Random | None = None) -> None:
        self._port = port
        self._steps = steps
        self._name = name
        self._lossy = lossy

    def _maybe_lost(self) -> None:
        if self._lossy is not None and self._lossy.random() < 0.02:
            raise Unavailable(f"the {self._name} does not answer")

    def __getattr__(self, method: str) -> Any:
        async def call(*args: Any, **kwargs: Any) -> Any:
            await self._steps.reach(f"before {self._name}.{method}")
            self._maybe_lost()
            answer = await getattr(self._port, method)(*args, **kwargs)
            self._maybe_lost()
            await self._steps.reach(f"after {self._name}.{method}")
            return answer

        return call


class MoodyEmbedder(HashingEmbedder):
    """Is away for its next `away` calls."""

    away = 0

    async def encode(self, *args: Any, **kwargs: Any) -> Encoded:
        if self.away:
            self.away -= 1
            raise Unavailable("the model is away")
        return await super().encode(*args, **kwargs)


class EveryWord:
    """Names every word of a text."""

    async def entities(self, texts: Sequence[str], *_: Any) -> list[tuple[Entity, ...]]:
        return [tuple(Entity(word) for word in text.split()) for text in texts]

    def counters(self) -> dict[str, int]:
        return {}

    def queues(self) -> Json:
        return {}

    async def close(self) -> None:
        pass


@dataclass
class Sent:
    """A request and what came of it; `answer` None: nobody knows."""

    verb: str
    args: tuple[Any, ...]
    fields: Json
    at: int
    answer: Json | None = None
    error: RemoraError | None = None
    answered_at: int | None = None


@dataclass
class World:
    """What outlives a process: the ledger's file, the indexes in their own processes, and what callers saw."""

    path: Path
    random: random.Random
    vector: InMemoryVectorStore = field(default_factory=lambda: InMemoryVectorStore(DIMENSIONS))
    graph: Any = field(default_factory=graph.in_memory)
    sent: list[Sent] = field(default_factory=list)
    known: list[str] = field(default_factory=list)
    now: int = 0
    open_ledgers: list[SqlLedger] = field(default_factory=list)

    def tick(self) -> int:
        self.now += 1
        return self.now

    def lose_indexes(self) -> None:
        if self.random.random() < 0.4:
            self.vector = InMemoryVectorStore(DIMENSIONS)
        if self.random.random() < 0.4:
            self.graph = graph.in_memory()

    def process(self, crash_at: int | None) -> Process:
        ledger = SqlLedger(f"sqlite:///{self.path}", readers=1)
        self.open_ledgers.append(ledger)
        steps = Steps(crash_at)
        embedder = MoodyEmbedder(DIMENSIONS)
        memory = in_process(
            Settings(),
            embedder=embedder,
            recogniser=EveryWord(),
            ledger_=Stepped(ledger, steps, "ledger", self.random),
            vector=Stepped(self.vector, steps, "vector", self.random),
            graph_=Stepped(self.graph, steps, "graph", self.random),
            faults=steps,
        )
        return Process(self, memory, ledger, steps, embedder)


@dataclass
class Process:
    """One life of the memory system."""

    world: World
    memory: Memory
    ledger: SqlLedger
    steps: Steps
    embedder: MoodyEmbedder

    async def run(self, work: Any) -> bool:
        """Do the work; False: the process crashed over it."""
        doing, dying = asyncio.ensure_future(work), asyncio.ensure_future(self.steps.crashed.wait())
        async with asyncio.timeout(PATIENCE_S):
            await asyncio.wait({doing, dying}, return_when=asyncio.FIRST_COMPLETED)
        dying.cancel()
        if self.steps.crashed.is_set():
            doing.cancel()
            await asyncio.gather(doing, return_exceptions=True)
            return False
        await doing
        return True

    async def bury(self) -> None:
        """Let go of what the dead process held in this one: its tasks can't do anything any more."""
        self.steps.crashed.set()
        await self.memory.close()

    async def send(self, sent: Sent) -> None:
        self.world.sent.append(sent)
        try:
            sent.answer = await getattr(self.memory, sent.verb)(*sent.args, **sent.fields)
        except RemoraError as error:
            sent.error = error
        sent.answered_at = self.world.tick()
        if sent.verb == "add" and sent.answer is not None:
            self.world.known += [row["id"] for row in sent.answer["results"]]


def some_request(world: World) -> Sent:
    pick = world.random
    keyed = {"idempotency_key": pick.choice(KEYS)} if pick.random() < 0.25 else {}
    at = world.tick()
    kind = pick.random()
    if kind < 0.6 or not world.known:
        messages = [
            {"role": pick.choice(["user", "assistant", "system"]), "content": text}
            for text in pick.sample(TEXTS, pick.randint(1, 3))
        ]
        wait = {"wait": False} if pick.random() < 0.2 else {}
        return Sent("add", (messages,), {**pick.choice(SCOPES), **keyed, **wait}, at)
    if kind < 0.75:
        change: Json = {"text": pick.choice(TEXTS)} if pick.random() < 0.7 else {"metadata": {"n": pick.randint(0, 2)}}
        return Sent("update", (pick.choice(world.known),), {**change, **keyed}, at)
    if kind < 0.88:
        return Sent("delete", (pick.choice(world.known),), keyed, at)
    return Sent("delete_all", (), {**pick.choice(DOOMED), **keyed}, at)


async def one_case(seed: int, path: Path) -> None:
    world = World(path, random.Random(seed))
    pick = world.random
    for _ in range(pick.randint(1, 3)):
        process = world.process(pick.randint(1, 60) if pick.random() < 0.8 else None)
        if await process.run(started(process.memory)):
            await live(world, process)
        if not process.steps.crashed.is_set() and pick.random() < 0.5:
            await come_back(world, process)
        await process.bury()
        world.lose_indexes()
    last = world.process(None)
    await started(last.memory)
    await settle(last)
    await check(world, last)
    await last.bury()
    for ledger in world.open_ledgers:
        await ledger.close()


async def started(memory: Memory) -> None:
    """Start, again as long as the ledger doesn't answer."""
    while True:
        try:
            return await memory.start()
        except Unavailable:
            continue


async def live(world: World, process: Process) -> None:
    for _ in range(world.random.randint(1, 4)):
        if world.random.random() < 0.05:
            process.embedder.away = world.random.randint(1, 2)
        requests = [process.send(some_request(world)) for _ in range(world.random.randint(1, 4))]
        if not await process.run(_together(requests)):
            return


async def _together(requests: list[Any]) -> None:
    await asyncio.gather(*requests)


async def come_back(world: World, old: Process) -> None:
    """A new owner starts while the old one still has work under way; after that the old one can change nothing."""
    old.steps.left = None
    under_way = [asyncio.ensure_future(old.send(some_request(world))) for _ in range(2)]
    for _ in range(world.random.randint(0, 5)):
        await asyncio.sleep(0)
    new = world.process(None)
    await started(new.memory)
    await asyncio.gather(*under_way)
    late = Sent("add", ([{"role": "user", "content": f"too late {world.tick()} fact"}],), {"user_id": "ann"}, world.now)
    await settle(new)
    before = (await new.ledger.status())["position"]
    await old.send(late)
    assert isinstance(late.error, Unavailable), "an old owner took a write"
    assert (await new.ledger.status())["position"] == before
    await new.bury()


async def settle(process: Process) -> None:
    """Until every accepted operation is done and the indexes have everything."""
    async with asyncio.timeout(PATIENCE_S):
        while await process.ledger.unfinished():
            await asyncio.sleep(0.001)
        await process.memory.indexes_at((await process.ledger.status())["position"])


async def check(world: World, process: Process) -> None:
    operations = all_operations(world.path)
    model = Model(process.memory.ownership.secret)
    by_id = {operation.id: operation for operation in operations}
    for operation in operations:
        compare_operation(operation, model)
    check_callers(world, by_id)
    await check_state(process, model)
    await check_indexes(world, model)


def all_operations(path: Path) -> list[Operation]:
    engine = create_engine(f"sqlite:///{path}")
    with engine.connect() as connection:
        rows = connection.execute(select(schema.operations).order_by(schema.operations.c.seq)).all()
    engine.dispose()
    return [codec.operation_of(row) for row in rows]


def compare_operation(operation: Operation, model: Model) -> None:
    state, outcome = model.do(operation)
    assert operation.state.value == state, (operation, outcome)
    if state == "FAILED":
        assert operation.error is not None
        assert operation.error["code"] == outcome
        return
    assert operation.result is not None
    if isinstance(outcome, int):
        assert operation.result["count"] == outcome
    else:
        assert [(row["event"], row["id"]) for row in operation.result["results"]] == outcome


def check_callers(world: World, by_id: dict[str, Operation]) -> None:
    """Whoever got an answer got the truth, in the order of time; a key had one effect."""
    by_key: dict[str, str] = {}
    for sent in world.sent:
        if sent.answer is None:
            assert sent.answered_at is None or isinstance(sent.error, NotFound | Conflict | Unavailable), sent.error
            continue
        operation = by_id.get(sent.answer["operation_id"])
        assert operation is not None, "an acknowledged operation is lost"
        if sent.answer["status"] == "SUCCEEDED":
            assert operation.result is not None
            assert sent.answer["position"] == operation.result["position"]
            if sent.verb == "add":
                assert sent.answer["results"] == operation.result["results"]
        key = sent.fields.get("idempotency_key")
        if key is not None:
            assert by_key.setdefault(key, operation.id) == operation.id
    answered = [(sent, by_id[sent.answer["operation_id"]]) for sent in world.sent if sent.answer is not None]
    for earlier, first in answered:
        for later, second in answered:
            if earlier.answered_at is not None and earlier.answered_at < later.at and first.lane == second.lane:
                repeated = later.fields.get("idempotency_key") is not None
                assert first.seq <= second.seq or repeated, "time ran backwards in a lane"


async def check_state(process: Process, model: Model) -> None:
    assert (await process.ledger.status())["position"] == model.position
    page = await process.ledger.page("default", Everything(), 0, 10_000)
    assert {v.memory_id: (v.scope, v.role, v.text, v.version, dict(v.metadata)) for v in page.versions} == {
        key: (memo.scope, memo.role, memo.texts[-1], len(memo.texts), memo.metadata) for key, memo in model.live.items()
    }
    stream = await process.ledger.changes(0, 10_000)
    assert [change.position for change in stream.changes] == list(range(1, model.position + 1))
    for key, memo in model.all.items():
        history = await process.ledger.history("default", key)
        assert [event.kind.value for event in history] == memo.events
        assert [event.after.text for event in history if event.after] == memo.texts
        for before, after in pairwise(history):
            assert before.after is not None
            assert before.after.live_to == after.position


async def check_indexes(world: World, model: Model) -> None:
    everything = VectorQuery("default", Everything(), 10_000, vector=np.ones(DIMENSIONS, dtype=np.float32))
    answer = await world.vector.search([everything])
    found = {hit.version.memory_id: hit.version.text for hit in answer.hits[0]}
    assert found == {key: memo.texts[-1] for key, memo in model.live.items()}
    near = await world.graph.search([GraphQuery("default", (Entity("fact"),), 10_000)])
    assert {hit.memory_id for hit in near.hits[0]} == set(model.live)


@pytest.fixture(autouse=True)
def short_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is tried again is tried again at once: the pauses between are no part of what is tested."""
    monkeypatch.setattr(index_feed, "_FIRST_PAUSE_S", 0.0005)
    monkeypatch.setattr(Pauses, "first_s", 0.0005)


@pytest.fixture(scope="module")
def fresh_ledger(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A ledger with its tables made, to copy: making them anew for every case takes longer than the case."""
    path = tmp_path_factory.mktemp("consistency") / "fresh.db"

    async def make() -> None:
        ledger = SqlLedger(f"sqlite:///{path}", readers=1)
        await ledger.open()
        await ledger.close()

    asyncio.run(make())
    return path


@pytest.mark.timeout(900)
@pytest.mark.parametrize("chunk", range(CHUNKS))
def test_the_ledger_and_the_indexes_are_what_the_model_says(chunk: int, fresh_ledger: Path, tmp_path: Path) -> None:
    run_cases(range(chunk, QUICK_CASES, CHUNKS), fresh_ledger, tmp_path)


@pytest.mark.slow
@pytest.mark.timeout(900)
@pytest.mark.parametrize("chunk", range(CHUNKS))
def test_they_still_are_after_many_more_cases(chunk: int, fresh_ledger: Path, tmp_path: Path) -> None:
    run_cases(range(QUICK_CASES + chunk, CASES, CHUNKS), fresh_ledger, tmp_path)


def run_cases(seeds: range, fresh_ledger: Path, directory: Path) -> None:
    for seed in seeds:
        path = directory / f"{seed}.db"
        shutil.copy(fresh_ledger, path)
        try:
            asyncio.run(one_case(seed, path))
        except BaseException as error:
            error.add_note(f"seed {seed}")
            raise
        for left in directory.glob(f"{seed}.db*"):
            left.unlink()
