"""Slots and ids."""

import uuid

import pytest

from engine import ids
from engine.errors import InvalidInput
from engine.types import Scope


def test_the_slot_travels_in_the_id() -> None:
    for slot in (0, 1, 2048, 4095):
        operation = ids.operation_id(slot, bytes(range(16)))
        memory = ids.memory_id(b"secret", operation, 3)
        assert ids.slot_in(operation) == ids.slot_in(memory) == slot
        assert uuid.UUID(memory).version == 8
        assert uuid.UUID(memory).variant == uuid.RFC_4122


def test_the_same_operation_makes_the_same_memory_ids_and_another_secret_others() -> None:
    operation = ids.operation_id(7, b"x" * 16)
    assert ids.memory_id(b"s", operation, 0) == ids.memory_id(b"s", operation, 0)
    assert len({ids.memory_id(b"s", operation, n) for n in range(100)}) == 100
    assert ids.memory_id(b"s", operation, 0) != ids.memory_id(b"t", operation, 0)


def test_the_first_id_of_a_scope_routes() -> None:
    assert ids.routing_key("p", Scope(user_id="u", agent_id="a")) == ids.routing_key("p", Scope(user_id="u"))
    assert ids.routing_key("p", Scope(user_id="u")) != ids.routing_key("q", Scope(user_id="u"))
    assert ids.routing_key("p", Scope(user_id="u")) != ids.routing_key("p", Scope(agent_id="u"))
    assert ids.routing_key("p/user_id=x", Scope(user_id="y")) != ids.routing_key("p", Scope(user_id="x/user_id=y"))


@pytest.mark.parametrize("raw", ["", "x", "123", None, 5, "g" * 36, "1" * 1000])
def test_what_is_no_uuid_is_refused(raw: object) -> None:
    with pytest.raises(InvalidInput, match="UUID"):
        ids.canonical_id(raw)


def test_any_spelling_of_a_uuid_is_taken() -> None:
    value = uuid.uuid4()
    assert ids.canonical_id(value.hex.upper()) == str(value)


def test_fingerprints_differ_by_scope_role_name_and_text_but_not_by_white_space_or_form() -> None:
    base = ids.fingerprint(Scope(user_id="u"), "user", None, "café")
    assert base == ids.fingerprint(Scope(user_id="u"), "user", None, "  cafe\u0301 ")
    others = [
        ids.fingerprint(Scope(agent_id="u"), "user", None, "café"),
        ids.fingerprint(Scope(user_id="u", run_id="r"), "user", None, "café"),
        ids.fingerprint(Scope(user_id="u"), "assistant", None, "café"),
        ids.fingerprint(Scope(user_id="u"), "user", "Ann", "café"),
        ids.fingerprint(Scope(user_id="u"), "user", "", "café"),
        ids.fingerprint(Scope(user_id="u"), "user", None, "Café"),
    ]
    assert len({base, *others}) == 7
