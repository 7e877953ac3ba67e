"""What the page on migrating from Mem0 says is so."""

from __future__ import annotations

import functools
import inspect
import re
import uuid
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import httpx
import pytest
from fastapi import FastAPI

from engine.config import Settings
from engine.in_process import in_process
from remora import AsyncMemory, Memory, errors, exceptions
from remora.commands.migration import import_
from remora.connection import restored
from remora.errors import Conflict, InvalidInput, NotFound
from remora.http_api import HttpApi
from remora.migration.files import of_file
from remora.migration.records import item_of
from remora.migration.taking import batch_of
from remora.targets import Link
from serve_app.application import create_app
from tests.mem0_library import ATTRIBUTES, METHODS, SHAPES

PAGE = (Path(__file__).parents[2] / "docs" / "migrating-from-mem0.md").read_text()


def rows(heading: str) -> list[list[str]]:
    """The rows of the first table below a heading, without its head."""
    lines = PAGE.split(f"\n{heading}\n")[1].splitlines()
    table = lines[next(at for at, line in enumerate(lines) if line.startswith("| ")) :]
    end = next((at for at, line in enumerate(table) if not line.startswith("|")), len(table))
    return [[cell.strip() for cell in row.strip("|").split(" | ")] for row in table[2:end]]


def words(text: str) -> list[str]:
    return re.findall(r"`([^`]+)`", text)


@functools.cache
def application() -> FastAPI:
    return create_app(in_process(Settings()), Settings())


class OverHttp:
    """An engine in this process behind the HTTP application."""

    async def open(self) -> Link:
        engine = in_process(Settings())
        await engine.start()
        application().state.api = engine
        api = HttpApi("http://127.0.0.1:8000", transport=httpx.ASGITransport(application()))

        async def close() -> None:
            await api.aclose()
            await engine.close()

        return Link(api, close)


@pytest.fixture
async def memory() -> AsyncIterator[AsyncMemory]:
    async with restored(AsyncMemory, OverHttp()) as memory:
        yield memory


def test_the_library_s_table_speaks_of_every_method_that_differs() -> None:
    named = {word for row in rows("## The library") for word in words(row[0])}
    methods = {word for word in named if word in METHODS}
    assert methods == set(METHODS) - {"from_config"}
    assert named - methods >= ATTRIBUTES
    for name in named - methods - {"AsyncMemory"}:
        assert not hasattr(Memory, name)
    for name in methods:
        assert hasattr(Memory, name)


def test_the_exceptions_are_those_of_the_table() -> None:
    said = {name: set(words(row[1])) for row in rows("### Exceptions") for name in words(row[0])}
    kinds = {
        name: kind
        for name, kind in vars(errors).items()
        if isinstance(kind, type) and kind.__module__ == "remora.errors"
    }
    assert said.keys() == {name for name, kind in vars(exceptions).items() if isinstance(kind, type)
                           and issubclass(kind, Exception) and name[0] != "_"}  # fmt: skip
    for name in said.keys() - {"MemoryError"}:
        raised = {one for one, kind in kinds.items() if issubclass(kind, getattr(exceptions, name))}
        assert said[name] - {"ValidationError", "NetworkError"} == raised, name


def routes() -> Iterator[tuple[str, str]]:
    for path, verbs in application().openapi()["paths"].items():
        for verb in verbs:
            yield verb.upper(), re.sub(r"\{[^}]+\}", "{id}", path)


def calls_of(cell: str) -> list[tuple[str, str]]:
    """The calls of a cell as "`GET`, `PUT /a/`" has them."""
    said = " ".join(words(cell)).split()
    return [(one, said[-1]) for one in said if one in {"GET", "PUT", "POST", "DELETE"}]


def test_the_paths_of_mem0_s_server_are_there_but_those_of_the_table() -> None:
    there = set(routes())
    missing = {call for row in rows("## The self-hosted server") for call in calls_of(row[0])}
    assert len(missing) == 3
    assert not missing & there
    assert {("POST", "/memories"), ("GET", "/memories/{id}"), ("POST", "/search"), ("GET", "/entities")} <= there


# --- taking the memories along ---------------------------------------------------------------------------------------

IMPORT = PAGE.split("\n## Taking the memories along\n")[1].split("\n## ")[0]


def test_every_flag_of_the_page_is_one_of_the_command_and_the_other_way_round() -> None:
    said = set(re.findall(r"(?<![\w-])--[a-z][a-z0-9-]*", PAGE))
    flags = {"--from" if name == "source" else f"--{name.strip('_').replace('_', '-')}"
             for name in inspect.signature(import_).parameters}  # fmt: skip
    assert said == flags - {"--mem0-key"}  # Given by the variable that the page names.
    assert "MEM0_API_KEY" in IMPORT


def test_what_the_table_says_is_taken_is_and_the_rest_is_not() -> None:
    table = IMPORT.split("| Of a memory |")[1].split("\n\n")[0]
    *lines, last = [line.strip("|").split(" | ") for line in table.splitlines()[2:]]
    taken = {word for line in lines for word in words(line[0])}
    values = {
        "memory": "tea", "user_id": "u", "agent_id": "a", "app_id": "p", "run_id": "r", "id": "1", "role": "assistant",
        "metadata": {"a": 1}, "created_at": "2025-01-01", "updated_at": "2025-01-02", "categories": ["food"],
        "expiration_date": "2025-01-03", "actor_id": "Bo",
    }  # fmt: skip
    assert taken == {*values, "session_id"}
    item = item_of(values)
    assert {"mem0_id", "mem0_updated_at"} <= item["metadata"].keys()
    for name in values.keys() - {"memory"}:
        assert item_of({**values, name: None}) != item, name
    assert item_of({**values, "run_id": None, "session_id": "r"}) == item
    for name in words(last[0]):
        assert item_of({**values, name: "x"}) == item, name
    assert item_of({**values, "role": "tool"})["messages"][0]["role"] == "user"


def test_the_export_that_the_page_shows_is_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (code,) = re.findall(r"```python\n(.*?)```", IMPORT, re.DOTALL)
    row = SimpleNamespace(id=uuid.UUID(int=1), payload={"data": "tea", "user_id": "ana", "team": "red", "hash": "x"})
    for listed in ([row], [[row]], ([row], None)):
        exec(code, {"memory": SimpleNamespace(vector_store=SimpleNamespace(list=lambda top_k, rows=listed: rows))})
        ((_, item),) = batch_of(of_file("export.jsonl")).items
        assert item["metadata"] == {"team": "red", "mem0_id": str(uuid.UUID(int=1))}
        assert (item["messages"][0]["content"], item["user_id"]) == ("tea", "ana")


# --- what the library's table says of calls --------------------------------------------------------------------------


async def test_answers_have_every_field_of_mem0_s(memory: AsyncMemory) -> None:
    said = {"role": "user", "content": "I like tea", "name": "Ana"}
    added = await memory.add([said], user_id="ana", metadata={"a": 1}, expiration_date="2999-01-01")
    memory_id = added["results"][0]["id"]
    found = await memory.search("tea", user_id="ana", threshold=0.0, explain=True)
    rows: dict[str, Any] = {
        "add": added["results"][0],
        "get": await memory.get(memory_id),
        "get_all": (await memory.get_all(user_id="ana"))["results"][0],
        "search": found["results"][0],
        "history": (await memory.history(memory_id))[0],
    }
    assert {name: fields - rows[name].keys() for name, fields in SHAPES.items()} == {
        "add": set(), "get": {"score"}, "get_all": set(), "search": set(), "history": set(),
    }  # fmt: skip


async def test_a_text_is_kept_once_in_its_scope(memory: AsyncMemory) -> None:
    first = await memory.add("I like tea", user_id="ana", infer=False)
    again = await memory.add("I like tea", user_id="ana", infer=False)
    assert (again["results"][0]["event"], again["results"][0]["id"]) == ("NONE", first["results"][0]["id"])


async def test_a_time_and_an_app_are_honoured(memory: AsyncMemory) -> None:
    await memory.add("I like tea", app_id="shop", timestamp="2026-05-03")
    (found,) = (await memory.get_all(app_id="shop"))["results"]
    assert found["created_at"].startswith("2026-05-03")
    assert (await memory.delete_all(app_id="shop"))["count"] == 1


async def test_metadata_is_filtered_by_under_its_name(memory: AsyncMemory) -> None:
    await memory.add("I like tea", user_id="ana", metadata={"team": "red"})
    for conditions, count in (({"team": "red"}, 1), ({"team": {"ne": "red"}}, 0), ({"team": {"contains": "re"}}, 1)):
        found = await memory.search("tea", filters={"user_id": "ana", "metadata": conditions}, threshold=0.0)
        assert len(found["results"]) == count
    with pytest.raises(InvalidInput, match=r"'team' is none of .* goes under metadata"):
        await memory.search("tea", filters={"user_id": "ana", "team": "red"})
    for word in ("gt", "gte", "lt", "lte", "in", "nin"):
        with pytest.raises(InvalidInput):
            await memory.search("tea", filters={"user_id": "ana", "metadata": {"team": {word: ["red"]}}})


async def test_ids_stand_in_filters_and_beside_them(memory: AsyncMemory) -> None:
    await memory.add("I like tea", user_id=" an a ")
    assert (await memory.get_all(user_id="an a"))["results"] == (
        (await memory.get_all(filters={"user_id": "an a"}))["results"]
    )
    assert (await memory.get_all(user_id="an a"))["count"] == 1


async def test_what_is_no_id_is_refused_and_what_is_not_there_is_a_value_error(memory: AsyncMemory) -> None:
    with pytest.raises(InvalidInput):
        await memory.get("no id")
    assert await memory.get(str(uuid.uuid4())) is None
    for call in (memory.delete(str(uuid.uuid4())), memory.update(str(uuid.uuid4()), "tea")):
        with pytest.raises(NotFound) as missing:
            await call
        assert isinstance(missing.value, ValueError)


async def test_an_update_s_metadata_takes_the_place_of_the_old(memory: AsyncMemory) -> None:
    added: Any = await memory.add("I like tea", user_id="ana", metadata={"a": 1})
    updated = await memory.update(added["results"][0]["id"], metadata={"b": 2})
    assert (updated["metadata"], updated["memory"]) == ({"b": 2}, "I like tea")
    other: Any = await memory.add("I like milk", user_id="ana")
    with pytest.raises(Conflict):
        await memory.update(other["results"][0]["id"], "I like tea")


async def test_a_history_outlives_the_reset(memory: AsyncMemory) -> None:
    added: Any = await memory.add("I like tea", user_id="ana")
    await memory.reset()
    assert [one["event"] for one in await memory.history(added["results"][0]["id"])] == ["ADD", "DELETE"]


@pytest.mark.parametrize("name", ["search", "get_all"])
async def test_none_at_all_are_not_asked_for(memory: AsyncMemory, name: str) -> None:
    arguments = {"query": "tea"} if name == "search" else {}
    with pytest.raises(InvalidInput):
        await getattr(memory, name)(**arguments, user_id="ana", top_k=0)
