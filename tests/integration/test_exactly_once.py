"""Many parallel sends of one operation, and many adds of one fact: one effect, one answer. Over HTTP and `ray.get`, on
one shard and on four; and what a full disk does to a ledger in a process of its own."""

from __future__ import annotations

import asyncio
import json
import resource
import uuid
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from typing import Any

import httpx
import pytest
import ray

from actors.calls import Remote
from actors.handles import OrchestratorHandle
from actors.ledger import LedgerActor
from actors.options import Address, Part
from actors.runtime import Runtime
from engine.types import Json
from tests.integration.test_crash_pairs import differences

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]

MANY = 64
PATIENCE_S = 60.0
ADDS = "/v1/memories/"
FACT, OTHER = "The kettle is red.", "The kettle is blue."
SMALL_BYTES = 4096


@pytest.fixture
def user() -> str:
    return f"user-{uuid.uuid4().hex}"


@pytest.fixture
def name() -> str:
    """What the caller calls its operation."""
    return f"operation-{uuid.uuid4().hex}"


@pytest.fixture
async def http(http_url: str) -> AsyncIterator[httpx.AsyncClient]:
    limits = httpx.Limits(max_connections=MANY)
    async with httpx.AsyncClient(base_url=http_url, timeout=PATIENCE_S, limits=limits) as client:
        yield client


def actors_of(running: Runtime) -> list[Any]:
    """The orchestrators as a job finds them that has nothing but Ray."""
    namespace = running.settings.runtime.namespace
    return [ray.get_actor(f"orchestrator-{index}", namespace=namespace) for index in range(running.settings.shards)]


def sent_to(actors: list[Any], texts: list[str], user: str, **fields: Any) -> list[Any]:
    """Each text's answer or error; the sends go to all orchestrators in turn."""
    sent = [actors[at % len(actors)].add.remote(text, user_id=user, **fields) for at, text in enumerate(texts)]
    return [outcome(one) for one in sent]


def outcome(sent: Any) -> Any:
    try:
        return ray.get(sent, timeout=PATIENCE_S)
    except ray.exceptions.RayTaskError as error:
        return error.cause


def code_of(one: Any) -> str:
    """`SUCCEEDED`, or the code of the error."""
    return str(one["status"] if isinstance(one, dict) else one.args[0])


async def posted(http: httpx.AsyncClient, texts: list[str], user: str, **headers: str) -> list[httpx.Response]:
    sent = [
        http.post(ADDS, json={"messages": [{"role": "user", "content": text}], "user_id": user}, headers=headers)
        for text in texts
    ]
    return list(await asyncio.gather(*sent))


def assert_one_answer(answers: list[Json]) -> None:
    """Equal for all; only which index was late may differ."""
    assert len({json.dumps({**answer, "degraded": None}, sort_keys=True) for answer in answers}) == 1


def assert_one_memory(answers: list[Json]) -> None:
    rows = [answer["results"][0] for answer in answers]
    assert len({row["id"] for row in rows}) == 1
    assert sorted(row["event"] for row in rows) == ["ADD", *["NONE"] * (MANY - 1)]


async def assert_kept_once(api: OrchestratorHandle, user: str, *texts: str) -> None:
    listed = await api.list(user_id=user)
    assert sorted(one["memory"] for one in listed["results"]) == sorted(texts)
    found = await api.search("kettle", user_id=user, threshold=0.0)
    assert sorted(one["memory"] for one in found["results"]) == sorted(texts)


# --- one shard -------------------------------------------------------------------------------------------------------


async def test_parallel_adds_of_a_fact_over_http_make_one_memory(
    http: httpx.AsyncClient, api: OrchestratorHandle, user: str
) -> None:
    replies = await posted(http, [FACT] * MANY, user)

    assert {reply.status_code for reply in replies} == {200}
    assert_one_memory([reply.json() for reply in replies])
    await assert_kept_once(api, user, FACT)


async def test_parallel_sends_of_an_operation_over_http_get_one_answer(
    http: httpx.AsyncClient, api: OrchestratorHandle, user: str, name: str
) -> None:
    replies = await posted(http, [FACT] * MANY, user, **{"Idempotency-Key": name})

    assert {reply.status_code for reply in replies} == {200}
    assert_one_answer([reply.json() for reply in replies])
    await assert_kept_once(api, user, FACT)


async def test_another_body_under_the_same_key_is_a_409_over_http_and_changes_nothing(
    http: httpx.AsyncClient, api: OrchestratorHandle, user: str, name: str
) -> None:
    replies = await posted(http, [FACT, OTHER] * (MANY // 2), user, **{"Idempotency-Key": name})

    taken = [reply.json() for reply in replies if reply.status_code == 200]
    refused = [reply for reply in replies if reply.status_code == 409]
    assert len(taken) == len(refused) == MANY // 2
    assert {reply.json()["code"] for reply in refused} == {"conflict"}
    assert_one_answer(taken)
    await assert_kept_once(api, user, taken[0]["results"][0]["memory"])


async def test_parallel_adds_of_a_fact_over_ray_make_one_memory(
    runtime: Runtime, api: OrchestratorHandle, user: str
) -> None:
    assert_one_memory(sent_to(actors_of(runtime), [FACT] * MANY, user))
    await assert_kept_once(api, user, FACT)


async def test_parallel_sends_of_an_operation_over_ray_get_one_answer(
    runtime: Runtime, api: OrchestratorHandle, user: str, name: str
) -> None:
    assert_one_answer(sent_to(actors_of(runtime), [FACT] * MANY, user, operation_id=name))
    await assert_kept_once(api, user, FACT)


# --- four shards -----------------------------------------------------------------------------------------------------


async def test_parallel_adds_of_a_fact_to_four_orchestrators_make_one_memory(
    sharded: Runtime, sharded_api: OrchestratorHandle, user: str
) -> None:
    assert_one_memory(sent_to(actors_of(sharded), [FACT] * MANY, user))
    await assert_kept_once(sharded_api, user, FACT)


async def test_parallel_sends_of_an_operation_to_four_orchestrators_get_one_answer(
    sharded: Runtime, sharded_api: OrchestratorHandle, user: str, name: str
) -> None:
    assert_one_answer(sent_to(actors_of(sharded), [FACT] * MANY, user, operation_id=name))
    await assert_kept_once(sharded_api, user, FACT)


async def test_another_body_under_the_same_key_is_a_conflict_on_every_shard(
    sharded: Runtime, sharded_api: OrchestratorHandle, user: str, name: str
) -> None:
    found = sent_to(actors_of(sharded), [FACT, OTHER] * (MANY // 2), user, operation_id=name)

    taken = [one for one in found if isinstance(one, dict)]
    assert sorted(map(code_of, found)) == ["SUCCEEDED"] * (MANY // 2) + ["conflict"] * (MANY // 2)
    assert_one_answer(taken)
    await assert_kept_once(sharded_api, user, taken[0]["results"][0]["memory"])


async def test_a_key_belongs_to_one_request_whichever_shard_its_user_is_on(
    sharded: Runtime, sharded_api: OrchestratorHandle, user: str, name: str
) -> None:
    actors = actors_of(sharded)
    users = [f"{user}-{number}" for number in range(8)]
    sent = [actors[at % 4].add.remote(FACT, user_id=one, operation_id=name) for at, one in enumerate(users * 8)]

    found = await asyncio.to_thread(lambda: [outcome(one) for one in sent])

    taken = [one for one in found if isinstance(one, dict)]
    assert len(taken) == 8
    assert_one_answer(taken)
    assert {code_of(one) for one in found if one not in taken} == {"conflict"}
    counts = [(await sharded_api.list(user_id=one))["count"] for one in users]
    assert sorted(counts) == [0] * 7 + [1]


# --- a full disk -----------------------------------------------------------------------------------------------------


@contextmanager
def no_room(pid: int) -> Iterator[None]:
    """A process that may write no file beyond a few kB: as on a full disk."""
    before = resource.prlimit(pid, resource.RLIMIT_FSIZE)
    resource.prlimit(pid, resource.RLIMIT_FSIZE, (SMALL_BYTES, before[1]))
    try:
        yield
    finally:
        resource.prlimit(pid, resource.RLIMIT_FSIZE, before)


@asynccontextmanager
async def full_disk(running: Runtime) -> AsyncIterator[None]:
    ledger: Remote[LedgerActor] = Remote(Address(Part.LEDGER, running.settings.runtime.namespace), PATIENCE_S)
    pid = (await ledger.ask(lambda actor: actor.describe.remote()))["pid"]
    with no_room(pid):
        yield


async def test_on_a_full_disk_writes_are_a_503_and_nothing_that_was_acknowledged_is_lost(
    runtime: Runtime, http: httpx.AsyncClient, api: OrchestratorHandle, user: str
) -> None:
    [kept] = await posted(http, [FACT], user)
    assert kept.status_code == 200

    async with full_disk(runtime):
        refused = await posted(http, [f"{number}: {OTHER}" for number in range(MANY)], user)
        read = await http.get(ADDS, params={"user_id": user})

    assert {(reply.status_code, reply.json()["code"]) for reply in refused} == {(503, "unavailable")}
    assert "disk" in refused[0].json()["detail"]
    assert read.status_code == 200
    [again] = await posted(http, [OTHER], user)
    assert again.status_code == 200
    await assert_kept_once(api, user, FACT, OTHER)
    assert await differences(api) == []
