"""What bites whoever serves or tests clients of Mem0, as far as no other test has it: see docs/compatibility.md."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest

from tests.acceptance.mem0_clients.places import surroundings
from tests.unit.mem0_door import added, opened

USERS = 130


@pytest.fixture
async def http() -> AsyncIterator[httpx.AsyncClient]:
    async with opened() as http:
        yield http


def test_clients_of_tests_tell_nobody_and_leave_no_file_behind(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MEM0_API_KEY", "somebody's own")
    seen = surroundings(tmp_path)
    assert (seen["MEM0_TELEMETRY"], seen["HOME"], seen["MEM0_DIR"]) == ("false", str(tmp_path), str(tmp_path / ".mem0"))
    assert "MEM0_API_KEY" not in seen


def test_no_proxy_of_the_environment_catches_this_machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_PROXY", "example.com")
    assert "127.0.0.1" in surroundings(tmp_path)["NO_PROXY"]
    assert "127.0.0.1" in surroundings(tmp_path)["no_proxy"]


async def test_the_first_page_of_entities_is_as_long_as_clients_that_read_no_other_need(
    http: httpx.AsyncClient,
) -> None:
    for number in range(USERS):
        await added(http, "tea", user_id=f"u{number}")
    page = (await http.get("/v1/entities/")).json()
    assert (page["count"], len(page["results"]) >= 100) == (USERS, True)


async def test_a_nul_character_is_refused_before_it_is_kept(http: httpx.AsyncClient) -> None:
    body = {"messages": [{"role": "user", "content": "a\0b"}], "user_id": "ana", "infer": False}
    reply = await http.post("/v3/memories/add/", json=body)
    assert reply.status_code == 400
    assert (await http.get("/v1/entities/")).json()["count"] == 0
