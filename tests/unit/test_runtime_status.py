"""One status out of what all parts say."""

from __future__ import annotations

from typing import Any

import pytest

from actors.status import whole

READY = {"shard": 0, "state": "ready", "ready": True, "extractor": "verbatim"}
UP = {"name": "ledger-0", "ready": True}


def shard(state: str, ready: bool = True) -> dict[str, Any]:
    return {**READY, "state": state, "ready": ready}


def test_all_well() -> None:
    status = whole([READY], [UP])
    assert (status["state"], status["ready"], status["extractor"]) == ("ready", True, "verbatim")
    assert status["shards"] == [READY]
    assert status["actors"] == [UP]


@pytest.mark.parametrize(
    ("states", "state"),
    [
        (["ready", "degraded"], "degraded"),
        (["starting", "degraded"], "starting"),
        (["unavailable", "starting"], "unavailable"),
        (["ready", "something new"], "something new"),
    ],
)
def test_it_is_as_well_as_the_worst_shard(states: list[str], state: str) -> None:
    assert whole([shard(one) for one in states], [UP])["state"] == state


def test_one_shard_that_can_not_serve_makes_it_unready() -> None:
    assert whole([READY, shard("starting", ready=False)], [UP])["ready"] is False


def test_an_actor_that_is_down_degrades_it_but_leaves_it_ready() -> None:
    status = whole([READY], [UP, {"name": "extractor-0", "ready": False, "error": "is down"}])
    assert (status["state"], status["ready"]) == ("degraded", True)


def test_the_extractor_is_told_by_any_shard_that_answers() -> None:
    silent = {"shard": 0, "state": "unavailable", "ready": False, "error": "is down"}
    assert whole([silent, READY], [])["extractor"] == "verbatim"
    assert whole([silent], [])["extractor"] is None
