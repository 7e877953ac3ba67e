"""What every ledger does: one suite over SQLite in a file and in memory, and over PostgreSQL where one is named."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from engine import ids
from engine.errors import Conflict, NotFound, StaleEpoch
from engine.filters import Everything, parse
from engine.ledger.store import SqlLedger
from engine.ledger_port import (
    Accept,
    AcceptAndCommit,
    Commit,
    DeleteEvent,
    DeleteScopeEvent,
    Fail,
    OperationKind,
    Plan,
    Unchanged,
    UpdateEvent,
)
from engine.types import BlockKey, Entity, OperationState, Scope
from tests.conformance.ledger_writer import DAY_US, KINDS, NOTHING, Writer, needs_postgres, owned, shard_on_postgres


@pytest.fixture(params=KINDS)
async def writer(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Writer]:
    async with owned(request.param, tmp_path) as writer:
        yield writer


async def test_an_accepted_operation_is_open_until_it_is_committed(writer: Writer) -> None:
    operation = writer.operation()
    accepted = (await writer.do(Accept(operation)))[0].operation
    assert accepted is not None
    assert (accepted.seq, accepted.state) == (1, OperationState.PENDING)
    assert [one.id for one in await writer.ledger.unfinished()] == [operation.id]
    done = (await writer.do(Commit(operation.id, writer.adding(operation, "tea"))))[0].operation
    assert done is not None
    assert done.state is OperationState.SUCCEEDED
    assert await writer.ledger.unfinished() == []
    stored = await writer.ledger.operation("p", operation.id)
    assert stored is not None
    assert (stored.state, stored.request, stored.result) == (done.state, operation.request, done.result)
    assert await writer.ledger.operation("another project", operation.id) is None


async def test_an_operation_is_found_by_the_name_that_its_caller_gave_it(writer: Writer) -> None:
    named, other = writer.operation(key="chat-1"), writer.operation()
    await writer.do(Accept(named), Accept(other))
    found = await writer.ledger.operation_named("p", "chat-1")
    assert found is not None
    assert (found.id, found.idempotency_key, found.state) == (named.id, "chat-1", OperationState.PENDING)
    assert await writer.ledger.operation_named("p", "chat-") is None
    assert await writer.ledger.operation_named("p", other.id) is None
    assert await writer.ledger.operation_named("another project", "chat-1") is None


async def test_a_version_comes_back_as_it_went_in(writer: Writer) -> None:
    (memory_id,) = await writer.add("tea", scope=Scope(user_id="ann", run_id="r"))
    found = (await writer.ledger.get("p", [memory_id]))[0]
    assert found is not None
    assert (found.text, found.role, found.version, found.live_from) == ("tea", "user", 1, 1)
    assert found.scope == Scope(user_id="ann", run_id="r")
    assert found.metadata == {"deep": {"list": [1, None, "é"]}}
    assert found.entities == (Entity("Ann", "person"),)


async def test_commands_sent_again_change_nothing_and_answer_the_same(writer: Writer) -> None:
    operation = writer.operation()
    plan = writer.adding(operation, "tea")
    first = await writer.do(Accept(operation), Commit(operation.id, plan))
    again = await writer.do(Accept(operation), Commit(operation.id, plan), AcceptAndCommit(operation, plan))
    assert [written.fresh for written in again] == [False, False, False]
    assert all(written.operation == first[1].operation for written in again)
    assert (await writer.ledger.status())["position"] == 1


async def test_the_same_memory_is_stored_once(writer: Writer) -> None:
    operation = writer.operation()
    written = await writer.do(AcceptAndCommit(operation, writer.adding(operation, "tea", "coffee", " tea ")))
    assert written[0].operation is not None
    assert written[0].operation.result is not None
    rows = written[0].operation.result["results"]
    assert [(row["event"], row["message_index"]) for row in rows] == [("ADD", 0), ("ADD", 1), ("NONE", 2)]
    assert rows[0]["id"] == rows[2]["id"] == (await writer.add("tea"))[0]
    assert (await writer.ledger.status())["memories"] == 2


async def test_what_was_deleted_may_be_added_anew(writer: Writer) -> None:
    (first,) = await writer.add("tea")
    await writer.change(DeleteEvent(first))
    (second,) = await writer.add("tea")
    assert first != second


async def test_an_operation_that_breaks_a_rule_fails_alone(writer: Writer) -> None:
    good, bad = writer.operation(), writer.operation(OperationKind.DELETE)
    await writer.do(Accept(bad), Accept(good))
    missing = ids.memory_id(b"x", good.id, 9)
    written = await writer.do(
        Commit(bad.id, Plan((DeleteEvent(missing),), NOTHING)), Commit(good.id, writer.adding(good, "tea"))
    )
    assert written[0].operation is not None
    assert written[0].operation.state is OperationState.FAILED
    assert written[0].operation.error is not None
    assert written[0].operation.error["code"] == "not_found"
    assert written[1].operation is not None
    assert written[1].operation.state is OperationState.SUCCEEDED


async def test_half_a_plan_never_stays(writer: Writer) -> None:
    operation = writer.operation()
    plan = writer.adding(operation, "tea")
    torn = replace(plan, events=(*plan.events, DeleteEvent(ids.memory_id(b"x", operation.id, 9))))
    written = (await writer.do(AcceptAndCommit(operation, torn)))[0]
    assert isinstance(written.error, NotFound)
    assert await writer.ledger.operation("p", operation.id) is None
    assert (await writer.ledger.status())["memories"] == 0
    assert (await writer.ledger.changes(0, 10)).changes == ()
    assert len(await writer.add("tea")) == 1


async def test_an_update_keeps_what_it_does_not_name(writer: Writer) -> None:
    (memory_id,) = await writer.add("tea")
    await writer.change(UpdateEvent(memory_id, frozenset({"metadata"}), metadata={"a": 1}))
    vector = np.ones((1, 4), dtype=np.float32)
    await writer.change(UpdateEvent(memory_id, frozenset({"text"}), text="coffee", row=0), vector)
    found = (await writer.ledger.get("p", [memory_id]))[0]
    assert found is not None
    assert (found.text, found.metadata, found.version) == ("coffee", {"a": 1}, 3)
    stream = await writer.ledger.changes(0, 10)
    assert [change.kind.value for change in stream.changes] == ["ADD", "UPDATE", "UPDATE"]
    np.testing.assert_array_equal(stream.vectors, [[0, 1, 2, 3], [0, 1, 2, 3], [1, 1, 1, 1]])


async def test_an_update_to_a_text_that_exists_is_a_conflict(writer: Writer) -> None:
    tea, coffee = await writer.add("tea", "coffee")
    written = await writer.change(
        UpdateEvent(coffee, frozenset({"text"}), text="tea", row=0), np.ones((1, 4), dtype=np.float32)
    )
    assert isinstance(written.error, Conflict)
    assert written.error.details == {"memory_id": tea}


async def test_history_shows_every_version_in_order(writer: Writer) -> None:
    (memory_id,) = await writer.add("tea")
    vector = np.ones((1, 4), dtype=np.float32)
    await writer.change(UpdateEvent(memory_id, frozenset({"text"}), text="coffee", row=0), vector)
    await writer.change(DeleteEvent(memory_id))
    history = await writer.ledger.history("p", memory_id)
    seen = [(e.kind.value, e.before and e.before.text, e.after and e.after.text) for e in history]
    assert seen == [("ADD", None, "tea"), ("UPDATE", "tea", "coffee"), ("DELETE", "coffee", None)]
    assert await writer.ledger.history("another project", memory_id) == []


async def test_a_delete_by_scope_takes_that_scope_and_nothing_else(writer: Writer) -> None:
    await writer.add("one", scope=Scope(user_id="ann", agent_id="x"))
    await writer.add("two", scope=Scope(user_id="bob", agent_id="x"))
    await writer.add("three", scope=Scope(user_id="bob"))
    written = await writer.change(DeleteScopeEvent(Scope(agent_id="x")))
    assert written.operation is not None
    assert written.operation.result is not None
    assert written.operation.result["count"] == 2
    page = await writer.ledger.page("p", Everything(), 0, 10)
    assert [version.text for version in page.versions] == ["three"]


async def test_a_key_has_one_effect_until_it_expires(writer: Writer) -> None:
    first = writer.operation(key="k")
    await writer.do(AcceptAndCommit(first, writer.adding(first, "tea")))
    again = writer.operation(key="k")
    replayed = (await writer.do(AcceptAndCommit(again, writer.adding(again, "tea"))))[0]
    assert replayed.operation is not None
    assert (replayed.operation.id, replayed.fresh) == (first.id, False)
    other = replace(writer.operation(key="k"), request_hash=b"another")
    assert isinstance((await writer.do(Accept(other)))[0].error, Conflict)
    elsewhere = replace(writer.operation(key="k"), project="q")
    assert (await writer.do(Accept(elsewhere)))[0].fresh
    next_day = replace(writer.operation(key="k", at_us=2 + DAY_US), request_hash=b"another")
    assert (await writer.do(Accept(next_day)))[0].fresh


async def test_a_precondition_that_no_longer_holds_stops_the_commit_and_another_plan_may_fit(writer: Writer) -> None:
    (memory_id,) = await writer.add("tea")
    operation = writer.operation()
    await writer.do(Accept(operation))
    await writer.change(UpdateEvent(memory_id, frozenset({"metadata"}), metadata={"a": 1}))
    plan = replace(writer.adding(operation, "coffee"), requires=(Unchanged(memory_id, 1),))
    refused = (await writer.do(Commit(operation.id, plan)))[0]
    assert refused.operation is not None
    assert (refused.operation.state, type(refused.error)) == (OperationState.PENDING, Conflict)
    done = (await writer.do(Commit(operation.id, replace(plan, requires=(Unchanged(memory_id, 2),)))))[0].operation
    assert done is not None
    assert done.state is OperationState.SUCCEEDED


async def test_a_failed_operation_stays_failed(writer: Writer) -> None:
    operation = writer.operation()
    await writer.do(Accept(operation), Fail(operation.id, {"code": "invalid_input", "message": "m", "details": {}}))
    later = (await writer.do(Commit(operation.id, writer.adding(operation, "tea"))))[0].operation
    assert later is not None
    assert later.state is OperationState.FAILED
    assert (await writer.ledger.status())["memories"] == 0


async def test_an_owner_whose_epoch_is_over_changes_nothing(writer: Writer) -> None:
    newer = await writer.ledger.open()
    assert newer.epoch == writer.owner.epoch + 1
    assert newer.secret == writer.owner.secret
    with pytest.raises(StaleEpoch):
        await writer.do(Accept(writer.operation()))
    assert await writer.ledger.unfinished() == []


async def test_pages_are_newest_first_stable_and_counted(writer: Writer) -> None:
    for number in range(7):
        await writer.add(f"fact {number}", at_us=number // 2)
    node = parse({"user_id": "ann"})
    pages = [await writer.ledger.page("p", node, offset, 3) for offset in (0, 3, 6)]
    assert [page.count for page in pages] == [7, 7, 7]
    texts = [version.text for page in pages for version in page.versions]
    assert sorted(texts) == [f"fact {number}" for number in range(7)]
    assert texts[0] == "fact 6"


@pytest.mark.parametrize(
    ("raw", "expected"),
    [
        ({"user_id": "ann"}, {"a", "ab"}),
        ({"agent_id": "x"}, {"ab", "b"}),
        ({"user_id": "*"}, {"a", "ab"}),
        ({"OR": [{"user_id": "ann"}, {"agent_id": "x"}]}, {"a", "ab", "b"}),
        ({"user_id": "ann", "NOT": {"agent_id": "x"}}, {"a"}),
        ({"user_id": {"in": ["ann", "bob"]}, "text": {"contains": "b"}}, {"ab"}),
        ({"user_id": "x' OR '1'='1"}, set()),
    ],
)
async def test_pages_keep_to_the_filter(writer: Writer, raw: dict[str, object], expected: set[str]) -> None:
    await writer.add("a", scope=Scope(user_id="ann"))
    await writer.add("ab", scope=Scope(user_id="ann", agent_id="x"))
    await writer.add("b", scope=Scope(agent_id="x"))
    page = await writer.ledger.page("p", parse(raw), 0, 10)
    assert {version.text for version in page.versions} == expected
    assert page.count == len(expected)
    assert (await writer.ledger.page("q", parse(raw), 0, 10)).count == 0


async def test_a_block_holds_the_live_memories_of_a_scope_with_their_vectors(writer: Writer) -> None:
    tea, coffee = await writer.add("tea", "coffee", scope=Scope(user_id="ann", agent_id="x"))
    await writer.add("else", scope=Scope(user_id="bob"))
    await writer.change(DeleteEvent(tea))
    for key in (BlockKey("p", "user_id", "ann"), BlockKey("p", "agent_id", "x")):
        block = await writer.ledger.block(key)
        assert [version.memory_id for version in block.versions] == [coffee]
        assert block.position == 4
        np.testing.assert_array_equal(block.vectors, [[4, 5, 6, 7]])
    assert (await writer.ledger.block(BlockKey("q", "user_id", "ann"))).versions == ()


async def test_changes_come_in_pieces_without_gaps(writer: Writer) -> None:
    await writer.add(*[f"fact {number}" for number in range(5)])
    first = await writer.ledger.changes(0, 3)
    rest = await writer.ledger.changes(first.until, 3)
    none = await writer.ledger.changes(rest.until, 3)
    assert [(batch.after, batch.until) for batch in (first, rest, none)] == [(0, 3), (3, 5), (5, 5)]


async def test_scopes_are_counted_by_kind(writer: Writer) -> None:
    await writer.add("a", scope=Scope(user_id="ann", agent_id="x"), at_us=5)
    await writer.add("b", scope=Scope(user_id="ann"), at_us=7)
    found = {(one.field, one.value): (one.memories, one.created_at_us) for one in await writer.ledger.scopes("p")}
    assert found == {("user_id", "ann"): (2, 5), ("agent_id", "x"): (1, 5)}


async def test_reads_go_on_while_writes_do(writer: Writer) -> None:
    async def reads() -> int:
        return sum([(await writer.ledger.page("p", Everything(), 0, 1)).count >= 0 for _ in range(20)])

    outcomes = await asyncio.gather(reads(), *[writer.add(f"fact {number}") for number in range(20)])
    assert outcomes[0] == 20
    assert (await writer.ledger.status())["memories"] == 20


async def test_the_keys_of_a_list_are_those_of_its_pages(writer: Writer) -> None:
    for number in range(7):
        await writer.add(f"fact {number}", at_us=number // 2)
    for raw in ({"user_id": "ann"}, {"user_id": "ann", "text": {"contains": "fact"}}):
        node = parse(raw)
        page = await writer.ledger.page("p", node, 0, 5)
        keys = await writer.ledger.keys("p", node, 5)
        assert keys.count == page.count == 7
        assert keys.rows == tuple((version.created_at_us, version.memory_id) for version in page.versions)


@needs_postgres
async def test_shards_on_one_server_share_no_tables() -> None:
    first, second = [shard_on_postgres(number) for number in (1, 2)]
    try:
        here, there = Writer(first, await first.open()), Writer(second, await second.open())
        await here.add("tea")
        assert (await first.status())["memories"] == 1
        assert (await second.status())["memories"] == 0
        await there.add("coffee", "chess")
        assert [batch.until for batch in (await first.changes(0, 9), await second.changes(0, 9))] == [1, 2]
    finally:
        await first.close()
        await second.close()


async def test_a_file_outlives_its_process(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'ledger.db'}"
    first = Writer(SqlLedger(url), await SqlLedger(url).open())
    (memory_id,) = await first.add("tea")
    pending = first.operation()
    await first.do(Accept(pending))
    second = SqlLedger(url)
    assert [one.id for one in await second.unfinished()] == [pending.id]
    assert (await second.get("p", [memory_id]))[0] is not None
    await first.ledger.close()
    await second.close()
