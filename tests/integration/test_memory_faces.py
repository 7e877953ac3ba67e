"""`Memory` and `AsyncMemory` over a real runtime: by its HTTP address and by its Ray address."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
import uuid
from pathlib import Path
from typing import Any

import pytest

from actors import owned
from actors.runtime import Runtime, connect
from engine.config import load
from engine.errors import Conflict as EngineConflict
from remora import AsyncMemory, Memory
from remora.errors import InvalidInput, NotFound

ROOT = Path(__file__).parents[2]
WAYS = ["url", "address"]


def where(runtime: Runtime, way: str) -> dict[str, Any]:
    return {way: runtime.url if way == "url" else runtime.address}


@pytest.mark.parametrize("way", WAYS)
def test_the_verbs_answer_the_same_by_every_way(runtime: Runtime, way: str) -> None:
    user = f"faces-{way}"
    with Memory(**where(runtime, way)) as memory:
        added = memory.add("The cat is called Miso.", user_id=user)
        memory_id = added["results"][0]["id"]
        found = memory.search("cat called Miso", user_id=user, min_position=added["position"])
        assert [hit["memory"] for hit in found["results"]] == ["The cat is called Miso."]
        assert memory.update(memory_id, data="The cat is called Ramen.")["message"] == "Memory updated successfully!"
        assert [one["memory"] for one in memory.get_all(user_id=user)["results"]] == ["The cat is called Ramen."]
        assert [one["event"] for one in memory.history(memory_id)] == ["ADD", "UPDATE"]
        assert memory.get(str(uuid.uuid4())) is None
        with pytest.raises(NotFound):
            memory.delete(str(uuid.uuid4()))
        with pytest.raises(InvalidInput):
            memory.add("x")
        items = [{"messages": "The dog is called Udon.", "user_id": user}, {"messages": "", "user_id": user}]
        batch = memory.add_batch(items)
        assert batch[0]["status"] == "SUCCEEDED"
        assert batch[1]["error"]["code"] == "invalid_input"
        assert memory.delete_all(user_id=user)["count"] == 2
        assert memory.status()["ready"] is True


@pytest.mark.parametrize("way", WAYS)
async def test_many_calls_at_once_get_their_own_answers(runtime: Runtime, way: str) -> None:
    user = f"many-{way}"
    async with AsyncMemory(**where(runtime, way)) as memory:
        await asyncio.gather(*[memory.add(f"number {n}", user_id=f"{user}-{n}") for n in range(60)])
        found = await asyncio.gather(*[memory.get_all(user_id=f"{user}-{n}") for n in range(60)])
    assert [[one["memory"] for one in each["results"]] for each in found] == [[f"number {n}"] for n in range(60)]


def test_another_process_reaches_it_by_its_address_with_nothing_set(runtime: Runtime) -> None:
    program = """
import sys
from remora import Memory
with Memory(address=sys.argv[1]) as memory:
    memory.add("said by another process", user_id="elsewhere")
    print(len(memory.get_all(user_id="elsewhere")["results"]))
"""
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("REMORA_", "RAY_"))}
    environment |= {"REMORA_DATA_DIR": str(runtime.settings.data_dir), "PYTHONPATH": str(ROOT)}
    ran = subprocess.run(
        [sys.executable, "-c", program, runtime.address], env=environment, capture_output=True, text=True, timeout=100
    )
    assert ran.stdout.strip() == "1", ran.stderr


def test_one_that_runs_on_the_data_directory_is_used_and_left_running(runtime: Runtime) -> None:
    with Memory(data_dir=runtime.settings.data_dir) as memory:
        memory.add("I like tea", user_id="found")
    with Memory(runtime.url) as memory:
        assert len(memory.get_all(user_id="found")["results"]) == 1


def test_one_that_runs_with_settings_of_its_own_is_no_place_for_a_configuration(runtime: Runtime) -> None:
    with pytest.raises(EngineConflict, match="leave the configuration out"):
        owned.take(load(data_dir=runtime.settings.data_dir), exact=True)


def test_a_process_that_is_connected_to_another_ray_is_told(runtime: Runtime) -> None:
    with pytest.raises(EngineConflict, match="another process"):
        connect(load(runtime={"address": "127.0.0.1:1"}))
