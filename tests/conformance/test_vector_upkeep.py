"""Every vector store: what it says of itself to be compared, how it is mended, and how it is built anew."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import pytest_asyncio

from engine.errors import Conflict
from engine.filters import Compare, Op
from engine.ports import VectorQuery, VectorStore
from engine.types import BlockKey, Change, Entity, EventKind, Mending, Relation, Scope
from tests.conformance.vector_cases import DIMENSIONS, Ledger, Shard, axis, lasting_only, version

BY_BLOCK_AND_WIDE = pytest.mark.parametrize("by_block", [True, False], ids=["by block", "wide"])
NOTHING = np.zeros((0, DIMENSIONS), dtype=np.float32)


@pytest_asyncio.fixture
async def shard(opened: Callable[..., VectorStore]) -> AsyncIterator[Shard]:
    made = Shard(Ledger(), opened())
    yield made
    await made.store.close()


JSON_OF_ALL_KINDS: dict[str, Any] = {
    "b": [1, -2.5, 0.1, 1e300, 5e-324, -0.0, True, False, None, "", "ü 🐈 \u2028", "lone \ud800"],
    "a": {"z": {"y": [[], {}, [[1]]]}, "": 2**53 + 1, "10": -1},
    "quote": "\"\\'%",
}
UNUSUAL = [
    version("plain"),
    version("m-metadata", metadata=JSON_OF_ALL_KINDS, categories=("pets", "ömlaut")),
    version("named", "I was there\n\tand 你好", role="user", name='Jörg "J" 🐈'),
    version("all", scope=Scope("ann", "helper", "app", "run"), expiration_date="2027-01-01", operation_id="op-1"),
    version("no-entities", entities=()),
    version("entities", entities=(Entity("Mono", "animal"), Entity("Zoë")), created_at_us=-5, updated_at_us=1 << 60),
    version("relations", entities=(), relations=(Relation("Ann", "owns", "Mono", 5, None), Relation("a", "b", "c"))),
    version("long", "ein langer Text 🐟 " * 20_000, project="another"),
]


async def test_what_an_audit_says_is_what_the_ledger_has_bit_for_bit(shard: Shard) -> None:
    rng = np.random.default_rng(7)
    vectors = rng.standard_normal((len(UNUSUAL), DIMENSIONS)).astype(np.float32) * np.float32(1e-3)
    vectors[0] = [1.0, -0.0, 1e-38, 3.4e18, -1.5, 0.1, 1 / 3, 2**-24]
    await shard.add(*zip(UNUSUAL, vectors, strict=True))
    assert await shard.audited() == shard.expected()


async def test_after_a_change_and_a_deletion_an_audit_says_what_is_left(shard: Shard) -> None:
    await shard.add((version("a"), axis(0)), (version("b"), axis(1)), (version("c"), axis(2)))
    await shard.add((version("b", "changed", version=2), axis(3)))
    await shard.delete("a")
    assert {row.memory_id for row in await shard.audited()} == {"b", "c"}
    assert await shard.audited() == shard.expected()


async def test_an_audit_of_a_range_leaves_out_what_is_before_and_after(shard: Shard) -> None:
    await shard.add(*((version(f"m{at:02}"), axis(at % DIMENSIONS)) for at in range(20)))
    assert {row.memory_id for row in await shard.audited("m04", "m07")} == {"m05", "m06", "m07"}
    assert {row.memory_id for row in await shard.audited("m17")} == {"m18", "m19"}
    assert {row.memory_id for row in await shard.audited("", "m01")} == {"m00", "m01"}
    assert await shard.audited("m05x", "m05y") == set()
    await shard.delete("m06")
    await shard.add((version("m05x"), axis(0)))
    assert {row.memory_id for row in await shard.audited("m04", "m07")} == {"m05", "m05x", "m07"}


async def test_an_audit_of_more_rows_than_one_query_gives_leaves_none_out(shard: Shard) -> None:
    await shard.add(*((version(f"m{at:04}"), axis(at % DIMENSIONS)) for at in range(1_200)))
    assert await shard.audited() == shard.expected()
    assert len(await shard.audited("m0099", "m1099")) == 1_000


async def test_an_audit_of_nothing_is_empty(shard: Shard) -> None:
    assert await shard.audited() == set()
    assert (await shard.store.audit("", None)).applied == await shard.store.status()


def made_right(shard: Shard, *memory_ids: str) -> Mending:
    """The mending that makes memories what the ledger has."""
    rows = shard.rows(*memory_ids)
    found = {one.memory_id: one for one in rows.versions}
    gone = [one for one in memory_ids if one not in found]
    changes = [Change(one.live_from, EventKind.UPDATE, one.memory_id, one.project, one) for one in rows.versions]
    changes += [Change(shard.ledger.position, EventKind.DELETE, one, "", None) for one in gone]
    return Mending(tuple(changes), rows.vectors)


@BY_BLOCK_AND_WIDE
async def test_mending_puts_right_what_is_wrong_missing_or_too_much(shard: Shard, by_block: bool) -> None:
    await shard.add((version("right"), axis(0)), (version("wrong"), axis(1)), (version("stray"), axis(2)))
    await shard.found(by_block=by_block)
    fallen = replace(shard.ledger.live["wrong"][0], text="as it should be")
    shard.ledger.live["wrong"] = fallen, axis(5)
    shard.ledger.live["missing"] = version("missing", live_from=2), axis(6)
    del shard.ledger.live["stray"]
    before = await shard.store.status()
    after = await shard.store.mend(made_right(shard, "wrong", "missing", "stray"))
    assert after.position == before.position
    assert after.incarnation == before.incarnation
    assert await shard.audited() == shard.expected()
    assert await shard.found(by_block=by_block) == {
        "right": "right",
        "wrong": "as it should be",
        "missing": "missing",
    }


@BY_BLOCK_AND_WIDE
async def test_mending_from_an_old_read_undoes_nothing_newer(shard: Shard, by_block: bool) -> None:
    await shard.add((version("changes", "old"), axis(0)), (version("goes"), axis(1)), (version("comes again"), axis(2)))
    old = made_right(shard, "changes", "goes", "not yet")
    await shard.add((version("changes", "new", version=2), axis(3)), (version("not yet"), axis(4)))
    await shard.delete("goes")
    await shard.store.mend(old)
    assert await shard.audited() == shard.expected()
    assert set(await shard.found(by_block=by_block)) == {"changes", "comes again", "not yet"}


@lasting_only
async def test_what_was_mended_is_there_after_a_restart(opened: Callable[..., VectorStore]) -> None:
    first = Shard(Ledger(), opened())
    await first.add((version("m1"), axis(0)))
    shard = Shard(first.ledger, first.store)
    shard.ledger.live["m2"] = version("m2"), axis(1)
    await shard.store.mend(made_right(shard, "m2"))
    again = Shard(shard.ledger, opened())  # the first one was not closed
    assert await again.audited() == shard.expected()
    await again.store.close()


@lasting_only
async def test_a_block_that_differs_from_the_table_is_named_and_mended(shard: Shard) -> None:
    await shard.add((version("right"), axis(0)), (version("wrong"), axis(1)), (version("lacking"), axis(2)))
    whole = shard.ledger.block(await named_cold(shard))
    rows = dict(zip([one.memory_id for one in whole.versions], whole.versions, strict=True))
    bad = (rows["right"], replace(rows["wrong"], text="not what was said"), version("stray"))
    await shard.store.fill(replace(whole, versions=bad, vectors=np.stack([axis(0), axis(1), axis(3)])))
    said = {row.memory_id: row for row in await shard.audited()}
    meant = {row.memory_id: row for row in shard.expected()}
    assert {one for one in said if said[one] != meant.get(one)} == {"wrong", "lacking", "stray"}
    await shard.store.mend(made_right(shard, "wrong", "lacking", "stray"))
    assert await shard.audited() == shard.expected()
    assert set(await shard.found(by_block=True)) == {"right", "wrong", "lacking"}
    assert await shard.audited() == shard.expected()


async def named_cold(shard: Shard) -> BlockKey:
    key = BlockKey("p", "user_id", "ann")
    answer = await shard.store.search([VectorQuery("p", Compare("user_id", Op.EQ, "ann"), 5, axis(0), None, key)])
    assert answer.cold == (key,)
    return key


@BY_BLOCK_AND_WIDE
async def test_a_rebuild_replaces_what_was_there(shard: Shard, by_block: bool) -> None:
    await shard.add((version("kept"), axis(0)), (version("stray"), axis(1)), (version("wrong"), axis(2)))
    await shard.found(by_block=by_block)
    del shard.ledger.live["stray"]
    shard.ledger.live["wrong"] = replace(shard.ledger.live["wrong"][0], text="right"), axis(3)
    before = await shard.store.status()
    await shard.rebuild()
    after = await shard.store.status()
    assert after.position == before.position
    assert after.incarnation != before.incarnation
    assert await shard.audited() == shard.expected()
    assert await shard.found(by_block=by_block) == {"kept": "kept", "wrong": "right"}


@BY_BLOCK_AND_WIDE
async def test_searches_and_changes_go_on_while_an_index_is_rebuilt(shard: Shard, by_block: bool) -> None:
    await shard.add((version("a", "one"), axis(0)), (version("b", "two"), axis(1)), (version("c", "three"), axis(2)))
    position = shard.ledger.position
    await shard.store.begin_rebuild()
    await shard.store.load(shard.rows("a", "b"))
    await shard.add((version("a", "one, changed", version=2), axis(3)), (version("d", "four"), axis(4)))
    await shard.delete("b")
    expected = {"a": "one, changed", "c": "three", "d": "four"}
    assert await shard.found(by_block=by_block) == expected
    await shard.store.load(shard.rows("c", "d"))
    applied = await shard.store.finish_rebuild(position)
    assert applied.position == shard.ledger.position, "nothing has to be sent again"
    assert await shard.found(by_block=by_block) == expected
    assert await shard.audited() == shard.expected()


async def test_a_lagging_index_is_where_the_ledger_was_once_it_is_rebuilt(shard: Shard) -> None:
    await shard.add((version("a"), axis(0)))
    missed = shard.ledger.add((version("b", live_from=2), axis(1)))
    await shard.store.begin_rebuild()
    await shard.store.load(shard.rows())
    assert (await shard.store.finish_rebuild(2)).position == 2
    assert await shard.audited() == shard.expected()
    await shard.store.apply(missed)
    assert await shard.audited() == shard.expected()


async def test_an_index_that_was_ahead_of_the_ledger_is_where_the_ledger_is_once_it_is_rebuilt(shard: Shard) -> None:
    foreign = Shard(Ledger(), shard.store)
    await foreign.add((version("x"), axis(0)), (version("y"), axis(1)), (version("z"), axis(2)))
    shard.ledger.add((version("a"), axis(3)))
    await shard.rebuild()
    assert (await shard.store.status()).position == 1
    assert await shard.audited() == shard.expected()
    await shard.add((version("b"), axis(4)))
    assert (await shard.store.status()).position == 2
    assert await shard.audited() == shard.expected()


async def test_what_was_loaded_from_a_later_state_is_not_undone_by_older_changes(shard: Shard) -> None:
    await shard.add((version("m"), axis(0)))
    older = shard.ledger.add((version("m", "older", live_from=2, version=2), axis(1)))
    gone = shard.ledger.add((version("goes", live_from=3), axis(2)))
    newer = shard.ledger.add((version("m", "newer", live_from=4, version=3), axis(3)))
    deleted = shard.ledger.delete("goes")
    await shard.store.begin_rebuild()
    await shard.store.load(shard.rows())
    assert (await shard.store.finish_rebuild(1)).position == 1
    await shard.store.apply(older)
    assert await shard.found(by_block=False) == {"m": "newer"}
    for batch in (gone, newer, deleted):
        await shard.store.apply(batch)
    assert await shard.audited() == shard.expected()


async def test_a_page_that_is_loaded_twice_is_there_once(shard: Shard) -> None:
    await shard.add((version("a"), axis(0)), (version("b"), axis(1)))
    await shard.store.begin_rebuild()
    await asyncio.gather(shard.store.load(shard.rows()), shard.store.load(shard.rows()))
    await shard.store.finish_rebuild(2)
    assert await shard.audited() == shard.expected()


async def test_without_a_rebuild_there_is_nothing_to_load_into_and_to_finish(shard: Shard) -> None:
    await shard.add((version("a"), axis(0)))
    for _ in range(2):
        with pytest.raises(Conflict, match="begin it again"):
            await shard.store.load(shard.rows())
        with pytest.raises(Conflict, match="begin it again"):
            await shard.store.finish_rebuild(1)
        await shard.rebuild()
    assert await shard.audited() == shard.expected()


async def test_beginning_again_throws_the_first_copy_away(shard: Shard) -> None:
    await shard.add((version("a"), axis(0)))
    await shard.store.begin_rebuild()
    stray = Ledger()
    stray.add((version("stray"), axis(1)))
    await shard.store.load(Shard(stray, shard.store).rows())
    await shard.rebuild()
    assert await shard.audited() == shard.expected()


@lasting_only
async def test_an_unfinished_rebuild_leaves_the_old_index_after_a_restart(opened: Callable[..., VectorStore]) -> None:
    shard = Shard(Ledger(), opened(flush_rows=1))
    await shard.add((version("a"), axis(0)))
    await shard.found(by_block=False)  # waits behind the flush
    await shard.store.begin_rebuild()
    await shard.store.load(shard.rows())
    again = Shard(shard.ledger, opened())
    assert (await again.store.status()).position == 1
    assert await again.audited() == shard.expected()
    with pytest.raises(Conflict):
        await again.store.load(shard.rows())
    await again.store.close()


@lasting_only
async def test_a_rebuilt_index_opens_where_it_was(opened: Callable[..., VectorStore]) -> None:
    shard = Shard(Ledger(), opened())
    await shard.add((version("a"), axis(0)), (version("b"), axis(1)))
    await shard.rebuild()
    again = Shard(shard.ledger, opened())  # as after a crash: a finished rebuild is durable
    assert (await again.store.status()).position == 2
    await again.add((version("c"), axis(2)))
    await again.rebuild()
    await again.store.close()
    third = Shard(again.ledger, opened())
    assert (await third.store.status()).position == 3
    assert await third.audited() == again.expected()
    await third.store.close()


async def test_a_purge_deletes_the_row(shard: Shard) -> None:
    await shard.add((version("a"), axis(0)), (version("b"), axis(1)))
    await shard.delete("a", kind=EventKind.PURGE)
    assert await shard.found(by_block=False) == {"b": "b"}
    assert await shard.audited() == shard.expected()
