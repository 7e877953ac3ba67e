"""Errors that cross an actor's boundary, and patience with it; without Ray running."""

from __future__ import annotations

import itertools
import pickle
from typing import Any

import pytest
from ray.exceptions import RayTaskError

from actors.calls import Remote, pauses, translate
from actors.options import Address, Part
from engine.errors import BY_CODE, InvalidInput, RemoraError, Unavailable, from_parts


def raised(cause: Exception) -> RayTaskError:
    return RayTaskError("search", "traceback", cause, proctitle="actor", pid=1, ip="127.0.0.1")  # type: ignore[no-untyped-call]


@pytest.mark.parametrize("code", sorted(BY_CODE))
def test_every_error_survives_the_boundary_as_itself(code: str) -> None:
    error = from_parts(code, "what went wrong", {"field": "text"})

    arrived = translate(pickle.loads(pickle.dumps(raised(error))), "ledger-0")

    assert type(arrived) is type(error)
    assert (arrived.message, arrived.details) == (error.message, error.details)


@pytest.mark.parametrize("code", sorted(BY_CODE))
def test_every_error_survives_the_boundary_as_a_built_in(code: str) -> None:
    error = from_parts(code, "what went wrong", {"field": "text"})

    arrived = translate(raised(error.to_builtin()), "orchestrator-0")

    assert type(arrived) is type(error)
    assert (arrived.message, arrived.details) == (error.message, error.details)


def test_anything_else_is_internal_and_names_the_actor() -> None:
    arrived = translate(raised(ZeroDivisionError("division by zero")), "embedder-0")

    assert type(arrived) is RemoraError
    assert "embedder-0" in str(arrived)
    assert "division by zero" in str(arrived)


def test_a_built_in_that_only_looks_like_ours_is_internal() -> None:
    assert translate(raised(ValueError("no_such_code", "text", {})), "x").code == "internal"
    assert not isinstance(translate(raised(ValueError("plain")), "x"), InvalidInput)


def test_pauses_grow_to_half_a_second() -> None:
    first = list(itertools.islice(pauses(), 10))

    assert first == sorted(first)
    assert first[0] == 0.02
    assert first[-1] == 0.5


async def test_without_a_connection_to_ray_a_call_says_so_and_starts_none(monkeypatch: pytest.MonkeyPatch) -> None:
    looked_up: list[str] = []
    monkeypatch.setattr("ray.is_initialized", lambda: False)
    monkeypatch.setattr("ray.get_actor", lambda name, **_: looked_up.append(name))
    remote: Remote[Any] = Remote(Address(Part.ORCHESTRATOR, "nowhere", 0), deadline_s=30)

    with pytest.raises(Unavailable, match="no longer connected"):
        await remote.ask(lambda actor: actor.status.remote())
    assert looked_up == []  # Looking up is what would make Ray start one of its own.
