"""The audit log: what is written down, who reads it, and that it stays bounded and whole."""

from __future__ import annotations

import json
import stat
import threading
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from pydantic import SecretStr

from engine.access.audit import AuditLog
from engine.access.audited import AUDITED
from engine.access.guarded import RULES
from engine.access.keys import Role
from engine.config import Settings
from engine.in_process import in_process
from serve_app.application import create_app

KEY = "the server's own"
PATH = "audit.jsonl"


@pytest.fixture
def log(tmp_path: Path) -> AuditLog:
    return AuditLog(tmp_path / PATH)


@pytest.fixture
async def http(tmp_path: Path, log: AuditLog) -> AsyncIterator[httpx.AsyncClient]:
    settings = Settings(data_dir=tmp_path, admin_key=SecretStr(KEY))
    memory = in_process(settings)
    await memory.start()
    transport = httpx.ASGITransport(create_app(memory, settings, audit=log))
    async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1") as client:
        client.headers["X-API-Key"] = KEY
        yield client
    await memory.close()


async def key_of(http: httpx.AsyncClient, role: str, **more: Any) -> Any:
    return (await http.post("/v1/keys/", json={"name": role, "role": role, **more})).json()


async def told(http: httpx.AsyncClient, key: str = KEY) -> list[tuple[str, str, str, str]]:
    page = (await http.get("/v1/audit/", headers={"X-API-Key": key})).json()
    return [(one["who"], one["action"], one["project"], one["outcome"]) for one in page["results"]]


def test_every_admin_verb_that_changes_something_is_written_down() -> None:
    assert {verb for verb, rule in RULES.items() if rule.role is Role.ADMIN} - AUDITED == {"status"}


async def test_what_is_done_to_a_whole_project_is_written_down_with_who_did_it(http: httpx.AsyncClient) -> None:
    admin, reader = await key_of(http, "admin", project="p"), await key_of(http, "read", project="p")
    as_admin, as_reader = {"X-API-Key": admin["key"]}, {"X-API-Key": reader["key"]}
    await http.put("/v1/ranking/", json={"weights": {"dense": 2}}, headers=as_admin)
    refused = await http.post("/v1/purge/", json={"user_id": "ana"}, headers=as_reader)
    assert refused.status_code == 403
    await http.put("/v1/ranking/", json={"weights": {"dense": 3}})
    assert await told(http) == [
        ("server", "set_ranking", "default", "ok"),
        (reader["id"], "purge", "p", "forbidden"),
        (admin["id"], "set_ranking", "p", "ok"),
        ("server", "create_key", "p", "ok"),
        ("server", "create_key", "p", "ok"),
    ]


async def test_no_secret_and_no_word_of_a_memory_is_written_down(http: httpx.AsyncClient, tmp_path: Path) -> None:
    made = await key_of(http, "admin")
    added = (await http.post("/v1/memories/", json={"messages": "I like Zanzibar", "user_id": "ana"})).json()
    await http.post("/v1/purge/", json={"memory_id": added["results"][0]["id"]})
    await http.put("/v1/inference/", json={"inference": {"custom_instructions": "Zanzibar matters"}})
    rotated = (await http.post(f"/v1/keys/{made['id']}/rotate/")).json()
    written = (tmp_path / PATH).read_text()
    assert written.count("\n") == 4
    for word in ("Zanzibar", made["key"], rotated["key"], made["key"].split("_")[-1], KEY):
        assert word not in written
    assert added["results"][0]["id"] in written


async def test_an_admin_key_reads_its_own_project_only_and_others_nothing(http: httpx.AsyncClient) -> None:
    admin = await key_of(http, "admin", project="p")
    await key_of(http, "write", project="q")
    assert await told(http, admin["key"]) == [("server", "create_key", "p", "ok")]
    for role, more in (("write", {}), ("read", {}), ("admin", {"user_id": "ana"})):
        key = (await key_of(http, role, project="p", **more))["key"]
        assert (await http.get("/v1/audit/", headers={"X-API-Key": key})).status_code == 403
    for params in ({"page": 0}, {"page_size": 1001}, {"page": 10**6}):
        assert (await http.get("/v1/audit/", params=params)).status_code == 400


async def test_reads_and_single_memories_are_not_written_down(http: httpx.AsyncClient) -> None:
    await http.post("/v1/memories/", json={"messages": "tea", "user_id": "ana"})
    await http.post("/v1/memories/search/", json={"query": "tea", "user_id": "ana"})
    assert await told(http) == []
    await http.delete("/v1/memories/", params={"user_id": "ana"})
    assert await told(http) == []


async def test_an_action_is_done_and_answered_though_it_cannot_be_written_down(
    http: httpx.AsyncClient, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / PATH).mkdir()
    assert (await http.put("/v1/ranking/", json={"weights": {"dense": 2}})).status_code == 200
    assert "set_ranking by server is not in the audit log" in caplog.text


def test_the_file_is_its_owner_s_and_there_are_only_so_many(tmp_path: Path) -> None:
    log = AuditLog(tmp_path / PATH, file_bytes=400)
    for number in range(100):
        log.record(float(number), "server", "purge", "p", "ok", memory_id=str(number))
    files = sorted(path for path in tmp_path.iterdir() if path.suffix != ".lock")
    assert [path.name for path in files] == [PATH, *(f"{PATH}.{number}" for number in range(1, 5))]
    for path in files:
        assert (path.stat().st_size <= 400, stat.S_IMODE(path.stat().st_mode)) == (True, 0o600)
    kept = log.entries(1, 1000)
    assert [one["memory_id"] for one in kept["results"]] == [
        str(number) for number in range(99, 99 - kept["count"], -1)
    ]


def test_refusals_push_nothing_out(log: AuditLog) -> None:
    log.record(0.0, "server", "purge", "p", "ok")
    for number in range(1000):
        log.record(number / 100, "key", "purge", "p", "forbidden")
    log.record(10.0, "other key", "purge", "p", "forbidden")
    told = [(one["who"], one["outcome"]) for one in log.entries(1, 1000)["results"]]
    assert (told[0], told[-1]) == (("other key", "forbidden"), ("server", "ok"))
    assert 10 <= told.count(("key", "forbidden")) <= 12


def test_processes_that_begin_a_new_file_at_once_lose_none(tmp_path: Path) -> None:
    logs = [AuditLog(tmp_path / PATH, file_bytes=2000) for _ in range(4)]

    def write(log: AuditLog) -> None:
        for number in range(10):
            log.record(float(number), "server", "purge", "p", "ok")

    threads = [threading.Thread(target=write, args=(log,)) for log in logs]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert logs[0].entries(1, 100)["count"] == 40


def test_a_line_that_a_crash_has_torn_hides_no_other(tmp_path: Path) -> None:
    log = AuditLog(tmp_path / PATH)
    log.record(1.0, "server", "purge", "p", "ok")
    with (tmp_path / PATH).open("a") as file:
        file.write('{"at": "19\n[1]\n')
    log.record(2.0, "server", "rebuild", None, "ok")
    assert [one["action"] for one in log.entries(1, 10)["results"]] == ["rebuild", "purge"]
    assert json.loads((tmp_path / PATH).read_text().splitlines()[0])["who"] == "server"
