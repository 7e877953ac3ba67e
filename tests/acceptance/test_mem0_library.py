"""Mem0's library as it is published: it looks as the tests of Remora's say, and its local Qdrant can be imported."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest

from remora import errors
from remora.migration.qdrant import of_qdrant
from remora.migration.taking import batch_of
from tests.acceptance.mem0_clients import places
from tests.mem0_library import ATTRIBUTES, EXCEPTIONS, METHODS, OF_STATUS, ONLY_ASYNC, SHAPES

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("mem0-library")


@pytest.fixture(scope="module")
def told(place: Path) -> Any:
    """What the library tells of itself."""
    job = Path(places.__file__).parent / "library_job.py"
    done = subprocess.run(
        [places.python(), job, place],
        env=places.surroundings(place), capture_output=True, text=True, timeout=300, stdin=subprocess.DEVNULL,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-2000:]
    return json.loads(done.stdout.splitlines()[-1])


def test_its_methods_and_parameters_are_those_written_down(told: Any) -> None:
    assert told["sync"] == METHODS
    assert told["async"] == {name: taken + ONLY_ASYNC.get(name, []) for name, taken in METHODS.items()}
    assert set(told["attributes"]) == ATTRIBUTES


def test_all_but_closing_is_awaited(told: Any) -> None:
    assert set(told["awaited"]) == set(METHODS) - {"close", "from_config"}


def test_its_exceptions_are_those_written_down(told: Any) -> None:
    assert told["exceptions"] == EXCEPTIONS
    assert OF_STATUS.items() <= {int(status): name for status, name in told["of_status"].items()}.items()


def test_its_answers_have_the_fields_written_down(told: Any) -> None:
    assert {name: set(fields) for name, fields in told["shapes"].items()} == SHAPES


@pytest.mark.parametrize(
    ("case", "ours"),
    [("scope", errors.InvalidInput), ("missing", errors.NotFound), ("everything", errors.InvalidInput)],
)
def test_what_it_raises_is_caught_by_the_same_words_here(told: Any, case: str, ours: type[Exception]) -> None:
    theirs = told["raised"][case]
    assert theirs[0] in {"ValidationError", "ValueError"}
    assert set(theirs) <= {kind.__name__ for kind in ours.__mro__}


def test_what_it_keeps_in_its_qdrant_is_read_whole(told: Any, place: Path) -> None:
    batch = batch_of(of_qdrant(place / "qdrant", "mem0"))
    assert batch.bad == []
    read = {item["metadata"]["mem0_id"]: item for _, item in batch.items}
    assert read.keys() == {one["id"] for one in told["memories"]}
    assert len(read) == 3
    for one in told["memories"]:
        item = read[one["id"]]
        assert item["messages"][0]["content"] == one["memory"]
        assert item["messages"][0]["role"] == one.get("role", "user")
        assert item["messages"][0].get("name") == one.get("actor_id")
        assert item["timestamp"] == one["created_at"]
        assert item["metadata"].pop("mem0_updated_at") == one["updated_at"]
        assert {**(one["metadata"] or {}), "mem0_id": one["id"]} == item["metadata"]
        for name in ("user_id", "agent_id", "run_id", "expiration_date"):
            assert item.get(name) == one.get(name)
