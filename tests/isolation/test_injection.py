"""Ids, keys, names and filter values that look like parts of an expression are refused or matched to the letter.

Over a SQLite file and a Milvus Lite file: both are asked in a language of their own.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from engine import graph, vector
from engine.config import Settings
from engine.embed.hashing import HashingEmbedder
from engine.embed.tokenizer import TokenCounter
from engine.errors import InvalidInput, NotFound, TooLarge
from engine.extract.extractor import VerbatimExtractor
from engine.ledger.store import SqlLedger
from engine.memory import Memory
from engine.ports import EmbedderInfo
from engine.types import SCOPE_FIELDS, Json
from tests.isolation.test_projects import Capitals

DIMENSIONS = 16
SECRET = "Alice keeps the canary"
REFUSALS = (InvalidInput, TooLarge)
FRAGMENTS = [
    "'",
    '"',
    "\\",
    '\\"',
    "' OR '1'='1",
    '" or user_id != "',
    "'; DROP TABLE versions; --",
    "ann' --",
    'ann" or project == "default',
    'ann" || memory_id != ""',
    "user_id == 'ann'",
    "{user_id}",
    "{{user_id}}",
    "${user_id}",
    "[ann]",
    '["ann"]',
    '{"$ne": null}',
    "%",
    "_nn",
    "an_",
    "ann%",
    "ANN",
    "\uff41\uff4e\uff4e",
    "null",
    "None",
    "true",
    "not ann",
    "ann/../bob",
    "user_id=ann",
    "7:default/user_id=ann",
]
WRONG = [
    "",
    " ",
    "*",
    "\0",
    "ann\0",
    "ann\n",
    "ann\r\nx",
    "\x1b[2J",
    "\x7f",
    "\ud800",
    "\u202eann",
    "ann\u200b",
    "a" * 10_000,
]
NOT_TEXT: list[Any] = [None, True, 1.5, [], ["ann"], {}, {"ne": "x"}, b"ann"]


@asynccontextmanager
async def opened(directory: Path) -> AsyncIterator[Memory]:
    """A memory system over files, with a memory of `ann` that nobody else may see."""
    settings = Settings().model_copy(update={"data_dir": directory})
    ledger = SqlLedger(f"sqlite:///{directory / 'ledger.db'}", readers=2)
    store = await asyncio.to_thread(vector.build, settings, 0, EmbedderInfo("hashing", DIMENSIONS, 256))
    graphs = graph.build(settings, 0)
    memory = Memory(
        ledger=ledger,
        embedder=HashingEmbedder(DIMENSIONS),
        extractor=VerbatimExtractor(Capitals(), TokenCounter(None), 256),
        vector=store,
        graph=graphs,
        settings=settings,
    )
    await memory.start()
    try:
        await memory.add(SECRET, user_id="ann", agent_id="ann", app_id="ann", run_id="ann", metadata={"owner": "ann"})
        yield memory
    finally:
        await memory.close()
        await store.close()
        await graphs.close()
        await ledger.close()


@pytest.fixture
async def memory(tmp_path: Path) -> AsyncIterator[Memory]:
    async with opened(tmp_path) as one:
        yield one


async def added(memory: Memory, text: str, **fields: Any) -> bool:
    """False: it was refused as it should be."""
    try:
        answer = await memory.add(text, **fields)
    except REFUSALS:
        return False
    assert answer["results"][0]["event"] == "ADD"
    return True


async def texts(memory: Memory, **fields: Any) -> list[list[str]]:
    """What a list, a search of one scope, and a search of the whole table show."""
    wide = {**fields, "filters": {"OR": [{name: value} for name, value in fields.items()] + [{"user_id": "nobody"}]}}
    answers = [
        await memory.list(**fields),
        await memory.search("Alice keeps", threshold=0.0, **fields),
        await memory.search("Alice keeps", threshold=0.0, filters=wide["filters"]),
    ]
    return [[found["memory"] for found in answer["results"]] for answer in answers]


@pytest.mark.parametrize("field", SCOPE_FIELDS)
async def test_an_id_is_matched_to_the_letter_or_refused(field: str, memory: Memory) -> None:
    for number, value in enumerate([*FRAGMENTS, *WRONG]):
        own = f"Alice keeps number {number}"
        if await added(memory, own, **{field: value}):
            assert value not in WRONG
            assert await texts(memory, **{field: value}) == [[own]] * 3, value
        else:
            assert value not in FRAGMENTS, value
    assert await texts(memory, **{field: "ann"}) == [[SECRET]] * 3


@pytest.mark.parametrize("field", SCOPE_FIELDS)
async def test_an_id_that_is_no_text_is_refused(field: str, memory: Memory) -> None:
    for value in NOT_TEXT:
        with pytest.raises(InvalidInput):
            await memory.add("x", **{field: value})
        with pytest.raises(InvalidInput):
            await memory.delete_all(**{field: value})
        with pytest.raises(InvalidInput):
            await memory.purge(**{field: value})
    assert (await memory.list(user_id="*"))["count"] == 1


@pytest.mark.parametrize("verb", ["delete_all", "purge"])
@pytest.mark.parametrize("field", SCOPE_FIELDS)
async def test_no_id_makes_a_deletion_wider(field: str, verb: str, memory: Memory) -> None:
    for value in [*FRAGMENTS, *WRONG]:
        try:
            answer = await getattr(memory, verb)(**{field: value})
        except REFUSALS:
            assert value in WRONG
        else:
            assert answer["count"] == 0, value
    assert await texts(memory, user_id="ann") == [[SECRET]] * 3


@pytest.mark.parametrize("field", [*SCOPE_FIELDS, "role", "name", "categories", "memory_ids"])
async def test_a_filter_value_selects_nothing_that_it_does_not_name(field: str, memory: Memory) -> None:
    for value in [*FRAGMENTS, *[one for one in WRONG if one != "*"]]:
        for condition in (value, {"in": [value]}, {"contains": value}, {"icontains": value}):
            filters = {"AND": [{"user_id": "*"}, {field: condition}]}
            found = await shown(memory, filters)
            assert not found or plainly_matches(condition), (value, condition, found)


def plainly_matches(condition: Any) -> bool:
    """A part of "ann", or of "user": these do match, to the letter."""
    part = next(iter(condition.values())) if isinstance(condition, dict) else None
    if not isinstance(part, str):
        return False
    return part.casefold() in "ann"


async def shown(memory: Memory, filters: Json) -> list[str]:
    """What is shown of the one memory; a filter that is refused shows nothing."""
    try:
        listed = await memory.list(filters=filters)
        found = await memory.search("Alice keeps", filters=filters, threshold=0.0)
    except REFUSALS:
        return []
    return [one["memory"] for one in (*listed["results"], *found["results"])]


@pytest.mark.parametrize("where", ["key", "value"])
async def test_metadata_is_matched_to_the_letter(where: str, memory: Memory) -> None:
    for value in [*FRAGMENTS, *WRONG]:
        metadata = {value: "ann"} if where == "key" else {"owner": value}
        assert await shown(memory, {"AND": [{"user_id": "*"}, {"metadata": metadata}]}) == [], metadata
    assert await shown(memory, {"AND": [{"user_id": "*"}, {"metadata": {"owner": "ann"}}]}) == [SECRET] * 2


async def test_a_filter_field_that_there_is_not_is_refused(memory: Memory) -> None:
    for field in [*FRAGMENTS, *[one for one in WRONG if one != "*"], "project", "live_to", "vector", "seq", "payload"]:
        with pytest.raises(REFUSALS):
            await memory.list(filters={"AND": [{"user_id": "*"}, {field: "ann"}]})


async def test_no_filter_reaches_another_project(memory: Memory) -> None:
    await memory.add("Alice is theirs", user_id="ann", project="theirs")
    for value in FRAGMENTS:
        found = await shown(memory, {"OR": [{"user_id": value}, {"NOT": [{"user_id": value}]}, {"user_id": "*"}]})
        assert set(found) <= {SECRET}


async def test_a_project_is_matched_to_the_letter_or_refused(memory: Memory) -> None:
    for value in [*FRAGMENTS, *WRONG, "default ", "Default", "default%", "defaul_"]:
        try:
            listed = await memory.list(user_id="*", project=value)
            found = await memory.search("Alice keeps", filters={"user_id": "*"}, threshold=0.0, project=value)
        except REFUSALS:
            continue
        assert listed["count"] == 0, value
        assert found["results"] == [], value


async def test_an_idempotency_key_is_matched_to_the_letter_or_refused(memory: Memory) -> None:
    made: dict[str, str] = {}
    for value in [*FRAGMENTS, *WRONG]:
        try:
            answer = await memory.add(f"with {len(made)}", user_id="key", idempotency_key=value)
        except REFUSALS:
            assert value in WRONG
        else:
            made[value] = answer["operation_id"]
    assert len(set(made.values())) == len(made)
    for number, (value, operation_id) in enumerate(made.items()):
        again = await memory.add(f"with {number}", user_id="key", idempotency_key=value)
        assert again["operation_id"] == operation_id


async def test_an_id_of_a_memory_or_an_operation_is_a_uuid_or_refused(memory: Memory) -> None:
    for value in [*FRAGMENTS, *WRONG, *NOT_TEXT]:
        for ask in (memory.get, memory.history, memory.delete, memory.retry):
            with pytest.raises(InvalidInput):
                await ask(value)
        with pytest.raises(InvalidInput):
            await memory.update(value, text="x")
        with pytest.raises(InvalidInput):
            await memory.purge(memory_id=value)
    assert (await memory.list(user_id="*"))["count"] == 1


async def test_an_operation_is_looked_up_by_its_callers_name_to_the_letter(memory: Memory) -> None:
    for value in [*FRAGMENTS, *WRONG, *NOT_TEXT]:
        with pytest.raises((*REFUSALS, NotFound)):
            await memory.operation(value)
    for number, value in enumerate(FRAGMENTS):
        added = await memory.add(f"named {number}", user_id="key", idempotency_key=value)
        assert (await memory.operation(value))["id"] == added["operation_id"]


async def test_the_name_of_an_entity_is_matched_to_the_letter(memory: Memory) -> None:
    for value in [*FRAGMENTS, *WRONG]:
        with pytest.raises((*REFUSALS, NotFound)):
            await memory.neighbours(value, user_id="ann")
        with pytest.raises((*REFUSALS, NotFound)):
            await memory.path(value, "Alice", user_id="ann")
    for value in ["%", "_", "A%e", "Al_ce", "' OR '1'='1", ".*", "[A-Z]"]:
        assert (await memory.graph_entities(user_id="ann", name=value))["count"] == 0, value


async def test_a_query_is_only_words(memory: Memory) -> None:
    for value in FRAGMENTS:
        found = await memory.search(value, user_id="somebody else", threshold=0.0)
        assert found["results"] == [], value


async def test_operations_are_listed_by_the_letter_of_an_id(memory: Memory) -> None:
    for field in SCOPE_FIELDS:
        for value in [*FRAGMENTS, *WRONG]:
            scope: Json = {field: value}
            try:
                answer = await memory.operations(**scope)
            except REFUSALS:
                assert value in WRONG
            else:
                assert answer["count"] == 0, (value, json.dumps(answer))
