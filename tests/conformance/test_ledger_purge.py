"""What a purge leaves in every ledger, and what the keys, the history and the stream of changes then say."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from engine import ids
from engine.errors import Conflict, NotFound, Purged
from engine.ledger.store import SqlLedger
from engine.ledger_port import (
    Accept,
    AcceptAndCommit,
    Commit,
    DeleteEvent,
    DeleteScopeEvent,
    Fail,
    Feedback,
    Forget,
    OperationKind,
    Plan,
    PurgeEvent,
    Rating,
    Retry,
    UpdateEvent,
)
from engine.types import EventKind, OperationState, Scope
from tests.conformance.ledger_writer import ANN, DAY_US, KINDS, LANE, NOTHING, Writer, owned, result_of

ONE = np.ones((1, 4), dtype=np.float32)
TEXT = frozenset({"text"})


@pytest.fixture(params=KINDS)
async def writer(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Writer]:
    async with owned(request.param, tmp_path) as writer:
        yield writer


async def sound(writer: Writer) -> bool:
    return await writer.ledger.check() == []


async def replayed(writer: Writer) -> dict[str, str]:
    """What an index holds that has applied every change from the first one on, in small pieces."""
    held: dict[str, str] = {}
    after = 0
    while (batch := await writer.ledger.changes(after, 2)).changes:
        assert len(batch.vectors) == sum(change.version is not None for change in batch.changes)
        for change in batch.changes:
            if change.version is None:
                held.pop(change.memory_id, None)
            else:
                held[change.memory_id] = change.version.text
        after = batch.until
    return held


async def test_a_purged_memory_is_gone_and_is_known_to_have_been(writer: Writer) -> None:
    tea, coffee = await writer.add("tea", "coffee")
    answer = await writer.purge(tea)
    assert (answer["count"], answer["results"], answer["position"]) == (1, [], 3)
    assert await writer.ledger.get("p", [tea, coffee]) != [None, None]
    assert (await writer.ledger.get("p", [tea]))[0] is None
    assert await writer.ledger.purged("p", tea)
    assert not await writer.ledger.purged("p", coffee)
    assert not await writer.ledger.purged("another project", tea)
    assert await sound(writer)


async def test_what_was_thought_of_a_purged_memory_goes_with_it(writer: Writer) -> None:
    tea, coffee = await writer.add("tea", "coffee")
    epoch = writer.owner.epoch
    for memory_id in (tea, coffee):
        given = Feedback(memory_id, Rating.NEGATIVE, f"not {memory_id}", 1)
        assert await writer.ledger.put_feedback(epoch, "p", memory_id, given)
    await writer.purge(tea)
    left = await writer.ledger.feedback("p", None, 10)
    assert (left.count, [row.memory_id for row in left.rows]) == (1, [coffee])
    assert not await writer.ledger.put_feedback(epoch, "p", tea, Feedback(tea, Rating.NEGATIVE, "tea", 2))


async def test_the_history_of_a_purged_memory_has_times_and_no_text(writer: Writer) -> None:
    (memory_id,) = await writer.add("tea")
    await writer.change(UpdateEvent(memory_id, TEXT, text="coffee", row=0), ONE)
    await writer.change(DeleteEvent(memory_id))
    await writer.purge(memory_id)
    history = await writer.ledger.history("p", memory_id)
    assert [event.kind.value for event in history] == ["ADD", "UPDATE", "DELETE", "PURGE"]
    assert [event.position for event in history] == [1, 2, 3, 4]
    assert all(event.before is None and event.after is None for event in history)
    assert await sound(writer)


async def test_an_index_that_begins_anew_gets_what_is_live_and_nothing_that_was_purged(writer: Writer) -> None:
    tea, coffee, water = await writer.add("tea", "coffee", "water")
    await writer.change(UpdateEvent(tea, TEXT, text="green tea", row=0), ONE)
    await writer.change(DeleteEvent(coffee))
    for memory_id in (tea, coffee):
        await writer.purge(memory_id)
    (again,) = await writer.add("tea")
    assert await replayed(writer) == {water: "water", again: "tea"}
    live = await writer.ledger.live("", 10)
    assert {version.memory_id: version.text for version in live.versions} == await replayed(writer)
    stream = await writer.ledger.changes(0, 100)
    purges = [change for change in stream.changes if change.kind is EventKind.PURGE]
    assert [(change.memory_id, change.version) for change in purges] == [(tea, None), (coffee, None)]


async def test_a_purge_is_pushed_as_a_change_without_a_version(writer: Writer) -> None:
    (memory_id,) = await writer.add("tea")
    purge = writer.operation(OperationKind.PURGE, request={"memory_id": memory_id}, lane=LANE)
    command = AcceptAndCommit(purge, Plan((PurgeEvent(memory_id),), NOTHING))
    answer = await writer.ledger.write(writer.owner.epoch, [command])
    pushed = [(one.position, one.kind, one.memory_id, one.project, one.version) for one in answer.changes.changes]
    assert pushed == [(2, EventKind.PURGE, memory_id, "p", None)]


async def test_a_key_that_made_or_changed_or_met_a_purged_memory_is_gone_whatever_it_now_asks(writer: Writer) -> None:
    (memory_id,) = await writer.add("tea", key="added")
    await writer.add("tea", key="met")
    await writer.change(UpdateEvent(memory_id, TEXT, text="coffee", row=0), ONE, key="changed")
    await writer.add("water", key="another")
    await writer.change(DeleteEvent(memory_id), key="deleted")
    answer = await writer.purge(memory_id, key="purged")
    assert answer["keys"] == ["added", "changed", "deleted", "met"]
    for key in answer["keys"]:
        for request_hash in (b"hash", b"another"):
            again = replace(writer.operation(key=key), request_hash=request_hash)
            assert isinstance((await writer.do(Accept(again)))[0].error, Purged)
    assert (await writer.do(Accept(writer.operation(key="another"))))[0].error is None


async def test_what_is_left_of_an_operation_that_was_erased_says_nothing(writer: Writer) -> None:
    operation = writer.operation(key="k", request={"messages": [["user", "tea", None, None]], "parts": 3})
    made = result_of((await writer.do(AcceptAndCommit(operation, writer.adding(operation, "tea"))))[0])
    await writer.purge(made["results"][0]["id"])
    left = await writer.ledger.operation("p", operation.id)
    assert left is not None
    assert (left.request, left.result) == ({"parts": 3}, {"purged": True, "results": []})
    assert (left.lane, left.request_hash, left.idempotency_key) == (None, b"", "k")
    assert left.state is OperationState.SUCCEEDED


async def test_failed_attempts_to_write_the_text_are_erased_with_it(writer: Writer) -> None:
    tea, coffee = await writer.add("tea", "coffee")
    failing = [
        writer.operation(OperationKind.UPDATE, request={"memory_id": tea, "given": {"text": "green tea"}}),
        writer.operation(OperationKind.UPDATE, request={"memory_id": coffee, "given": {"text": "tea"}}),
        writer.operation(request={"messages": [["user", " tea ", None, None]], "scope": {"user_id": "ann"}}),
        writer.operation(request={"messages": [["user", "teapot", None, None]], "scope": {"user_id": "ann"}}),
    ]
    await writer.do(*[Accept(operation) for operation in failing])
    clash = Plan((UpdateEvent(coffee, TEXT, text="tea", row=0),), ONE)
    error = {"code": "invalid_input", "message": "no", "details": {"said": "tea"}}
    first, second, third, other = [operation.id for operation in failing]
    await writer.do(Fail(first, error), Commit(second, clash), Fail(third, error), Fail(other, error))
    await writer.purge(tea)
    left = [await writer.ledger.operation("p", operation.id) for operation in failing]
    assert [operation is not None and operation.request != {} for operation in left] == [False, False, False, True]
    assert [operation and operation.error and operation.error["code"] for operation in left] == [
        "invalid_input",
        "conflict",
        "invalid_input",
        "invalid_input",
    ]
    assert all("details" not in (operation.error or {}) for operation in left[:3] if operation)


async def test_a_purge_by_scope_takes_live_and_ended_memories_and_all_that_was_tried_there(writer: Writer) -> None:
    both, bob = Scope(user_id="ann", agent_id="x"), Scope(user_id="bob", agent_id="x")
    (gone,) = await writer.add("tea", scope=both, key="tea")
    await writer.change(DeleteEvent(gone))
    await writer.add("coffee", scope=bob, key="coffee")
    (kept,) = await writer.add("water", scope=ANN, key="water")
    tried = writer.operation(key="tried", request={"messages": [], "scope": bob.ids()}, lane=ids.routing_key("p", bob))
    await writer.do(Accept(tried), Fail(tried.id, {"code": "invalid_input", "message": "no"}))
    answer = await writer.purge(scope=Scope(agent_id="x"))
    assert (answer["count"], answer["keys"]) == (2, ["coffee", "tea", "tried"])
    assert [version.memory_id for version in (await writer.ledger.live("", 10)).versions] == [kept]
    assert not await writer.ledger.purged("p", kept)
    assert await sound(writer)


async def test_a_users_purge_leaves_nothing_in_the_users_lane(writer: Writer) -> None:
    await writer.add("tea", scope=Scope(user_id="ann", run_id="r"))
    await writer.add("tea", scope=Scope(user_id="bob"))
    await writer.change(DeleteScopeEvent(ANN))
    await writer.purge(scope=ANN)
    page = await writer.ledger.operations("p", ANN, frozenset(OperationState), 0, 10)
    assert page.count == 0
    shown = await writer.ledger.operations("p", None, frozenset(OperationState), 0, 10)
    assert [operation.request for operation in shown.operations if "purged" in operation.request] == [{"purged": 1}]
    assert all("ann" not in str(operation) for operation in shown.operations)


async def test_nothing_of_another_project_is_purged(writer: Writer) -> None:
    (mine,) = await writer.add("tea", key="k")
    elsewhere = replace(writer.operation(OperationKind.PURGE, request={"scope": ANN.ids()}), project="q")
    written = (await writer.do(AcceptAndCommit(elsewhere, Plan((PurgeEvent(scope=ANN),), NOTHING))))[0]
    assert result_of(written)["count"] == 0
    by_id = replace(writer.operation(OperationKind.PURGE, request={"memory_id": mine}), project="q")
    refused = (await writer.do(AcceptAndCommit(by_id, Plan((PurgeEvent(mine),), NOTHING))))[0]
    assert isinstance(refused.error, NotFound)
    assert (await writer.ledger.get("p", [mine]))[0] is not None


async def test_a_purge_of_what_never_was_fails_and_one_of_what_is_purged_finds_nothing(writer: Writer) -> None:
    missing = await writer.change(PurgeEvent(ids.memory_id(b"x", writer.operation().id, 9)))
    assert isinstance(missing.error, NotFound)
    (memory_id,) = await writer.add("tea")
    assert [(await writer.purge(memory_id))["count"] for _ in range(2)] == [1, 0]
    assert (await writer.purge(scope=ANN))["count"] == 0
    assert await sound(writer)


async def test_a_purged_text_may_be_added_anew_and_is_another_memory(writer: Writer) -> None:
    (first,) = await writer.add("tea")
    await writer.purge(first)
    (second,) = await writer.add("tea")
    assert second != first
    assert (await writer.purge(scope=ANN))["count"] == 1
    assert await sound(writer)


@pytest.mark.parametrize("kind", [OperationKind.UPDATE, OperationKind.DELETE])
async def test_what_waited_while_its_memory_was_purged_fails_and_is_erased(writer: Writer, kind: OperationKind) -> None:
    (memory_id,) = await writer.add("tea")
    late = writer.operation(kind, key="late", request={"memory_id": memory_id, "given": {"text": "coffee"}})
    await writer.do(Accept(late))
    await writer.purge(memory_id)
    event = UpdateEvent(memory_id, TEXT, text="c", row=0) if kind is OperationKind.UPDATE else DeleteEvent(memory_id)
    done = (await writer.do(Commit(late.id, Plan((event,), ONE))))[0].operation
    assert done is not None
    assert done.error is not None
    assert (done.state, done.error["code"], done.request) == (OperationState.FAILED, "purged", {})
    assert isinstance((await writer.do(Accept(writer.operation(key="late"))))[0].error, Purged)


async def test_a_purge_sent_again_answers_the_same_and_its_key_stands_for_no_other(writer: Writer) -> None:
    (memory_id,) = await writer.add("tea")
    first = await writer.purge(memory_id, key="k")
    again = await writer.change(PurgeEvent(memory_id), key="k")
    assert (again.fresh, result_of(again)) == (False, first)
    other = replace(writer.operation(OperationKind.PURGE, key="k"), request_hash=b"another")
    assert isinstance((await writer.do(Accept(other)))[0].error, Conflict)


async def test_only_a_purge_purges(writer: Writer) -> None:
    (memory_id,) = await writer.add("tea")
    sneaking = writer.operation(OperationKind.DELETE)
    written = (await writer.do(AcceptAndCommit(sneaking, Plan((PurgeEvent(memory_id),), NOTHING))))[0]
    assert written.error is not None
    assert not await writer.ledger.purged("p", memory_id)


async def test_a_failed_operation_is_tried_again_after_what_was_accepted_since(writer: Writer) -> None:
    failed, later = writer.operation(key="k"), writer.operation()
    await writer.do(Accept(failed), Fail(failed.id, {"code": "invalid_input", "message": "no"}), Accept(later))
    written = (await writer.do(Retry("p", failed.id)))[0]
    assert written.fresh
    assert written.operation is not None
    assert (written.operation.state, written.operation.error) == (OperationState.PENDING, None)
    assert [one.id for one in await writer.ledger.unfinished()] == [later.id, failed.id]
    again = (await writer.do(Retry("p", failed.id)))[0]
    assert (again.fresh, again.operation) == (False, written.operation)
    done = (await writer.do(Commit(failed.id, writer.adding(failed, "tea"))))[0]
    assert len(result_of(done)["results"]) == 1
    assert (await writer.do(Retry("p", failed.id)))[0].operation == done.operation
    replay = (await writer.do(Accept(writer.operation(key="k"))))[0].operation
    assert replay is not None
    assert replay.id == failed.id


async def test_no_other_projects_operation_and_no_claim_and_nothing_erased_is_tried_again(writer: Writer) -> None:
    (memory_id,) = await writer.add("tea")
    failed = writer.operation(OperationKind.UPDATE, request={"memory_id": memory_id, "given": {"text": "x"}})
    claim = writer.operation(OperationKind.CLAIM, key="c")
    error = {"code": "invalid_input", "message": "no"}
    await writer.do(Accept(failed), Fail(failed.id, error), Accept(claim), Fail(claim.id, error))
    for project, operation_id in (("q", failed.id), ("p", claim.id), ("p", ids.operation_id(1, b"\xff" * 16))):
        assert isinstance((await writer.do(Retry(project, operation_id)))[0].error, NotFound)
    await writer.purge(memory_id)
    assert isinstance((await writer.do(Retry("p", failed.id)))[0].error, Purged)


async def test_a_forgotten_claim_answers_that_all_was_erased(writer: Writer) -> None:
    claim = writer.operation(OperationKind.CLAIM, key="c", request={"digest": "d"}, lane="key")
    add = writer.operation(key="a")
    await writer.do(AcceptAndCommit(claim, Plan((), NOTHING)), AcceptAndCommit(add, writer.adding(add, "tea")))
    forgotten = await writer.do(Forget("p", ("c", "a", "unknown")), Forget("p", ("c",)), Forget("q", ("c",)))
    assert [(written.operation, written.fresh) for written in forgotten] == [(None, True), (None, False), (None, False)]
    for request_hash in (b"hash", b"another"):
        again = replace(writer.operation(OperationKind.CLAIM, key="c"), request_hash=request_hash)
        assert isinstance((await writer.do(Accept(again)))[0].error, Purged)
    left = await writer.ledger.operation("p", claim.id)
    assert left is not None
    assert (left.request, left.request_hash) == ({}, b"")
    assert (await writer.do(Accept(writer.operation(key="a"))))[0].error is None


async def test_expired_claims_are_gone_after_the_next_start(writer: Writer) -> None:
    made = [writer.operation(OperationKind.CLAIM, key=f"c{at}", at_us=at) for at in (1, 2**60)]
    add = writer.operation(key="a")
    await writer.do(*[AcceptAndCommit(claim, Plan((), NOTHING)) for claim in made])
    await writer.do(AcceptAndCommit(add, writer.adding(add, "tea")))
    memory_id = (await writer.ledger.live("", 1)).versions[0].memory_id
    await writer.purge(memory_id, key="purge")
    await writer.ledger.open()
    left = [await writer.ledger.operation("p", claim.id) for claim in made]
    assert [claim is not None for claim in left] == [False, True]
    page = await writer.ledger.operations("p", None, frozenset(OperationState), 0, 10)
    assert [(one.kind.value, one.request_hash) for one in page.operations] == [("PURGE", b""), ("ADD", b"")]


async def test_an_owner_that_stays_lets_go_of_expired_claims_too(tmp_path: Path) -> None:
    clock = {"us": DAY_US}
    ledger = SqlLedger(f"sqlite:///{tmp_path / 'ledger.db'}", clock=lambda: clock["us"])
    writer = Writer(ledger, await ledger.open())
    claim = writer.operation(OperationKind.CLAIM, key="c", at_us=DAY_US)
    await writer.do(AcceptAndCommit(claim, Plan((), NOTHING)))
    for days, there in ((1.5, True), (2.5, False)):
        clock["us"] = int(days * DAY_US)
        await writer.add(f"tea on day {days}")
        assert (await ledger.operation("p", claim.id) is not None) is there
    await ledger.close()


async def test_the_key_of_an_erased_operation_is_free_when_its_time_is_over(writer: Writer) -> None:
    (memory_id,) = await writer.add("tea", key="k")
    await writer.purge(memory_id)
    next_day = writer.operation(key="k", at_us=2 + DAY_US)
    assert (await writer.do(Accept(next_day)))[0].fresh
