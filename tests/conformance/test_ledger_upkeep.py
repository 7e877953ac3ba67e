"""What upkeep asks of every ledger: lists of operations, live rows, digests of them, and whether it is sound."""

from __future__ import annotations

import sqlite3
from collections.abc import AsyncIterator
from contextlib import closing
from pathlib import Path

import numpy as np
import pytest

from engine import ids
from engine.digests import graph_digest, vector_digest
from engine.ledger import codec
from engine.ledger.store import SqlLedger
from engine.ledger_port import Accept, AcceptAndCommit, DeleteEvent, Fail, OperationKind, UpdateEvent
from engine.types import OperationState, Scope
from tests.conformance.ledger_writer import ANN, KINDS, Writer, owned

EVERY = frozenset(OperationState)
ONE = np.ones((1, 4), dtype=np.float32)


@pytest.fixture(params=KINDS)
async def writer(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Writer]:
    async with owned(request.param, tmp_path) as writer:
        yield writer


async def listed(writer: Writer, scope: Scope | None = None, states: frozenset[OperationState] = EVERY) -> list[str]:
    page = await writer.ledger.operations("p", scope, states, 0, 100)
    assert page.count == len(page.operations)
    return [operation.id for operation in page.operations]


async def test_operations_are_listed_newest_first_without_claims_and_parts(writer: Writer) -> None:
    old, new, twin = (writer.operation(at_us=at) for at in (1, 3, 3))
    claim = writer.operation(OperationKind.CLAIM, key="c", at_us=4)
    whole = writer.operation(OperationKind.DELETE_ALL, at_us=2, request={"scope": {"agent_id": "x"}, "parts": 2})
    part = writer.operation(OperationKind.DELETE_ALL, at_us=2, request={"scope": {"agent_id": "x"}, "parts": 0})
    await writer.do(*[Accept(one) for one in (new, old, claim, whole, part, twin)])
    assert await listed(writer) == [*sorted([new.id, twin.id], reverse=True), whole.id, old.id]
    assert await writer.ledger.operations("q", None, EVERY, 0, 9) == await writer.ledger.operations(
        "p", None, frozenset(), 0, 9
    )
    pages = [await writer.ledger.operations("p", None, EVERY, offset, 3) for offset in (0, 3, 6)]
    assert [(page.count, len(page.operations)) for page in pages] == [(4, 3), (4, 1), (4, 0)]


async def test_operations_are_listed_by_state(writer: Writer) -> None:
    waiting, failed, done = (writer.operation() for _ in range(3))
    await writer.do(Accept(waiting), Accept(failed), Fail(failed.id, {"code": "invalid_input", "message": "no"}))
    await writer.do(AcceptAndCommit(done, writer.adding(done, "tea")))
    for state, expected in (("PENDING", [waiting]), ("FAILED", [failed]), ("SUCCEEDED", [done]), ("RUNNING", [])):
        assert await listed(writer, states=frozenset({OperationState(state)})) == [one.id for one in expected]
    both = frozenset({OperationState.PENDING, OperationState.FAILED})
    assert set(await listed(writer, states=both)) == {waiting.id, failed.id}


async def test_operations_are_listed_by_scope_whoever_owns_their_lane(writer: Writer) -> None:
    both, bob, agent = Scope(user_id="ann", agent_id="x"), Scope(user_id="bob", agent_id="xx"), Scope(agent_id="x")

    def asked(scope: Scope, kind: OperationKind = OperationKind.ADD) -> Accept:
        request = {"scope": scope.ids(), "messages": []}
        return Accept(writer.operation(kind, request=request, lane=ids.routing_key("p", scope), at_us=writer.made))

    add, other, alone = asked(both), asked(bob), asked(agent)
    sweep = Accept(writer.operation(OperationKind.DELETE_ALL, request={"scope": agent.ids()}, lane=None, at_us=3))
    older = Accept(writer.operation(OperationKind.DELETE, request={"memory_id": "m"}, at_us=4))
    await writer.do(add, other, alone, sweep, older)
    a, o, s, w, d = (one.operation.id for one in (add, other, alone, sweep, older))
    assert await listed(writer, ANN) == [d, a]
    assert await listed(writer, Scope(user_id="bob")) == [o]
    assert await listed(writer, agent) == [w, s, a]
    assert await listed(writer, both) == [a]
    assert await listed(writer, Scope(user_id="ann", run_id="r")) == []
    assert await listed(writer, Scope(run_id="r")) == []


async def test_live_rows_come_by_id_in_stretches_of_all_projects(writer: Writer) -> None:
    made = [(await writer.add(f"fact {number}"))[0] for number in range(5)]
    await writer.change(DeleteEvent(made[2]))
    left = sorted(set(made) - {made[2]})
    first = await writer.ledger.live("", 3)
    rest = await writer.ledger.live(first.versions[-1].memory_id, 3)
    assert [version.memory_id for version in (*first.versions, *rest.versions)] == left
    assert (first.position, first.vectors.shape, rest.vectors.shape) == (6, (3, 4), (1, 4))
    nothing = await writer.ledger.live(left[-1], 3)
    assert (nothing.versions, len(nothing.vectors)) == ((), 0)


async def test_rows_of_what_is_not_live_are_left_out(writer: Writer) -> None:
    tea, coffee, water = await writer.add("tea", "coffee", "water")
    await writer.change(DeleteEvent(coffee))
    missing = ids.memory_id(b"x", writer.operation().id, 9)
    found = await writer.ledger.rows([water, missing, coffee, tea, water])
    assert [version.memory_id for version in found.versions] == sorted([tea, water])
    by_id = dict(zip([version.memory_id for version in found.versions], found.vectors, strict=True))
    np.testing.assert_array_equal(by_id[water], [8, 9, 10, 11])
    assert (await writer.ledger.rows([])).versions == ()
    assert len((await writer.ledger.rows([tea] * 1500 + [water])).versions) == 2


async def test_an_audit_has_the_digests_of_the_same_rows(writer: Writer) -> None:
    tea, _, _ = await writer.add("tea", "coffee", "water")
    await writer.change(UpdateEvent(tea, frozenset({"text"}), text="green tea", row=0), ONE)
    rows = await writer.ledger.live("", 2)
    audit = await writer.ledger.audit("", 2)
    assert audit.position == rows.position == 4
    for row, version, vector in zip(audit.rows, rows.versions, rows.vectors, strict=True):
        assert (row.memory_id, row.position) == (version.memory_id, version.live_from)
        assert (row.vector, row.graph) == (vector_digest(version, vector), graph_digest(version))
    unread = {row.memory_id: row.graph for row in (await writer.ledger.audit("", 9)).rows}
    assert unread[tea] is None, "nobody has named the entities of the new text"
    assert sum(graph is None for graph in unread.values()) == 1


async def test_a_ledger_with_everything_in_it_is_sound(writer: Writer) -> None:
    tea, coffee = await writer.add("tea", "coffee")
    await writer.change(UpdateEvent(tea, frozenset({"text"}), text="green tea", row=0), ONE)
    await writer.change(DeleteEvent(coffee))
    await writer.add("green tea", "water")
    await writer.purge(tea)
    await writer.do(Accept(writer.operation()))
    assert await writer.ledger.check() == []


async def test_an_empty_ledger_is_sound(writer: Writer) -> None:
    assert await writer.ledger.check() == []


DAMAGES = [
    ("UPDATE shard SET position = 9", "at position 9, its last event at 4"),
    ("DELETE FROM events WHERE position = 2", "not 1 to 3 without gaps"),
    ("DELETE FROM versions WHERE text = 'tea'", "its events made versions 1 to 1, there are none"),
    ("DELETE FROM events WHERE position = 4", "is live from 3 to 4; by its events from 3 to None"),
    ("UPDATE versions SET live_to = 4 WHERE text = 'coffee'", "is live from 2 to 4; by its events from 2 to None"),
    ("UPDATE versions SET live_to = NULL, fingerprint = 'x' WHERE text = 'water'", "from 3 to 4"),
    ("UPDATE versions SET operation_id = 'else' WHERE text = 'coffee'", "names operation else"),
    ("UPDATE versions SET text = 'tee' WHERE text = 'coffee'", "its fingerprint isn't that of its text"),
    ("UPDATE versions SET vector = 'abcd' WHERE text = 'coffee'", "its vector has"),
    ("UPDATE versions SET fingerprint = NULL WHERE text = 'coffee'", "is erased; its events say otherwise"),
    ("UPDATE events SET kind = 'PURGE' WHERE position = 4", "is not erased; its events say otherwise"),
    ("UPDATE events SET kind = 'UPDATE' WHERE position = 1", "its UPDATE of version 1 at 1 can't be"),
    ("UPDATE operations SET state = 'PENDING' WHERE kind = 'DELETE'", "which has not succeeded"),
    ("UPDATE events SET operation_id = 'nobody' WHERE position = 2", "is of operation nobody"),
]


@pytest.mark.parametrize(("damage", "said"), DAMAGES, ids=[said for _, said in DAMAGES])
async def test_what_contradicts_itself_is_said(tmp_path: Path, damage: str, said: str) -> None:
    problems = await tampered(tmp_path, damage)
    assert any(said in problem for problem in problems), problems


async def test_a_result_that_names_a_memory_that_never_was_is_said(tmp_path: Path) -> None:
    result = codec.pack({"results": [{"id": "phantom"}]})
    problems = await tampered(tmp_path, "UPDATE operations SET result = ? WHERE kind = 'DELETE'", result)
    assert any("names memory phantom, which is not there" in problem for problem in problems)


async def test_an_operation_that_was_overtaken_in_its_lane_is_said(tmp_path: Path) -> None:
    problems = await tampered(
        tmp_path,
        "INSERT INTO operations (seq, id, project, kind, lane, state, request, request_hash, created_at_us)"
        " SELECT 0, 'slow', project, kind, lane, 'PENDING', request, request_hash, 1 FROM operations LIMIT 1",
    )
    assert [problem for problem in problems if "before slow, which was accepted earlier in its lane" in problem]


async def test_of_very_many_contradictions_the_first_are_said(tmp_path: Path) -> None:
    numbers = "WITH RECURSIVE n(x) AS (SELECT 5 UNION ALL SELECT x + 1 FROM n WHERE x < 99)"
    problems = await tampered(
        tmp_path, f"INSERT INTO events {numbers} SELECT x, 'DELETE', 'm' || x, 1, 'p', 1, 'nobody', NULL FROM n"
    )
    assert (len(problems), problems[-1]) == (51, "and more")


async def tampered(directory: Path, damage: str, *values: bytes) -> list[str]:
    """What a sound ledger of three memories, the last of which is deleted, says of itself after that."""
    path = directory / "ledger.db"
    now_us = 100
    ledger = SqlLedger(f"sqlite:///{path}", clock=lambda: now_us)
    try:
        writer = Writer(ledger, await ledger.open())
        made = [(await writer.add(fact))[0] for fact in ("tea", "coffee", "water")]
        await writer.change(DeleteEvent(made[-1]))
        assert await ledger.check() == []
        with closing(sqlite3.connect(path, isolation_level=None)) as connection:
            connection.execute(damage, values)
        now_us += 120_000_000
        return await ledger.check()
    finally:
        await ledger.close()
