"""Handles against real actors: values, errors both ways, deadlines, and calls that meet a death."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
import pytest
import ray

from actors.calls import Remote
from actors.handles import EmbedderHandle, LedgerHandle, OrchestratorHandle, VectorStoreHandle
from actors.options import Address, Part
from actors.runtime import Runtime
from actors.shell import Shell
from engine.errors import DeadlineExceeded, InvalidInput, NotFound, StaleEpoch, Unavailable

EXAMPLE = Path(__file__).parents[2] / "examples" / "ray_job.py"
Faults: TypeAlias = Callable[..., AbstractAsyncContextManager[None]]

NOBODY = "00000000-0000-8000-8000-000000000000"


def address_of(runtime: Runtime, part: Part) -> Address:
    return Address(part, runtime.settings.runtime.namespace)


async def test_vectors_come_back_as_one_contiguous_block_of_unit_rows(runtime: Runtime) -> None:
    embedder = EmbedderHandle(address_of(runtime, Part.EMBEDDER), 10.0)

    encoded = await embedder.encode(["one text", "another one", "a third"])

    assert encoded.pooled.dtype == np.float32
    assert encoded.pooled.flags.c_contiguous
    assert encoded.pooled.shape == (3, (await embedder.info()).dimensions)
    np.testing.assert_allclose(np.linalg.norm(encoded.pooled, axis=1), 1.0, rtol=1e-5)


async def test_an_error_of_the_engine_arrives_with_its_type_and_details(api: OrchestratorHandle) -> None:
    with pytest.raises(InvalidInput) as refused:
        await api.search("no scope at all")
    with pytest.raises(NotFound) as missing:
        await api.get(NOBODY)

    assert type(refused.value) is InvalidInput
    assert refused.value.details == {"field": "filters"}
    assert type(missing.value) is NotFound


async def test_an_unknown_field_is_refused_as_invalid_input(api: OrchestratorHandle) -> None:
    fields: dict[str, Any] = {"user_id": "ana", "colour": "blue"}
    with pytest.raises(InvalidInput):
        await api.search("anything", **fields)


async def test_a_leafs_error_arrives_with_its_type(runtime: Runtime) -> None:
    ledger = LedgerHandle(address_of(runtime, Part.LEDGER), 10.0)

    with pytest.raises(StaleEpoch):
        await ledger.write(0, [])


async def test_a_process_without_remora_reads_code_message_and_details(runtime: Runtime) -> None:
    orchestrator = ray.get_actor("orchestrator-0", namespace=runtime.settings.runtime.namespace)

    with pytest.raises(ValueError) as raised:  # noqa: PT011 - what it says is checked below
        await orchestrator.search.remote("no scope at all")

    code, message, details = raised.value.cause.args  # type: ignore[attr-defined]
    assert (code, details) == ("invalid_input", {"field": "filters"})
    assert "user_id" in message


async def test_a_slow_actor_is_a_deadline_and_not_a_death(runtime: Runtime, fault: Faults) -> None:
    impatient = VectorStoreHandle(address_of(runtime, Part.VECTOR_STORE), 0.2)

    async with fault(Part.VECTOR_STORE, "status", delay_s=1.0):
        with pytest.raises(DeadlineExceeded) as late:
            await impatient.status()

    assert late.value.details == {"actor": "vector-store-0"}


async def test_an_actor_that_is_not_there_is_unavailable(runtime: Runtime) -> None:
    absent = VectorStoreHandle(Address(Part.VECTOR_STORE, runtime.settings.runtime.namespace, index=7), 0.2)

    with pytest.raises(Unavailable) as down:
        await absent.status()

    assert "vector-store-7" in str(down.value)


async def test_health_calls_answer_while_work_is_stuck(runtime: Runtime, fault: Faults) -> None:
    store = VectorStoreHandle(address_of(runtime, Part.VECTOR_STORE), 10.0)
    shell: Remote[Shell[Any]] = Remote(address_of(runtime, Part.VECTOR_STORE), 0.9)
    async with fault(Part.VECTOR_STORE, "status", delay_s=1.0):
        _, described = await asyncio.gather(store.status(), shell.ask(lambda actor: actor.describe.remote()))

    assert described["name"] == "vector-store-0"


async def test_a_store_that_fails_does_not_fail_the_add(
    runtime: Runtime, fault: Faults, api: OrchestratorHandle
) -> None:
    async with fault(Part.VECTOR_STORE, "apply", fail=True, times=1):
        added = await api.add([{"role": "user", "content": "The kettle is blue."}], user_id="broken-store")

    assert added["status"] == "SUCCEEDED"


async def test_a_ledger_that_dies_in_a_write_is_asked_again_and_writes_once(
    runtime: Runtime, fault: Faults, api: OrchestratorHandle
) -> None:
    async with fault(Part.LEDGER, "write", crash=True):
        added = await api.add([{"role": "user", "content": "The tram is yellow."}], user_id="dying-ledger")

    listed = await api.list(user_id="dying-ledger", filters={"user_id": "dying-ledger"})
    assert added["status"] == "SUCCEEDED"
    assert [one["memory"] for one in listed["results"]] == ["The tram is yellow."]


async def test_an_add_whose_orchestrator_dies_is_sent_again_and_has_one_effect(
    runtime: Runtime, fault: Faults, api: OrchestratorHandle
) -> None:
    async with fault(Part.ORCHESTRATOR, "add", crash=True):
        added = await api.add([{"role": "user", "content": "The river is wide."}], user_id="dying-orchestrator")

    history = await api.history(added["results"][0]["id"])
    assert [one["event"] for one in history] == ["ADD"]


async def test_the_same_key_sent_twice_has_one_effect(api: OrchestratorHandle) -> None:
    said = [{"role": "user", "content": "The bridge is iron."}]
    first = await api.add(said, user_id="twice", idempotency_key="bridge-1")
    second = await api.add(said, user_id="twice", idempotency_key="bridge-1")

    assert second["operation_id"] == first["operation_id"]
    assert second["results"] == first["results"]


def test_a_job_with_nothing_but_ray_stores_finds_and_reads_an_error(runtime: Runtime, tmp_path: Path) -> None:
    variables = {"PATH": "/usr/bin:/bin", "HOME": str(Path.home()), **runtime.variables}

    done = subprocess.run(
        [sys.executable, "-P", str(EXAMPLE)], cwd=tmp_path, env=variables, capture_output=True, text=True, timeout=90
    )

    assert done.returncode == 0, done.stderr
    assert "Which instrument does Maria play? -> Maria plays the cello in a quartet." in done.stdout
    assert "refused as expected: invalid_input" in done.stdout
