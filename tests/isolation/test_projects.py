"""Nothing of one project can be seen, counted, changed or erased from another, nor by guessing ids: verb by verb."""

from __future__ import annotations

import inspect
import json
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeAlias

import pytest

from engine.api import MemoryApi
from engine.config import Settings, SignalSettings
from engine.errors import Conflict, NotFound, RemoraError, Unavailable
from engine.extract.recogniser import NoEntities
from engine.in_process import in_process
from engine.ledger.store import SqlLedger
from engine.memory import Memory
from engine.ports import Priority
from engine.types import Entity, Json, Scope

MINE, THEIRS = "mine", "theirs"
CANARY = "Zanzibar-canary"
SECRET = f"Alice met Bob in {CANARY}"
USER = "ann"
KEY = "their key"


class Capitals(NoEntities):
    """Names every word that starts with a capital letter."""

    async def entities(self, texts: Sequence[str], priority: Priority = Priority.ADD) -> list[tuple[Entity, ...]]:
        return [tuple(Entity(word) for word in text.split() if word[0].isupper()) for text in texts]


class Counted:
    """A ledger whose reads are told by name."""

    def __init__(self, ledger: SqlLedger) -> None:
        self._ledger = ledger
        self.calls: list[str] = []

    def __getattr__(self, method: str) -> Any:
        self.calls.append(method)
        return getattr(self._ledger, method)


@dataclass
class Two:
    """Both projects have the same user; theirs has a memory, its history, and an operation that failed."""

    memory: Memory
    ledger: Counted
    memory_id: str
    gone_id: str
    operation_id: str
    failed_id: str

    async def everything_of_theirs(self) -> str:
        """All that the owners see, so that a change of anything shows. A position counts for all projects."""
        memory = self.memory
        told = [
            await memory.list(user_id="*", project=THEIRS),
            await memory.history(self.memory_id, project=THEIRS),
            await memory.history(self.gone_id, project=THEIRS),
            await memory.operations(project=THEIRS),
            await memory.entities(project=THEIRS),
            await memory.feedback(project=THEIRS),
            await memory.graph_entities(user_id=USER, project=THEIRS),
            (await memory.search(SECRET, user_id=USER, project=THEIRS))["results"],
        ]
        return json.dumps(told)


@pytest.fixture
async def two(tmp_path: Path) -> AsyncIterator[Two]:
    ledger = SqlLedger(f"sqlite:///{tmp_path / 'ledger.db'}", readers=2)
    counted: Any = Counted(ledger)
    # Signals that are computed in the meantime would move scores.
    settings = Settings(signals=SignalSettings(enabled=False))
    memory = in_process(settings, ledger_=counted, recogniser=Capitals())
    await memory.start()
    added = await memory.add(SECRET, user_id=USER, project=THEIRS, idempotency_key=KEY)
    gone = await memory.add(f"{CANARY} is far", user_id=USER, project=THEIRS)
    memory_id, gone_id = added["results"][0]["id"], gone["results"][0]["id"]
    await memory.delete(gone_id, project=THEIRS)
    await memory.rate(memory_id, "NEGATIVE", f"{CANARY} is nearer", project=THEIRS)
    failed_id = await a_failed_operation(memory)
    yield Two(memory, counted, memory_id, gone_id, added["operation_id"], failed_id)
    await memory.close()
    await ledger.close()


async def a_failed_operation(memory: Memory) -> str:
    """An update to a text that is there already."""
    other = await memory.add(f"{CANARY} is hot", user_id=USER, project=THEIRS)
    with pytest.raises(Conflict) as failed:
        await memory.update(other["results"][0]["id"], text=SECRET, project=THEIRS)
    return str(failed.value.details["operation_id"])


Case: TypeAlias = Callable[[Two], Awaitable[object]]


async def refused(work: Awaitable[object]) -> Json:
    """What the caller is told: it has to be that there is no such thing."""
    with pytest.raises(NotFound) as error:
        await work
    return {"code": error.value.code, "message": error.value.message, "details": error.value.details}


async def add(two: Two) -> object:
    """The same words, user and key: a memory and an operation of our own."""
    ours = await two.memory.add(SECRET.replace(CANARY, "Paris"), user_id=USER, project=MINE, idempotency_key=KEY)
    assert ours["results"][0]["event"] == "ADD"
    same = await two.memory.add("Alice met Bob", user_id=USER, project=MINE)
    assert same["results"][0]["event"] == "ADD"
    assert ours["operation_id"] != two.operation_id
    return [ours, same]


async def add_of_the_same_text(two: Two) -> None:
    answer = await two.memory.add(SECRET, user_id=USER, project=MINE)
    assert answer["results"][0]["event"] == "ADD"
    assert answer["results"][0]["id"] != two.memory_id


async def search(two: Two) -> object:
    found = await two.memory.search(SECRET, user_id=USER, project=MINE, threshold=0.0)
    assert found["results"] == []
    return [found, await two.memory.search(SECRET, filters={"user_id": "*"}, project=MINE, threshold=0.0)]


async def context(two: Two) -> object:
    answer = await two.memory.context(SECRET, user_id=USER, project=MINE, threshold=0.0)
    assert (answer["context"], answer["memories"]) == ("", [])
    return [answer, await two.memory.context(SECRET, filters={"user_id": "*"}, project=MINE, threshold=0.0)]


async def embed(two: Two) -> object:
    return await two.memory.embed(["Alice met Bob"], project=MINE)


async def ranking(two: Two) -> object:
    answer = await two.memory.ranking(project=MINE)
    assert answer["set"] == {}
    return answer


async def set_ranking(two: Two) -> object:
    """Ours are ours: theirs are ranked as before."""
    await two.memory.set_ranking({"dense": 1.0}, project=THEIRS)
    theirs = await two.memory.ranking(project=THEIRS)
    answer = await two.memory.set_ranking({"dense": 7.0}, project=MINE)
    assert await two.memory.ranking(project=THEIRS) == theirs
    assert (await two.memory.ranking(project=MINE))["set"] == {"dense": 7.0}
    await two.memory.set_ranking(None, project=THEIRS)
    return answer


async def make_export(two: Two) -> object:
    """Ours is ours, and isn't theirs."""
    made = await two.memory.make_export({"type": "object"}, filters={"user_id": USER}, project=MINE)
    await refused(two.memory.export(made["id"], project=THEIRS))
    return made


async def export(two: Two) -> object:
    """By its id, and by the same filters."""
    filters = {"user_id": USER}
    theirs = await two.memory.make_export({"title": CANARY}, filters=filters, project=THEIRS)
    return [
        await refused(two.memory.export(theirs["id"], project=MINE)),
        await refused(two.memory.export(filters=filters, project=MINE)),
    ]


async def feedback(two: Two) -> object:
    found = await two.memory.feedback(project=MINE)
    assert found["count"] == 0
    return found


async def inference(two: Two) -> object:
    return await two.memory.inference(project=MINE)


async def set_inference(two: Two) -> object:
    """Ours are ours: theirs are made as before."""
    await two.memory.set_inference({"policy": "rules"}, project=THEIRS)
    theirs = await two.memory.inference(project=THEIRS)
    answer = await two.memory.set_inference({"policy": "append"}, project=MINE)
    assert await two.memory.inference(project=THEIRS) == theirs
    assert (await two.memory.inference(project=MINE))["policy"] == "append"
    await two.memory.set_inference(None, project=THEIRS)
    return answer


async def preview(two: Two) -> object:
    return await two.memory.preview("Alice met Bob", user_id=USER, project=MINE)


async def listing(two: Two) -> object:
    answer = await two.memory.list(user_id="*", project=MINE)
    assert answer["count"] == 0
    return answer


async def entities(two: Two) -> object:
    answer = await two.memory.entities(project=MINE)
    assert (answer["count"], answer["total_users"]) == (0, 0)
    return answer


async def add_batch(two: Two) -> object:
    answers = await two.memory.add_batch([{"messages": "Alice met Bob", "user_id": USER}], project=MINE)
    assert answers[0]["results"][0]["event"] == "ADD"
    return answers


async def an_item_names_another_project(two: Two) -> None:
    """An item of a batch can't leave the project that its caller was let into."""
    adds = await two.memory.add_batch([{"messages": "hi", "user_id": USER, "project": THEIRS}], project=MINE)
    searches = await two.memory.search_batch([{"query": SECRET, "user_id": USER, "project": THEIRS}], project=MINE)
    assert CANARY not in json.dumps([adds, searches])


async def search_batch(two: Two) -> object:
    answers = await two.memory.search_batch([{"query": SECRET, "user_id": USER, "threshold": 0.0}], project=MINE)
    assert answers[0]["results"] == []
    return answers


async def graph_entities(two: Two) -> object:
    answer = await two.memory.graph_entities(user_id=USER, project=MINE)
    assert answer["count"] == 0
    return answer


async def operations(two: Two) -> object:
    answer = await two.memory.operations(project=MINE)
    assert answer["count"] == 0
    return [answer, await two.memory.operations(user_id=USER, project=MINE)]


async def delete_all(two: Two) -> object:
    answer = await two.memory.delete_all(user_id=USER, project=MINE)
    assert answer["count"] == 0
    return answer


async def purge(two: Two) -> object:
    by_scope = await two.memory.purge(user_id=USER, project=MINE)
    assert by_scope["count"] == 0
    return [by_scope, *[await refused(two.memory.purge(memory_id=one, project=MINE)) for one in ids(two)]]


async def reinfer(two: Two) -> object:
    """No language model is set here, so what it looks at is asked of the ledger."""
    with pytest.raises(Unavailable) as error:
        await two.memory.reinfer(user_id=USER, project=MINE, include_verbatim=True, apply=True)
    assert await two.ledger.adds(MINE, Scope(user_id=USER), 0, 10) == []
    assert len(await two.ledger.adds(THEIRS, Scope(user_id=USER), 0, 10)) > 0
    assert await two.ledger.traces(MINE, ids(two)) == []
    return error.value.message


def ids(two: Two) -> list[str]:
    return [two.memory_id, two.gone_id]


def of_a_memory(verb: str, **fields: Any) -> Case:
    async def case(two: Two) -> object:
        return [await refused(getattr(two.memory, verb)(one, project=MINE, **fields)) for one in ids(two)]

    return case


def of_an_operation(verb: str) -> Case:
    async def case(two: Two) -> object:
        known = [two.operation_id, two.failed_id]
        return [await refused(getattr(two.memory, verb)(one, project=MINE)) for one in known]

    return case


async def neighbours(two: Two) -> object:
    return await refused(two.memory.neighbours("Alice", user_id=USER, project=MINE))


async def path(two: Two) -> object:
    return await refused(two.memory.path("Alice", "Bob", user_id=USER, project=MINE))


async def communities(two: Two) -> object:
    return await two.memory.communities(user_id=USER, project=MINE)


async def merge_entities(two: Two) -> object:
    return await two.memory.merge_entities("Alice", "Bob", user_id=USER, project=MINE)


async def split_entity(two: Two) -> object:
    await two.memory.merge_entities("Alice", "Bob", user_id=USER, project=MINE)
    return await two.memory.split_entity("Alice", user_id=USER, project=MINE)


async def of_all_projects(two: Two) -> object:
    """For whoever runs the system: figures and ids, no content."""
    return [
        await two.memory.verify(),
        await two.memory.rebuild("vector", start=False),
        await two.memory.status(),
    ]


CASES: dict[str, Case] = {
    "add": add,
    "search": search,
    "context": context,
    "embed": embed,
    "ranking": ranking,
    "set_ranking": set_ranking,
    "inference": inference,
    "set_inference": set_inference,
    "rate": of_a_memory("rate", feedback="NEGATIVE"),
    "feedback": feedback,
    "make_export": make_export,
    "export": export,
    "preview": preview,
    "get": of_a_memory("get"),
    "list": listing,
    "update": of_a_memory("update", text="ours now"),
    "delete": of_a_memory("delete"),
    "delete_all": delete_all,
    "history": of_a_memory("history"),
    "entities": entities,
    "add_batch": add_batch,
    "search_batch": search_batch,
    "graph_entities": graph_entities,
    "neighbours": neighbours,
    "path": path,
    "communities": communities,
    "merge_entities": merge_entities,
    "split_entity": split_entity,
    "operation": of_an_operation("operation"),
    "operations": operations,
    "retry": of_an_operation("retry"),
    "purge": purge,
    "reinfer": reinfer,
    "verify": of_all_projects,
    "rebuild": of_all_projects,
    "status": of_all_projects,
}
BY_ID: dict[str, Callable[[Memory, str], Awaitable[object]]] = {
    "get": lambda memory, one: memory.get(one, project=MINE),
    "history": lambda memory, one: memory.history(one, project=MINE),
    "update": lambda memory, one: memory.update(one, text="x", project=MINE),
    "rate": lambda memory, one: memory.rate(one, "NEGATIVE", project=MINE),
    "delete": lambda memory, one: memory.delete(one, project=MINE),
    "purge": lambda memory, one: memory.purge(memory_id=one, project=MINE),
    "update with a key": lambda memory, one: memory.update(one, text="x", project=MINE, idempotency_key="k"),
    "operation": lambda memory, one: memory.operation(one, project=MINE),
    "retry": lambda memory, one: memory.retry(one, project=MINE),
}


def test_every_verb_has_a_case() -> None:
    verbs = {name for name, _ in inspect.getmembers(MemoryApi, inspect.isfunction) if not name.startswith("_")}

    assert verbs == set(CASES), "a verb without a case may show one project to another"


@pytest.mark.parametrize("verb", CASES)
async def test_another_project_is_not_seen_or_touched_by(verb: str, two: Two) -> None:
    before = await two.everything_of_theirs()

    told = await CASES[verb](two)

    assert CANARY not in json.dumps(told)
    assert await two.everything_of_theirs() == before


@pytest.mark.parametrize("case", [add_of_the_same_text, an_item_names_another_project], ids=lambda case: case.__name__)
async def test_nor_by(case: Case, two: Two) -> None:
    before = await two.everything_of_theirs()

    await case(two)

    assert await two.everything_of_theirs() == before


@pytest.mark.parametrize("verb", BY_ID)
async def test_an_id_of_another_project_is_told_and_costs_what_an_unknown_one_does(verb: str, two: Two) -> None:
    theirs = two.failed_id if verb in ("operation", "retry") else two.memory_id

    told = await asked(two, BY_ID[verb], theirs)
    of_nobody = await asked(two, BY_ID[verb], str(uuid.uuid4()))

    assert told == of_nobody


async def asked(two: Two, ask: Callable[[Memory, str], Awaitable[object]], one: str) -> tuple[str, list[str]]:
    """What the caller is told, without the ids in it, and what the ledger was asked for it."""
    two.ledger.calls.clear()
    with pytest.raises(RemoraError) as error:
        await ask(two.memory, one)
    details = {name: value for name, value in error.value.details.items() if name not in ("memory_id", "operation_id")}
    calls = [name for name in two.ledger.calls if name not in ("changes", "audit")]
    return f"{error.value.code} {error.value.message} {details}", calls
