"""Memories of Mem0 as they are read: from a file, from its local Qdrant, from a server with its wire API."""

from __future__ import annotations

import io
import json
import os
import pickle
import sqlite3
import sys
import types
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pytest

from remora.errors import InvalidInput, RemoraError, Unauthorized, Unavailable
from remora.migration.files import of_file
from remora.migration.qdrant import of_qdrant
from remora.migration.records import BadRow, Row, item_of
from remora.migration.taking import batch_of
from remora.migration.wire import Mem0Server

MEMORY: dict[str, Any] = {
    "id": "8f14e45f-ceea-467f-a9b4-0c1d4f1d0001",
    "memory": "I like green tea",
    "user_id": "ana",
    "agent_id": None,
    "metadata": {"source": "letter"},
    "categories": ["food"],
    "created_at": "2025-05-01T09:30:00-07:00",
    "updated_at": "2025-06-01T00:00:00",
    "expiration_date": "2999-01-01",
    "role": "assistant",
    "actor_id": "Bo",
    "score": 0.5,
}

# --- rows ------------------------------------------------------------------------------------------------------------


def test_a_memory_becomes_an_add_of_all_that_it_is() -> None:
    item = item_of(MEMORY)
    assert item.pop("idempotency_key").startswith("mem0-")
    assert item == {
        "messages": [{"role": "assistant", "content": "I like green tea", "name": "Bo"}],
        "user_id": "ana",
        "infer": False,
        "metadata": {
            "source": "letter",
            "mem0_id": "8f14e45f-ceea-467f-a9b4-0c1d4f1d0001",
            "mem0_updated_at": "2025-06-01T00:00:00+00:00",
        },
        "categories": ["food"],
        "timestamp": "2025-05-01T09:30:00-07:00",
        "expiration_date": "2999-01-01",
    }


@pytest.mark.parametrize(
    ("more", "scope"),
    [
        ({"user_id": 5}, {"user_id": "5"}),
        ({"user_id": " ana ", "run_id": "r"}, {"user_id": "ana", "run_id": "r"}),
        ({"session_id": "r"}, {"run_id": "r"}),
        ({"app_id": "shop", "agent_id": ""}, {"app_id": "shop"}),
    ],
)
def test_the_ids_are_those_of_the_scope(more: dict[str, Any], scope: dict[str, str]) -> None:
    item = item_of({"memory": "tea", **more})
    assert {name: item[name] for name in item if name.endswith("_id")} == scope


@pytest.mark.parametrize(
    ("more", "role"),
    [({}, "user"), ({"role": "tool"}, "user"), ({"attributed_to": "assistant"}, "assistant"),
     ({"role": "user", "attributed_to": "assistant"}, "user")],
)  # fmt: skip
def test_who_said_it_is_the_role_or_whom_it_is_attributed_to(more: dict[str, Any], role: str) -> None:
    assert item_of({"memory": "tea", "user_id": "ana", **more})["messages"][0]["role"] == role


def test_what_mem0_s_library_takes_for_metadata_is_metadata() -> None:
    own = {"categories": "food", "app_id": "shop", "memory_type": "procedural_memory", "name": "x"}
    item = item_of({"id": "1", "payload": {"data": "tea", "agent_id": "a1", **own}})
    assert item["metadata"] == {**own, "mem0_id": "1"}
    assert "categories" not in item
    assert "app_id" not in item
    assert "name" not in item["messages"][0]


def test_the_key_follows_from_all_of_it() -> None:
    key = item_of(MEMORY)["idempotency_key"]
    assert item_of({**MEMORY, "score": 0.9})["idempotency_key"] == key
    changes: list[dict[str, Any]] = [
        {"memory": "I like tea"}, {"user_id": "bo"}, {"metadata": {}}, {"categories": None}, {"id": "2"},
    ]  # fmt: skip
    for change in changes:
        assert item_of({**MEMORY, **change})["idempotency_key"] != key


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        (None, "no JSON object"),
        ("tea", "no JSON object"),
        ({"user_id": "ana"}, "no text"),
        ({"memory": " ", "user_id": "ana"}, "no text"),
        ({"memory": "tea"}, "none of user_id"),
        ({"memory": "tea", "user_id": ["ana"]}, "user_id"),
        ({"memory": "tea", "user_id": "ana", "metadata": "x"}, "metadata"),
        ({"memory": "tea", "user_id": "ana", "metadata": {"x": float("nan")}}, "no JSON"),
        ({"memory": "half a \ud83d", "user_id": "ana"}, "no JSON"),
        ({"memory": "tea", "user_id": "ana", "categories": "food"}, "categories"),
        ({"memory": "tea", "user_id": "ana", "created_at": "yesterday"}, "created_at"),
        ({"memory": "tea", "user_id": "ana", "expiration_date": "soon"}, "expiration_date"),
    ],
)
def test_what_is_no_memory_says_why(row: object, reason: str) -> None:
    with pytest.raises(BadRow, match=reason):
        item_of(row)


def test_a_batch_counts_what_it_has_read() -> None:
    batch = batch_of([Row(3, MEMORY), Row(5, None), Row(8, {**MEMORY, "score": 1})])
    assert (batch.read, [number for number, _ in batch.items], batch.twice) == (3, [3], 1)
    assert [(one.row, one.reason) for one in batch.bad] == [(5, "is no JSON object")]


# --- files -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("a.json", json.dumps([MEMORY, MEMORY])),
        ("a.json", "\ufeff" + json.dumps({"results": [MEMORY, MEMORY]})),
        ("a.json", json.dumps({"memories": [MEMORY, MEMORY]})),
        ("a.txt", json.dumps([MEMORY, MEMORY])),
        ("a.jsonl", f"{json.dumps(MEMORY)}\n{json.dumps(MEMORY)}\n"),
    ],
)
def test_a_file_holds_memories_in_each_shape_that_mem0_answers(tmp_path: Path, name: str, text: str) -> None:
    (tmp_path / name).write_text(text)
    assert [*of_file(str(tmp_path / name))] == [Row(1, MEMORY), Row(2, MEMORY)]


def test_lines_have_the_numbers_that_an_editor_shows(tmp_path: Path) -> None:
    (tmp_path / "a.jsonl").write_text(f"\n{json.dumps(MEMORY)}\n{{broken\n\n{json.dumps(MEMORY)}")
    assert [*of_file(str(tmp_path / "a.jsonl"))] == [Row(2, MEMORY), Row(3, None), Row(5, MEMORY)]


def test_lines_come_from_stdin(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO(json.dumps(MEMORY)))
    assert [*of_file("-")] == [Row(1, MEMORY)]


@pytest.mark.parametrize(("text", "reason"), [(b"{", "no JSON"), (b"\xff", "no UTF-8"), (None, "can't be read")])
def test_a_file_that_is_none_is_refused(tmp_path: Path, text: bytes | None, reason: str) -> None:
    if text is not None:
        (tmp_path / "a.json").write_bytes(text)
    with pytest.raises(InvalidInput, match=reason):
        [*of_file(str(tmp_path / "a.json"))]


# --- Qdrant ----------------------------------------------------------------------------------------------------------


class Exploding:
    def __reduce__(self) -> Any:
        return os.mkdir, ("exploded",)


@pytest.fixture
def pickled(monkeypatch: pytest.MonkeyPatch) -> Callable[[dict[str, Any]], bytes]:
    """Points as Qdrant pickles them, for an environment that has no Qdrant."""
    name = "qdrant_client.http.models.models"
    module = types.ModuleType(name)
    kind = type("PointStruct", (), {"__module__": name, "__getstate__": lambda self: {"__dict__": self.__dict__}})
    vector = type("SparseVector", (), {"__module__": name})
    module.PointStruct, module.SparseVector = kind, vector  # type: ignore[attr-defined]
    above = name.split(".")[:-1]
    for depth in range(1, len(above) + 1):
        package = ".".join(above[:depth])
        monkeypatch.setitem(sys.modules, package, types.ModuleType(package))
    monkeypatch.setitem(sys.modules, name, module)

    def dump(fields: dict[str, Any]) -> bytes:
        point = kind()
        point.__dict__.update({"vector": {"": [0.5, 1.0], "bm25": vector()}, **fields})
        return pickle.dumps(point)

    return dump


def qdrant(directory: Path, points: list[object]) -> Path:
    place = directory / "collection" / "mem0"
    place.mkdir(parents=True)
    with sqlite3.connect(place / "storage.sqlite") as database:
        database.execute("CREATE TABLE points (id TEXT PRIMARY KEY, point BLOB)")
        database.executemany("INSERT INTO points VALUES (?, ?)", [(str(n), one) for n, one in enumerate(points)])
    database.close()
    return directory


def test_the_points_of_a_local_qdrant_are_memories(tmp_path: Path, pickled: Callable[..., bytes]) -> None:
    payload = {
        "data": "I like tea", "user_id": "ana", "created_at": "2025-01-01T00:00:00+00:00", "hash": "x", "team": "red",
        "text_lemmatized": "i like tea", "role": "user",
    }  # fmt: skip
    rows = [*of_qdrant(qdrant(tmp_path, [pickled({"id": "1", "payload": payload})]), "mem0")]
    assert [row.number for row in rows] == [1]
    item = item_of(rows[0].value)
    assert item["messages"] == [{"role": "user", "content": "I like tea"}]
    assert (item["user_id"], item["timestamp"]) == ("ana", "2025-01-01T00:00:00+00:00")
    assert item["metadata"] == {"team": "red", "mem0_id": "1"}


def test_a_damaged_or_hostile_point_is_a_bad_row_and_nothing_is_called(
    tmp_path: Path, pickled: Callable[..., bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    good = pickled({"id": "1", "payload": {"data": "tea", "user_id": "ana"}})
    hidden = pickled({"id": "1", "payload": {"data": "tea", "user_id": "ana", "team": Exploding()}})
    broken: list[object] = [pickle.dumps(Exploding()), hidden, good[:40], b"", None, "text", pickle.dumps([1])]
    batch = batch_of(of_qdrant(qdrant(tmp_path, [*broken, good]), "mem0"))
    assert [number for number, _ in batch.items] == [len(broken) + 1]
    assert [one.row for one in batch.bad] == [*range(1, len(broken) + 1)]
    assert not (tmp_path / "exploded").exists()


def test_a_collection_that_is_not_there_is_refused_with_those_that_are(tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match="a local Qdrant"):
        [*of_qdrant(tmp_path, "mem0")]
    with pytest.raises(InvalidInput, match="it has mem0"):
        [*of_qdrant(qdrant(tmp_path, []), "other")]


def test_a_database_that_is_none_is_refused(tmp_path: Path) -> None:
    file = qdrant(tmp_path, []) / "collection" / "mem0" / "storage.sqlite"
    file.write_bytes(b"no database" * 1000)
    with pytest.raises(InvalidInput, match="can't be read"):
        [*of_qdrant(tmp_path, "mem0")]


# --- servers ---------------------------------------------------------------------------------------------------------


class Platform:
    """Mem0's lists over so many memories; it writes down what it is asked."""

    def __init__(self, memories: list[dict[str, Any]], size: int = 2) -> None:
        self.memories, self.size = memories, size
        self.asked: list[str] = []

    def __call__(self, request: httpx.Request) -> httpx.Response:
        self.asked.append(f"{request.method} {request.url.path} {request.headers.get('authorization')}")
        page = int(request.url.params["page"])
        if request.url.path == "/v1/entities/":
            owners = dict.fromkeys((name[:-3], one[name]) for one in self.memories for name in one if name != "id")
            return self.page(page, [{"id": "x", "type": kind, "name": name} for kind, name in owners])
        ((name, value),) = json.loads(request.content)["filters"].items()
        return self.page(page, [one for one in self.memories if one.get(name) == value])

    def page(self, page: int, rows: list[dict[str, Any]]) -> httpx.Response:
        end = page * self.size
        more = "http://mem0/next" if end < len(rows) else None
        return httpx.Response(200, json={"count": len(rows), "next": more, "results": rows[end - self.size : end]})


async def read(answer: Callable[[httpx.Request], httpx.Response]) -> list[Row]:
    async with Mem0Server("http://mem0", "m0-key", transport=httpx.MockTransport(answer)) as server:
        return [row async for row in server.rows()]


async def test_every_memory_of_every_entity_is_read_once() -> None:
    memories = [
        *({"id": f"{n}", "user_id": "ana"} for n in range(5)),
        {"id": "5", "user_id": "ana", "agent_id": "a1"},
        {"id": "6", "agent_id": "a1"},
        {"id": "7", "run_id": "r"},
        {"id": "8", "app_id": "shop"},
    ]
    platform = Platform(memories)
    rows = await read(platform)
    assert sorted(row.value["id"] for row in rows) == [str(n) for n in range(9)]  # type: ignore[index]
    assert [row.number for row in rows] == [*range(1, 10)]
    assert {one.split(" ", 2)[2] for one in platform.asked} == {"Token m0-key"}
    assert {one.split()[1] for one in platform.asked} == {"/v1/entities/", "/v3/memories/"}


async def test_a_bare_list_is_all_there_is() -> None:
    def answer(request: httpx.Request) -> httpx.Response:
        if request.url.path == "/v1/entities/":
            return httpx.Response(200, json=[{"type": "user", "id": "ana"}])
        return httpx.Response(200, json=[{"id": "1"}])

    assert await read(answer) == [Row(1, {"id": "1"})]


async def test_pages_that_name_no_next_one_go_on_until_all_are_read() -> None:
    def answer(request: httpx.Request) -> httpx.Response:
        if request.url.path == "/v1/entities/":
            return httpx.Response(200, json={"results": [{"type": "user", "name": "ana"}]})
        page = request.url.params["page"]
        return httpx.Response(200, json={"count": 2, "results": [{"id": page}]})

    assert [row.value for row in await read(answer)] == [{"id": "1"}, {"id": "2"}]


@pytest.mark.parametrize(
    ("reply", "error"),
    [
        (httpx.Response(401, json={"detail": "Invalid token."}), Unauthorized),
        (httpx.Response(200, json={"results": [{"type": "planet", "name": "x"}]}), RemoraError),
        (httpx.Response(200, json={"results": "x"}), RemoraError),
        (httpx.Response(200, text="<html>"), RemoraError),
    ],
)
async def test_a_server_that_refuses_or_is_another_one_ends_it(reply: httpx.Response, error: type[Exception]) -> None:
    with pytest.raises(error):
        await read(lambda _: reply)


async def test_a_server_that_is_not_there_is_named_with_where_that_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    waited: list[float] = []

    async def at_once(call: Callable[[], Any], most_s: float) -> Any:
        waited.append(most_s)
        return await call()

    def refuse(_: httpx.Request) -> httpx.Response:
        raise httpx.ConnectError("refused")

    monkeypatch.setattr("remora.migration.wire.patiently", at_once)
    with pytest.raises(Unavailable, match=r"nothing answers at http://mem0\. `remora import --mem0-url`") as caught:
        await read(refuse)
    assert caught.value.suggestion is None  # Remora's own would speak of Remora.
    assert max(waited) < 10
    waited.clear()
    await read(Platform([{"id": "1", "user_id": "ana"}]))
    assert waited[0] < 10
    assert min(waited[1:]) > 60


async def test_a_key_that_is_refused_is_mem0_s() -> None:
    with pytest.raises(Unauthorized, match=r"Invalid token.*`remora import --mem0-key KEY`") as caught:
        await read(lambda _: httpx.Response(401, json={"detail": "Invalid token"}))
    assert caught.value.suggestion is None
