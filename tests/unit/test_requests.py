"""What callers may ask of purges, operations and keys, and what is refused before anything happens."""

from __future__ import annotations

import uuid
from typing import Any

import pytest

from engine import ingest, requests
from engine.config import LimitSettings
from engine.errors import InvalidInput
from engine.ledger_port import OperationKind
from engine.types import DEFAULT_PROJECT, MemoryVersion, OperationState, Scope

LIMITS = LimitSettings()
MEMORY_ID = str(uuid.UUID(int=7))


@pytest.mark.parametrize(
    "fields", [{"idempotency_key": "k"}, {"operation_id": "k"}, {"idempotency_key": "k", "operation_id": "k"}]
)
def test_an_operation_id_is_an_idempotency_key_by_another_name(fields: Any) -> None:
    assert requests.parse_add("text", {"user_id": "ann", **fields}, LIMITS).call.idempotency_key == "k"
    assert requests.parse_update(MEMORY_ID, {"text": "text", **fields}, LIMITS).call.idempotency_key == "k"
    assert requests.parse_delete_all({"user_id": "ann", **fields}, LIMITS).call.idempotency_key == "k"
    assert requests.parse_purge({"user_id": "ann", **fields}, LIMITS).call.idempotency_key == "k"


@pytest.mark.parametrize(
    "fields",
    [
        {"idempotency_key": "k", "operation_id": "other"},
        {"idempotency_key": "k", "operation_id": ""},
        {"operation_id": 5},
        {"operation_id": " "},
        {"idempotency_key": "a\nb"},
        {"operation_id": "a\x1bb"},
    ],
)
def test_a_key_that_is_none_or_two_is_refused(fields: Any) -> None:
    with pytest.raises(InvalidInput):
        requests.parse_add("text", {"user_id": "ann", **fields}, LIMITS)


def test_a_read_takes_no_key() -> None:
    with pytest.raises(InvalidInput):
        requests.parse_list({"user_id": "ann", "operation_id": "k"}, LIMITS)


def test_a_purge_names_one_memory_or_a_scope() -> None:
    assert requests.parse_purge({"memory_id": MEMORY_ID.upper()}, LIMITS).target == MEMORY_ID
    found = requests.parse_purge({"user_id": "ann", "run_id": "r", "memory_id": None}, LIMITS)
    assert found.target == Scope(user_id="ann", run_id="r")


@pytest.mark.parametrize(
    "fields",
    [
        {},
        {"user_id": None},
        {"user_id": "*"},
        {"memory_id": "no id"},
        {"memory_id": ""},
        {"memory_id": MEMORY_ID, "user_id": "ann"},
        {"user_id": "ann", "filters": {}},
    ],
)
def test_a_purge_of_everything_or_of_two_things_is_refused(fields: Any) -> None:
    with pytest.raises(InvalidInput):
        requests.parse_purge(fields, LIMITS)


@pytest.mark.parametrize("state", [None, *OperationState])
def test_operations_are_asked_for_by_state_and_scope(state: Any) -> None:
    request = requests.parse_operations({"state": state, "agent_id": "helper", "page": 2}, LIMITS)
    assert (request.state, request.scope, request.page) == (state, Scope(agent_id="helper"), 2)
    assert requests.parse_operations({}, LIMITS).scope is None


@pytest.mark.parametrize(
    "fields", [{"state": "DONE"}, {"state": ["FAILED"]}, {"user_id": "*"}, {"page": 0}, {"limit": 1}]
)
def test_what_says_nothing_of_operations_is_refused(fields: Any) -> None:
    with pytest.raises(InvalidInput):
        requests.parse_operations(fields, LIMITS)


@pytest.mark.parametrize("kind", [OperationKind.UPDATE, OperationKind.DELETE])
def test_whose_the_memory_is_makes_no_other_request(kind: OperationKind) -> None:
    version = MemoryVersion(MEMORY_ID, DEFAULT_PROJECT, Scope(user_id="ann"), "text", 1, 1, 0, 0, name="Ann")
    body = ingest.delete_body(MEMORY_ID)
    known = ingest.about(body, version)
    assert (known["name"], known["scope"]) == ("Ann", {"user_id": "ann"})
    assert ingest.request_hash(kind, known) == ingest.request_hash(kind, body)


def test_the_scope_of_an_add_or_a_purge_makes_another_request() -> None:
    hashes = {
        ingest.request_hash(kind, {"scope": {"user_id": user}})
        for kind in (OperationKind.ADD, OperationKind.DELETE_ALL, OperationKind.PURGE)
        for user in ("ann", "bob")
    }
    assert len(hashes) == 6
