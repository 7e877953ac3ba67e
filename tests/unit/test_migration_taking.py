"""Memories of Mem0 as they come into Remora: nothing lost, nothing twice, and what can't be taken named."""

from __future__ import annotations

import functools
import json
from collections.abc import AsyncIterator, Sequence
from typing import Any

import httpx
import pytest
from fastapi import FastAPI

from engine.config import Settings
from engine.in_process import in_process
from remora.errors import RemoraError
from remora.http_api import HttpApi
from remora.migration.records import Row
from remora.migration.taking import Batch, Taken, batch_of, take
from remora.migration.wire import Mem0Server
from serve_app.application import create_app

URL = "http://127.0.0.1:8000"


@functools.cache
def application() -> FastAPI:
    return create_app(in_process(Settings()), Settings())


@pytest.fixture
async def api() -> AsyncIterator[HttpApi]:
    """A Remora in this process behind its HTTP application."""
    engine = in_process(Settings())
    await engine.start()
    application().state.api = engine
    async with HttpApi(URL, transport=httpx.ASGITransport(application())) as api:
        yield api
    await engine.close()


def mem0(number: int, **more: Any) -> dict[str, Any]:
    return {"id": f"m-{number}", "memory": f"fact {number}", "user_id": "ana", **more}


def read(*memories: object) -> Batch:
    return batch_of(Row(number, one) for number, one in enumerate(memories, 1))


async def taken(api: HttpApi, batch: Batch) -> Taken:
    return await take(api, batch, lambda _done, _of: None)


async def every(api: HttpApi, **scope: str) -> list[dict[str, Any]]:
    return (await api.list(**(scope or {"user_id": "ana"}), page_size=1000))["results"]  # type: ignore[arg-type]


async def test_a_memory_keeps_what_it_was(api: HttpApi) -> None:
    row = mem0(
        1, agent_id="a1", run_id="r1", metadata={"team": "red"}, categories=["food"], role="assistant", actor_id="Bo",
        created_at="2025-05-01T09:30:00-07:00", updated_at="2025-06-01T00:00:00Z", expiration_date="2999-01-01",
    )  # fmt: skip
    assert (await taken(api, read(row))).added == 1
    (found,) = await every(api)
    assert {name: found[name] for name in ("memory", "user_id", "agent_id", "run_id", "role", "actor_id")} == {
        "memory": "fact 1", "user_id": "ana", "agent_id": "a1", "run_id": "r1", "role": "assistant", "actor_id": "Bo",
    }  # fmt: skip
    assert found["metadata"] == {"team": "red", "mem0_id": "m-1", "mem0_updated_at": "2025-06-01T00:00:00+00:00"}
    assert (found["categories"], found["expiration_date"]) == (["food"], "2999-01-01")
    assert found["created_at"].startswith("2025-05-01T16:30:00")
    assert len((await api.list(user_id="ana", filters={"metadata": {"mem0_id": "m-1"}}))["results"]) == 1


async def test_what_has_expired_is_left_out_and_counted(api: HttpApi) -> None:
    days = ["2026-05-02", "2026-05-03", "2026-05-04", None]
    batch = Batch(today="2026-05-03")
    for number, day in enumerate(days, 1):
        batch.take(Row(number, mem0(number, expiration_date=day)), set())
    assert ([number for number, _ in batch.items], batch.expired) == ([2, 3, 4], 1)
    assert batch_of([Row(1, mem0(1, expiration_date="2020-01-01"))]).expired == 1


async def test_done_again_it_adds_nothing_and_asks_for_no_addition(api: HttpApi) -> None:
    batch = read(*[mem0(n) for n in range(5)], mem0(9, user_id=None, agent_id="a1"))
    assert (await taken(api, batch)).added == 6
    before = (await api.operations(page_size=1000))["count"]
    again = await taken(api, batch)
    assert (again.added, again.known, again.bad) == (0, 6, [])
    assert len(await every(api)) == 5
    assert (await api.operations(page_size=1000))["count"] == before


async def test_what_was_changed_here_since_stays_as_it_is(api: HttpApi) -> None:
    await taken(api, read(mem0(1)))
    (found,) = await every(api)
    await api.update(found["id"], text="changed here")
    assert (await taken(api, read(mem0(1)))).known == 1
    assert [one["memory"] for one in await every(api)] == ["changed here"]


async def test_what_changed_in_mem0_since_is_not_imported_again(api: HttpApi) -> None:
    await taken(api, read(mem0(1)))
    assert (await taken(api, read(mem0(1, memory="changed there", updated_at="2999-01-01T00:00:00Z")))).known == 1
    assert [one["memory"] for one in await every(api)] == ["fact 1"]


async def test_what_was_deleted_here_since_is_added_again(api: HttpApi) -> None:
    await taken(api, read(mem0(1)))
    await api.delete_all(user_id="ana")
    assert (await taken(api, read(mem0(1)))).added == 1
    assert len(await every(api)) == 1


async def test_sent_again_in_one_run_it_has_one_effect(api: HttpApi) -> None:
    class Forgetful(Ending):
        async def add_batch(self, items: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
            await super().add_batch(items)
            return await super().add_batch(items)

    done = await take(Forgetful(api, 4), read(mem0(1), mem0(2)), lambda _done, _of: None)  # type: ignore[arg-type]
    assert (done.added, done.known) == (2, 0)
    assert len(await every(api)) == 2


async def test_what_says_the_same_in_a_scope_is_known(api: HttpApi) -> None:
    done = await taken(api, read(mem0(1), mem0(2, memory="fact 1"), mem0(3, memory="fact 1", user_id="bo")))
    assert (done.added, done.known) == (2, 1)


async def test_a_row_that_the_server_refuses_is_named_and_harms_no_other(api: HttpApi) -> None:
    done = await taken(api, read(None, mem0(1), mem0(2, user_id="u" * 5000), mem0(3)))
    assert done.added == 2
    ((number, reason),) = [(one.row, one.reason) for one in done.bad]
    assert (number, "user_id" in reason) == (3, True)


class Empty:
    """Has nothing, takes everything, and writes down how many bytes it is sent at once."""

    def __init__(self) -> None:
        self.sizes: list[int] = []

    async def entities(self, **_: Any) -> dict[str, Any]:
        return {"count": 0, "results": []}

    async def add_batch(self, items: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
        self.sizes.append(len(json.dumps({"items": items}).encode()))
        return [{"status": "SUCCEEDED", "results": [{"event": "ADD"}]} for _ in items]


async def test_large_memories_are_sent_in_parts_that_a_server_takes() -> None:
    limits, api = Settings().limits, Empty()
    done = await take(api, read(*[mem0(n, memory=f"{n} {'x' * 99_000}") for n in range(100)]), lambda _d, _o: None)  # type: ignore[arg-type]
    assert done.added == 100
    assert len(api.sizes) > 1
    assert max(api.sizes) < limits.body_bytes


async def test_one_that_is_too_large_is_named_and_harms_no_other(api: HttpApi) -> None:
    limits = Settings().limits
    large = "x" * limits.metadata_bytes
    rows = [mem0(n, metadata={"a": large[:-200]}) for n in range(3)]
    done = await taken(api, read(*rows, mem0(9, metadata={"a": "x" * limits.body_bytes}), mem0(10)))
    assert [(one.row, "limits.body_bytes" in one.reason) for one in done.bad] == [(4, True)]
    assert done.added == 4


class Ending:
    """Breaks for good after so many parts."""

    def __init__(self, api: HttpApi, parts: int) -> None:
        self._api, self._parts = api, parts

    def __getattr__(self, name: str) -> Any:
        return getattr(self._api, name)

    async def add_batch(self, items: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
        if self._parts == 0:
            raise RemoraError("broken")
        self._parts -= 1
        return await self._api.add_batch(items)


async def test_one_that_broke_off_goes_on_where_it_stopped(api: HttpApi) -> None:
    batch = read(*[mem0(n) for n in range(250)])
    steps: list[tuple[int, int]] = []
    with pytest.raises(RemoraError, match="broken"):
        await take(Ending(api, 2), batch, lambda done, of: steps.append((done, of)))  # type: ignore[arg-type]
    assert steps == [(0, 250), (100, 250), (200, 250)]
    rest = await taken(api, batch)
    assert (rest.known, rest.added) == (200, 50)
    assert len(await every(api)) == 250


async def test_remora_itself_speaks_what_is_read_from_mem0(api: HttpApi) -> None:
    rows = [mem0(n, created_at="2025-01-01T00:00:00Z", categories=["food"]) for n in range(120)]
    await taken(api, read(*rows, mem0(200, user_id=None, run_id="r", metadata={"a": 1})))
    async with Mem0Server(URL, transport=httpx.ASGITransport(application())) as server:
        batch = batch_of([row async for row in server.rows()])
    assert (batch.read, batch.bad) == (121, [])
    texts = {item["messages"][0]["content"]: item for _, item in batch.items}
    assert texts.keys() == {f"fact {n}" for n in (*range(120), 200)}
    assert texts["fact 7"]["categories"] == ["food"]
    assert texts["fact 7"]["timestamp"].startswith("2025-01-01")
    assert json.loads(json.dumps(texts["fact 200"]["metadata"]))["a"] == 1
