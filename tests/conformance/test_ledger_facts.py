"""Messages first, facts later: what every ledger keeps of both, and what a change of one makes of the other."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from engine import ids
from engine.conversations import conversation_of
from engine.errors import Purged
from engine.filters import Everything
from engine.ledger_port import (
    AcceptAndCommit,
    AddEvent,
    Commit,
    DeleteEvent,
    Fail,
    Operation,
    Plan,
    Retry,
    Source,
    Stretch,
    UpdateEvent,
)
from engine.types import Doubt, Flag, Json, OperationState
from tests.conformance.ledger_writer import ANN, KINDS, LANE, NOTHING, Writer, owned, result_of

TEXT = frozenset({"text"})
ONE = np.ones((1, 4), dtype=np.float32)


@pytest.fixture(params=KINDS)
async def writer(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Writer]:
    async with owned(request.param, tmp_path) as writer:
        yield writer


async def said(writer: Writer, *texts: str, key: str | None = None) -> tuple[Operation, list[str]]:
    """An add whose facts are to come, and its messages."""
    asked = {"messages": [["user", text, None, None] for text in texts], "scope": ANN.ids()}
    operation = writer.operation(request=asked, key=key)
    plan = replace(writer.adding(operation, *texts), more=True)
    written = (await writer.do(AcceptAndCommit(operation, plan)))[0]
    return operation, [row["id"] for row in result_of(written)["results"]]


def fact(writer: Writer, operation: Operation, text: str, *sources: Source, number: int = 0) -> AddEvent:
    return AddEvent(
        memory_id=ids.memory_id(writer.owner.secret, operation.id, 1000 + number),
        scope=ANN,
        text=text,
        fingerprint=ids.fingerprint(ANN, None, None, text),
        row=number,
        created_at_us=1,
        message_index=0,
        categories=("home",),
        sources=sources,
    )


async def told(writer: Writer, operation: Operation, *facts: AddEvent, unread: tuple[int, ...] = ()) -> Json:
    plan = Plan(facts, np.ones((len(facts), 4), dtype=np.float32), answer={"unread": list(unread)})
    return result_of((await writer.do(Commit(operation.id, plan)))[0])


async def listed(writer: Writer, **wanted: bool) -> set[str]:
    page = await writer.ledger.page("p", Everything(), 0, 100, **wanted)
    keys = await writer.ledger.keys("p", Everything(), 100, **wanted)
    assert (page.count, [key[1] for key in keys.rows]) == (keys.count, [one.memory_id for one in page.versions])
    return {one.text for one in page.versions}


async def test_messages_are_there_at_once_and_facts_take_their_place_in_lists(writer: Writer) -> None:
    operation, (first, second) = await said(writer, "I moved to Lisbon.", "Fine.")
    assert await listed(writer) == {"I moved to Lisbon.", "Fine."}
    assert await writer.ledger.unfinished() == []
    assert [(one.id, one.lane) for one in await writer.ledger.deferred(0, 10)] == [(operation.id, LANE)]
    assert await writer.ledger.facts_of("p", [first, second]) == {}
    result = await told(writer, operation, fact(writer, operation, "Ann lives in Lisbon.", Source(first, 1)))
    assert [(row["memory"], row["event"], row["sources"]) for row in result["results"]] == [
        ("Ann lives in Lisbon.", "ADD", [first])
    ]
    assert [row["id"] for row in result["messages"]] == [first, second]
    assert await listed(writer) == {"Ann lives in Lisbon.", "Fine."}
    assert await listed(writer, evidence=True) == {"Ann lives in Lisbon.", "Fine.", "I moved to Lisbon."}
    found = await writer.ledger.facts_of("p", [first, second])
    assert {key: [one.text for one in facts] for key, facts in found.items()} == {first: ["Ann lives in Lisbon."]}
    assert found[first][0].categories == ("home",)
    assert await writer.ledger.deferred(0, 10) == []
    assert sum(one.memories for one in await writer.ledger.scopes("p")) == 2
    assert await writer.ledger.check() == []


async def test_what_was_listed_before_the_facts_came_is_listed_as_of_then(writer: Writer) -> None:
    operation, (first,) = await said(writer, "I moved to Lisbon.")
    before = (await writer.ledger.live("", 10)).position
    await told(writer, operation, fact(writer, operation, "Ann lives in Lisbon.", Source(first, 1)))
    then = await writer.ledger.page_at("p", Everything(), before, 0, 10)
    now = await writer.ledger.page_at("p", Everything(), before + 1, 0, 10)
    assert [one.text for one in then.versions] == ["I moved to Lisbon."]
    assert [one.text for one in now.versions] == ["Ann lives in Lisbon."]
    assert await writer.ledger.facts_of("p", [first], before) == {}
    assert set(await writer.ledger.facts_of("p", [first], before + 1)) == {first}


async def test_both_halves_happen_once_however_often_they_are_sent(writer: Writer) -> None:
    operation, (first,) = await said(writer, "I moved to Lisbon.", key="k")
    again = replace(writer.adding(operation, "I moved to Lisbon."), more=True)
    written = (await writer.do(Commit(operation.id, again)))[0]
    assert (written.fresh, written.operation and written.operation.state) == (False, OperationState.RUNNING)
    one = fact(writer, operation, "Ann lives in Lisbon.", Source(first, 1))
    assert await told(writer, operation, one) == await told(writer, operation, one)
    assert await listed(writer, evidence=True) == {"Ann lives in Lisbon.", "I moved to Lisbon."}
    assert (await writer.do(AcceptAndCommit(operation, again)))[0].fresh is False


async def test_messages_that_nobody_could_read_stay_in_the_result_and_in_lists(writer: Writer) -> None:
    operation, (first, second) = await said(writer, "I moved to Lisbon.", "Mumble.")
    one = fact(writer, operation, "Ann lives in Lisbon.", Source(first, 1))
    result = await told(writer, operation, one, unread=(1,))
    assert [row["memory"] for row in result["results"]] == ["Ann lives in Lisbon.", "Mumble."]
    assert result["results"][1]["id"] == second
    assert await listed(writer) == {"Ann lives in Lisbon.", "Mumble."}


async def test_a_fact_of_messages_that_are_gone_is_not_added(writer: Writer) -> None:
    operation, (first, second) = await said(writer, "I moved to Lisbon.", "I like tea.")
    await writer.change(DeleteEvent(first))
    gone = fact(writer, operation, "Ann lives in Lisbon.", Source(first, 1))
    half = fact(writer, operation, "Ann likes tea in Lisbon.", Source(first, 1), Source(second, 1), number=1)
    result = await told(writer, operation, gone, half)
    assert [(row["memory"], row["sources"]) for row in result["results"]] == [("Ann likes tea in Lisbon.", [second])]


async def test_a_fact_of_a_message_that_was_corrected_meanwhile_is_doubtful(writer: Writer) -> None:
    operation, (first,) = await said(writer, "I moved to Lisbon.")
    await writer.change(UpdateEvent(first, TEXT, text="I moved to Porto.", row=0), ONE)
    result = await told(writer, operation, fact(writer, operation, "Ann lives in Lisbon.", Source(first, 1)))
    assert result["results"][0]["flag"] == {"reason": "source_updated", "memory_id": first}


async def test_a_fact_that_is_told_again_is_from_both_messages(writer: Writer) -> None:
    earlier, (first,) = await said(writer, "I moved to Lisbon.")
    made = await told(writer, earlier, fact(writer, earlier, "Ann lives in Lisbon.", Source(first, 1)))
    later, (second,) = await said(writer, "Lisbon is where I live.")
    result = await told(writer, later, fact(writer, later, "Ann lives in Lisbon.", Source(second, 1)))
    [row] = result["results"]
    assert (row["id"], row["event"], row["sources"]) == (made["results"][0]["id"], "NONE", [first, second])
    assert await listed(writer) == {"Ann lives in Lisbon."}
    assert await writer.ledger.check() == []


@pytest.mark.parametrize("deleted", [False, True])
async def test_correcting_a_message_flags_its_facts_and_correcting_a_fact_the_others_of_its_message(
    writer: Writer, *, deleted: bool
) -> None:
    operation, (first,) = await said(writer, "I moved to Lisbon with my cat.")
    one = fact(writer, operation, "Ann lives in Lisbon.", Source(first, 1))
    other = fact(writer, operation, "Ann has a cat.", Source(first, 1), number=1)
    await told(writer, operation, one, other)
    await changed(writer, one.memory_id, deleted=deleted)
    [flagged] = await writer.ledger.get("p", [other.memory_id])
    doubt = Doubt.SIBLING_DELETED if deleted else Doubt.SIBLING_UPDATED
    assert flagged is not None
    assert flagged.flag == Flag(doubt, one.memory_id)
    events = await writer.ledger.history("p", other.memory_id)
    assert [event.kind.value for event in events] == ["ADD", "UPDATE"]
    await writer.change(UpdateEvent(other.memory_id, TEXT, text="Ann has a tomcat.", row=0), ONE)
    await changed(writer, first, deleted=deleted)
    [again] = await writer.ledger.get("p", [other.memory_id])
    assert again is not None
    assert again.flag == Flag(Doubt.SOURCE_DELETED if deleted else Doubt.SOURCE_UPDATED, first)
    assert await writer.ledger.check() == []


async def changed(writer: Writer, memory_id: str, *, deleted: bool) -> None:
    if deleted:
        await writer.change(DeleteEvent(memory_id))
    else:
        await writer.change(UpdateEvent(memory_id, TEXT, text="Otherwise.", row=0), ONE)


async def test_history_says_what_took_the_place_of_a_fact(writer: Writer) -> None:
    earlier, (first,) = await said(writer, "I live in Bonn.")
    old = fact(writer, earlier, "Ann lives in Bonn.", Source(first, 1))
    await told(writer, earlier, old)
    later, (second,) = await said(writer, "I moved to Lisbon.")
    new = fact(writer, later, "Ann lives in Lisbon.", Source(second, 1))
    plan = Plan((new, DeleteEvent(old.memory_id, new.memory_id, 0)), ONE)
    rows = result_of((await writer.do(Commit(later.id, plan)))[0])["results"]
    assert [(row["event"], row.get("previous_memory")) for row in rows] == [
        ("ADD", None),
        ("DELETE", "Ann lives in Bonn."),
    ]
    last = (await writer.ledger.history("p", old.memory_id))[-1]
    assert (last.kind.value, last.superseded_by) == ("DELETE", new.memory_id)
    assert await listed(writer) == {"Ann lives in Lisbon."}


@pytest.mark.parametrize("of_fact", [False, True])
async def test_purging_a_message_purges_its_facts_and_purging_a_fact_its_messages(
    writer: Writer, *, of_fact: bool
) -> None:
    operation, (first, second) = await said(writer, "I moved to Lisbon.", "I like tea.", key="k")
    one = fact(writer, operation, "Ann lives in Lisbon.", Source(first, 1))
    other = fact(writer, operation, "Ann likes tea.", Source(second, 1), number=1)
    await told(writer, operation, one, other)
    assert (await writer.purge(one.memory_id if of_fact else first))["count"] == 2
    assert await listed(writer, evidence=True) == {"I like tea.", "Ann likes tea."}
    again = (await writer.do(AcceptAndCommit(operation, writer.adding(operation, "x"))))[0]
    assert isinstance(again.error, Purged)
    assert await writer.ledger.check() == []


async def test_a_purge_ends_the_wait_for_facts(writer: Writer) -> None:
    operation, (first, second) = await said(writer, "I moved to Lisbon.", "I like tea.")
    await writer.purge(first)
    known = await writer.ledger.operation("p", operation.id)
    assert known is not None
    assert (known.state, known.request) == (OperationState.SUCCEEDED, {})
    assert await writer.ledger.deferred(0, 10) == []
    late = Plan((fact(writer, operation, "Ann lives in Lisbon.", Source(first, 1)),), ONE)
    assert (await writer.do(Commit(operation.id, late)))[0].fresh is False
    assert await listed(writer, evidence=True) == {"I like tea."}
    assert second in {one.memory_id for one in (await writer.ledger.live("", 10)).versions}


async def test_one_that_failed_goes_on_where_it_stopped(writer: Writer) -> None:
    operation, (first,) = await said(writer, "I moved to Lisbon.")
    await writer.do(Fail(operation.id, {"code": "internal", "message": "m", "details": {}}))
    assert await writer.ledger.check() == []
    again = (await writer.do(Retry("p", operation.id)))[0].operation
    assert again is not None
    assert again.state is OperationState.RUNNING
    assert [one.id for one in await writer.ledger.deferred(0, 10)] == [operation.id]
    result = await told(writer, operation, fact(writer, operation, "Ann lives in Lisbon.", Source(first, 1)))
    assert [row["id"] for row in result["messages"]] == [first]


async def test_deferred_ones_come_in_the_order_of_acceptance_a_page_at_a_time(writer: Writer) -> None:
    made = [(await said(writer, text))[0].id for text in ("a", "b", "c")]
    first = await writer.ledger.deferred(0, 2)
    assert [one.id for one in first + await writer.ledger.deferred(first[-1].seq, 2)] == made
    assert NOTHING.size == 0


@pytest.mark.parametrize("run_id", [None, "monday"])
async def test_facts_and_messages_are_conversations_of_their_own(writer: Writer, run_id: str | None) -> None:
    scope = replace(ANN, run_id=run_id)
    asked = {"messages": [["user", "I moved to Lisbon.", None, None]], "scope": scope.ids()}
    operation = writer.operation(request=asked)
    plan = replace(writer.adding(operation, "I moved to Lisbon.", scope=scope), more=True)
    [said_row] = result_of((await writer.do(AcceptAndCommit(operation, plan)))[0])["results"]
    one = replace(fact(writer, operation, "Ann lives in Lisbon.", Source(said_row["id"], 1)), scope=scope)
    one = replace(one, fingerprint=ids.fingerprint(scope, None, None, one.text))
    await told(writer, operation, one)
    live = (await writer.ledger.live("", 10)).versions
    asked_for = [Stretch(conversation_of(version)) for version in live]
    found = await writer.ledger.conversations(asked_for, 10)
    assert [[row.text for row in rows.versions] for rows in found] == [[version.text] for version in live]
