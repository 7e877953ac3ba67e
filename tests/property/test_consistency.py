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
from engine.errors import Conflict, NotFound, Purged, RemoraError, Unavailable
from engine.faults import FaultPoints
from engine.filters import Everything
from engine.graph_port import GraphQuery
from engine.in_process import in_process
from engine.ledger import codec, schema
from engine.ledger.store import SqlLedger
from engine.ledger_port import Accept, AcceptAndCommit, Command, Operation, OperationKind
from engine.memory import Memory
from engine.ports import Encoded, VectorQuery
from engine.types import Entity, Json
from engine.vector.memory import InMemoryVectorStore
from tests.property.consistency_model import Model

CASES = 1200
QUICK_CASES = 150
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
NAMED_BY_CALLERS = ["idempotency_key", "operation_id"]


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


class Witness:
    """A ledger that remembers what was asked of it to accept: a purge takes it out of the ledger itself."""

    def __init__(self, ledger: SqlLedger, accepted: dict[str, Operation]) -> None:
        self._ledger = ledger
        self._accepted = accepted

    def __getattr__(self, method: str) -> Any:
        return getattr(self._ledger, method)

    async def write(self, epoch: int, commands: Sequence[Command]) -> Any:
        for command in commands:
            if isinstance(command, Accept | AcceptAndCommit):
                self._accepted.setdefault(command.operation.id, command.operation)
        return await self._ledger.write(epoch, commands)


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
    accepted: dict[str, Operation] = field(default_factory=dict)
    failed: list[str] = field(default_factory=list)
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
            ledger_=Stepped(Witness(ledger, self.accepted), steps, "ledger", self.random),
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
            if isinstance(error, Conflict | NotFound) and "operation_id" in error.details:
                self.world.failed.append(error.details["operation_id"])
        sent.answered_at = self.world.tick()
        if sent.verb == "add" and sent.answer is not None:
            self.world.known += [row["id"] for row in sent.answer["results"]]


def some_request(world: World) -> Sent:
    pick = world.random
    keyed = {pick.choice(NAMED_BY_CALLERS): pick.choice(KEYS)} if pick.random() < 0.25 else {}
    at = world.tick()
    kind = pick.random()
    if kind < 0.45 or not world.known:
        messages = [
            {"role": pick.choice(["user", "assistant", "system"]), "content": text}
            for text in pick.sample([*TEXTS, f"a fact of {at}.", f"a secret fact of {at}."], pick.randint(1, 3))
        ]
        wait = {"wait": False} if pick.random() < 0.2 else {}
        return Sent("add", (messages,), {**pick.choice(SCOPES), **keyed, **wait}, at)
    return some_change(world, keyed, at)


def some_change(world: World, keyed: Json, at: int) -> Sent:
    """A request about what is there, or was."""
    pick = world.random
    texts = [*TEXTS, f"a new fact of {at}."]
    change: Json = {"text": pick.choice(texts)} if pick.random() < 0.7 else {"metadata": {"n": pick.randint(0, 2)}}
    memory_id = pick.choice(world.known)
    changes = {
        "update": Sent("update", (memory_id,), {**change, **keyed}, at),
        "delete": Sent("delete", (memory_id,), keyed, at),
        "delete_all": Sent("delete_all", (), {**pick.choice(DOOMED), **keyed}, at),
        "purge": Sent("purge", (), {"memory_id": memory_id, **keyed}, at),
        "purge a scope": Sent("purge", (), {**pick.choice(DOOMED), **keyed}, at),
    }
    if world.failed and pick.random() < 0.25:
        return Sent("retry", (pick.choice(world.failed),), {}, at)
    return changes[pick.choices([*changes], [36, 20, 10, 24, 10])[0]]


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
    model = await check(world, last)
    await last.bury()
    for ledger in world.open_ledgers:
        await ledger.close()
    check_erasure(world, model)


async def started(memory: Memory) -> None:
    """Start, again as long as the ledger doesn't answer."""
    while True:
        try:
            return await memory.start()
        except Unavailable:
            continue


async def live(world: World, process: Process) -> None:
    for _ in range(world.random.randint(1, 5)):
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


async def check(world: World, process: Process) -> Model:
    operations = all_operations(world.path)
    model = Model(process.memory.ownership.secret, {key: known.request for key, known in world.accepted.items()})
    by_id = {operation.id: operation for operation in operations}
    outcomes = [(operation, *model.do(operation)) for operation in operations]
    for operation, state, outcome in outcomes:
        compare_operation(operation, state, outcome, model)
    check_callers(world, by_id, model)
    await check_state(process, model)
    await check_indexes(world, model)
    await check_purged(process, by_id, model)
    return model


def all_operations(path: Path) -> list[Operation]:
    engine = create_engine(f"sqlite:///{path}")
    with engine.connect() as connection:
        rows = connection.execute(select(schema.operations).order_by(schema.operations.c.seq)).all()
    engine.dispose()
    return [codec.operation_of(row) for row in rows]


def compare_operation(operation: Operation, state: str, outcome: Any, model: Model) -> None:
    assert operation.state.value == state, (operation, outcome)
    if state == "FAILED":
        assert operation.error is not None
        assert operation.error["code"] == outcome
    if operation.id in model.blanked:
        assert (operation.request, operation.request_hash, operation.lane) == ({}, b"", None)
        assert operation.result == {"purged": True, "results": []}
        return
    assert (operation.result or {}).get("purged") is None
    if operation.kind is OperationKind.PURGE and state == "SUCCEEDED":
        assert set(operation.request) == {"purged"}
    else:
        assert operation.request == model.bodies[operation.id]
    if state == "FAILED":
        return
    assert operation.result is not None
    if isinstance(outcome, int):
        assert operation.result["count"] == outcome
    else:
        assert [(row["event"], row["id"]) for row in operation.result["results"]] == outcome


def check_callers(world: World, by_id: dict[str, Operation], model: Model) -> None:
    """Whoever got an answer got the truth, in the order of time; a key had one effect."""
    by_key: dict[str, str] = {}
    for sent in world.sent:
        if sent.answer is None:
            expected = NotFound | Conflict | Unavailable | Purged
            assert sent.answered_at is None or isinstance(sent.error, expected), sent.error
            continue
        operation = by_id.get(sent.answer["operation_id"])
        assert operation is not None, "an acknowledged operation is lost"
        if sent.answer["status"] == "SUCCEEDED" and operation.id not in model.blanked:
            assert operation.result is not None
            assert sent.answer["position"] == operation.result["position"]
            if sent.verb == "add":
                assert sent.answer["results"] == operation.result["results"]
        key = key_of(sent)
        if key is not None:
            assert by_key.setdefault(key, operation.id) == operation.id
    retried = {sent.args[0] for sent in world.sent if sent.verb == "retry"}
    answered = [(sent, by_id[sent.answer["operation_id"]]) for sent in world.sent if sent.answer is not None]
    for earlier, first in answered:
        for later, second in answered:
            if earlier.answered_at is None or earlier.answered_at >= later.at or {first.id, second.id} & retried:
                continue
            if world.accepted[first.id].lane == world.accepted[second.id].lane:
                assert first.seq <= second.seq or key_of(later) is not None, "time ran backwards in a lane"


def key_of(sent: Sent) -> str | None:
    return sent.fields.get("idempotency_key") or sent.fields.get("operation_id")


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
        texts = [] if memo.purged else memo.texts
        assert [event.after.text for event in history if event.after] == texts
        for before, after in pairwise(history):
            assert before.after is None or before.after.live_to == after.position


async def check_indexes(world: World, model: Model) -> None:
    everything = VectorQuery("default", Everything(), 10_000, vector=np.ones(DIMENSIONS, dtype=np.float32))
    answer = await world.vector.search([everything])
    found = {hit.version.memory_id: hit.version.text for hit in answer.hits[0]}
    assert found == {key: memo.texts[-1] for key, memo in model.live.items()}
    near = await world.graph.search([GraphQuery("default", (Entity("fact"),), 10_000)])
    assert {hit.memory_id for hit in near.hits[0]} == set(model.live)


async def check_purged(process: Process, by_id: dict[str, Operation], model: Model) -> None:
    """Whoever asks for what was purged hears so, by id and by key."""
    memory = process.memory
    for key in [key for key, memo in model.all.items() if memo.purged][:3]:
        for verb, fields in (("get", {}), ("history", {}), ("update", {"text": "a"}), ("delete", {})):
            assert isinstance(await outcome_of(getattr(memory, verb), key, **fields), Purged), verb
    for operation in [by_id[one] for one in model.blanked if by_id[one].idempotency_key is not None][:3]:
        said = {"user_id": "ann", "idempotency_key": operation.idempotency_key}
        assert isinstance(await outcome_of(memory.add, "anything", **said), Purged)


async def outcome_of(call: Any, *args: Any, **fields: Any) -> Any:
    """The answer or the error, however often an answer of the ledger is lost."""
    while True:
        try:
            return await call(*args, **fields)
        except Unavailable:
            continue
        except RemoraError as error:
            return error


def check_erasure(world: World, model: Model) -> None:
    """No row and no file of the ledger has anything left of what was purged."""
    erased = [text.encode() for text in model.texts_erased()]
    engine = create_engine(f"sqlite:///{world.path}")
    with engine.connect() as connection:
        for table in schema.metadata.sorted_tables:
            for row in connection.execute(select(table)):
                held = b"\0".join(one if isinstance(one, bytes) else str(one).encode() for one in row)
                assert [text for text in erased if text in held] == [], table.name
    engine.dispose()
    for path in world.path.parent.glob(f"{world.path.name}*"):
        held = path.read_bytes()
        assert [text for text in erased if text in held] == [], path.name


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
