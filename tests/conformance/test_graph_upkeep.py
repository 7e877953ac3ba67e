"""What every graph store does beside answering: it lets itself be compared, mended, built anew and erased."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from engine import digests
from engine.config import GraphSettings, Settings
from engine.errors import Conflict
from engine.graph import build, in_memory
from engine.graph.store import NetworkxGraphStore
from engine.graph_port import GraphStore
from engine.types import (
    AuditRow,
    Change,
    ChangeBatch,
    Entity,
    EventKind,
    LiveRows,
    MemoryVersion,
    Mending,
    Relation,
    Scope,
)
from tests.conformance.test_graph_store import batch, found, known, memory

NOTHING = np.zeros((0, 0), np.float32)
CANARY = "Rumpelstiltskin"


@pytest.fixture(params=["in memory", "with snapshots"])
async def store(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[GraphStore]:
    made: GraphStore = in_memory() if request.param == "in memory" else opened(tmp_path)
    yield made
    await made.close()


def opened(folder: Path, snapshot_changes: int = 5000) -> NetworkxGraphStore:
    return build(Settings(data_dir=folder, graph=GraphSettings(snapshot_changes=snapshot_changes)), 0)


def at(position: int, version: MemoryVersion) -> Change:
    return Change(position, EventKind.ADD, version.memory_id, version.project, replace(version, live_from=position))


def gone(position: int, memory_id: str, kind: EventKind = EventKind.DELETE, project: str = "p") -> Change:
    return Change(position, kind, memory_id, project, None)


def changes(after: int, *what: Change) -> ChangeBatch:
    return ChangeBatch(after, max(change.position for change in what), what, NOTHING)


def rows(position: int, *versions: MemoryVersion) -> LiveRows:
    return LiveRows(position, versions, NOTHING)


async def held(store: GraphStore, after: str = "", until: str | None = None) -> dict[str, AuditRow]:
    return {row.memory_id: row for row in (await store.audit(after, until)).rows}


ODD = [
    memory("plain", "X", "Y"),
    memory("nothing"),
    memory("nameless", " ", "X", Entity("x", "person")),
    memory("ends", "X", relations=[Relation("Anna", "likes", "Tea", 1, None)]),
    memory("loops", relations=[Relation("X", "is", "x"), Relation("", "is", "X"), Relation("A", " ", "B")]),
    memory("twice", relations=[Relation("A", "knows", "B"), Relation("A", "knows", "B"), Relation("B", "is", "C")]),
    memory("scoped", "X", scope=Scope(agent_id="bot", run_id="1"), project="q", created_at_us=5, expires="2999-01-01"),
    memory("half", "half \ud83d"),
]


@pytest.mark.parametrize("version", ODD, ids=[version.memory_id for version in ODD])
async def test_an_audit_tells_what_the_ledger_tells_of_the_version(store: GraphStore, version: MemoryVersion) -> None:
    await store.apply(changes(0, at(3, version)))
    (row,) = (await store.audit("", None)).rows
    assert row == AuditRow(version.memory_id, 3, digests.graph_digest(replace(version, live_from=3)) or b"")


async def test_an_audit_of_a_range_has_its_end_and_not_its_start(store: GraphStore) -> None:
    await store.apply(batch(0, *(memory(name, "X") for name in ("c", "a", "d", "b"))))
    assert set(await held(store, "a", "c")) == {"b", "c"}
    assert set(await held(store, "b")) == {"c", "d"}
    assert set(await held(store)) == {"a", "b", "c", "d"}
    assert (await store.audit("", None)).applied.position == 4


async def test_whatever_differs_has_another_digest(store: GraphStore) -> None:
    base = memory("a", "X", relations=[Relation("X", "likes", "Tea")])
    others = [
        replace(base, entities=(Entity("Y"),)),
        replace(base, relations=()),
        replace(base, relations=(Relation("X", "likes", "Tea", 1),)),
        replace(base, scope=Scope(user_id="ben")),
        replace(base, created_at_us=1),
        replace(base, expiration_date="2999-01-01"),
    ]
    seen = set()
    for one in (base, *others):
        await store.mend(Mending((at(1, one),), NOTHING))
        seen.add((await held(store))["a"].digest)
    assert len(seen) == 1 + len(others)


async def test_mending_adds_replaces_and_takes_away_and_the_position_stays(store: GraphStore) -> None:
    await store.apply(batch(0, memory("stale", "Old"), memory("foreign", "Theirs"), memory("fine", "X")))
    mending = (at(1, memory("lost", "X")), at(1, memory("stale", "New")), gone(3, "foreign", project=""))
    assert (await store.mend(Mending(mending, NOTHING))).position == 3
    assert sorted(await found(store, "X")) == ["fine", "lost"]
    assert not await known(store, "Old")
    assert not await known(store, "Theirs")
    assert await found(store, "New") == ["stale"]


async def test_mending_leaves_what_is_newer(store: GraphStore) -> None:
    await store.apply(changes(0, at(5, memory("a", "New"))))
    await store.mend(Mending((at(4, memory("a", "Old")), gone(4, "a")), NOTHING))
    assert await found(store, "New") == ["a"]
    await store.mend(Mending((gone(5, "a"),), NOTHING))
    assert await held(store) == {}


async def test_a_memory_that_got_into_another_project_leaves_it_when_it_is_mended(store: GraphStore) -> None:
    await store.apply(batch(0, memory("a", "X", project="q"), memory("a", "X", project="p")))
    await store.mend(Mending((at(2, memory("a", "X", project="p")),), NOTHING))
    assert await found(store, "X", project="q") == []
    assert await found(store, "X") == ["a"]


async def test_older_changes_after_mending_change_nothing(store: GraphStore) -> None:
    await store.apply(batch(0, memory("b", "X")))
    await store.mend(Mending((at(4, memory("a", "New")),), NOTHING))
    await store.apply(changes(1, at(2, memory("a", "Old")), gone(3, "b")))
    assert await found(store, "New") == ["a"]
    assert not await known(store, "Old")
    await store.apply(changes(3, at(4, memory("a", "New")), gone(5, "a")))
    assert await held(store) == {}


async def test_a_rebuild_takes_the_place_of_what_was_there_in_another_life(store: GraphStore) -> None:
    await store.apply(batch(0, memory("a", "X"), memory("foreign", "X"), memory("c", "X")))
    before = await store.status()
    await store.begin_rebuild()
    await store.load(rows(3, replace(memory("a", "X"), live_from=1)))
    await store.load(rows(3, replace(memory("c", "Y"), live_from=3)))
    assert sorted(await found(store, "X")) == ["a", "c", "foreign"]
    after = await store.finish_rebuild(3)
    assert (after.position, after.unerased) == (3, 0)
    assert after.incarnation != before.incarnation
    assert await found(store, "X") == ["a"]
    assert await found(store, "Y") == ["c"]


async def test_what_came_during_a_rebuild_comes_once_more_and_is_right_afterwards(store: GraphStore) -> None:
    await store.apply(batch(0, memory("changed", "V1"), memory("deleted", "X"), memory("kept", "X")))
    later = [
        at(4, memory("changed", "V2")),
        at(5, memory("changed", "V3")),
        gone(6, "deleted"),
        at(7, memory("short", "Short")),
        gone(8, "short"),
        at(9, memory("new", "X")),
    ]
    await store.begin_rebuild()
    # One page was read at position 5, the other at 9.
    await store.load(rows(5, later[1].version or ODD[0], replace(memory("deleted", "X"), live_from=2)))
    await store.apply(changes(3, *later))
    await store.load(rows(9, replace(memory("kept", "X"), live_from=3), later[5].version or ODD[0]))
    assert (await store.finish_rebuild(3)).position == 3
    assert sorted(await found(store, "X")) == ["deleted", "kept", "new"]
    for cut in range(len(later)):
        await store.apply(ChangeBatch(3 + cut, 4 + cut, (later[cut],), NOTHING))
    assert {memory_id: row.position for memory_id, row in (await held(store)).items()} == {
        "changed": 5,
        "kept": 3,
        "new": 9,
    }
    assert await found(store, "V3") == ["changed"]
    assert not await known(store, "Short")


async def test_a_rebuild_begun_again_starts_empty_and_without_a_beginning_there_is_none(store: GraphStore) -> None:
    for work in (store.load(rows(1)), store.finish_rebuild(1)):
        with pytest.raises(Conflict):
            await work
    await store.begin_rebuild()
    await store.load(rows(1, memory("old", "X")))
    await store.begin_rebuild()
    await store.finish_rebuild(1)
    assert await held(store) == {}
    with pytest.raises(Conflict):
        await store.finish_rebuild(1)


async def test_a_purged_memory_is_gone_and_nothing_waits_to_be_erased(store: GraphStore) -> None:
    await store.apply(batch(0, memory("a", CANARY)))
    applied = await store.apply(changes(1, gone(2, "a", EventKind.PURGE)))
    assert (applied.position, applied.unerased) == (2, 0)
    assert not await known(store, CANARY)


# What only the store with a file can do.


def text_of(folder: Path) -> bytes:
    return b"".join(path.read_bytes() for path in folder.rglob("*") if path.is_file())


async def written(folder: Path) -> NetworkxGraphStore:
    """A store whose file, and a damaged one set aside, hold the canary."""
    first = opened(folder)
    await first.apply(batch(0, memory("a", CANARY), memory("b", "X")))
    await first.close()
    path = folder / "graph-0.msgpack"
    path.with_name("graph-0.msgpack.damaged-1").write_bytes(path.read_bytes())
    assert text_of(folder).count(CANARY.encode()) >= 2
    return opened(folder)


async def test_what_is_purged_is_in_no_file_when_the_answer_comes(tmp_path: Path) -> None:
    store = await written(tmp_path)
    (tmp_path / "graph-0.msgpack.new").write_text(CANARY)
    assert (await store.apply(changes(2, gone(3, "a", EventKind.PURGE)))).unerased == 0
    assert CANARY.encode() not in text_of(tmp_path)
    await store.close()
    again = opened(tmp_path)
    assert ((await again.status()).position, await found(again, "X")) == (3, ["b"])
    await again.close()


async def test_a_memory_that_was_deleted_before_its_purge_leaves_the_file_too(tmp_path: Path) -> None:
    store = await written(tmp_path)
    await store.apply(changes(2, gone(3, "a")))
    assert CANARY.encode() in text_of(tmp_path)
    await store.apply(changes(3, gone(4, "a", EventKind.PURGE)))
    assert CANARY.encode() not in text_of(tmp_path)
    await store.close()


async def test_mending_takes_what_must_not_be_there_out_of_the_file(tmp_path: Path) -> None:
    store = await written(tmp_path)
    await store.mend(Mending((gone(2, "a", EventKind.PURGE, project=""),), NOTHING))
    assert CANARY.encode() not in text_of(tmp_path)
    await store.close()


async def test_a_rebuild_leaves_nothing_of_the_old_files(tmp_path: Path) -> None:
    store = await written(tmp_path)
    await store.begin_rebuild()
    await store.load(rows(2, replace(memory("b", "X"), live_from=2)))
    await store.finish_rebuild(2)
    assert CANARY.encode() not in text_of(tmp_path)
    again = opened(tmp_path)
    assert set(await held(again)) == {"b"}
    await again.close()
    await store.close()


async def test_a_purge_whose_snapshot_cannot_be_written_removes_the_old_one_and_says_so(tmp_path: Path) -> None:
    store = await written(tmp_path)
    (tmp_path / "graph-0.msgpack.new").mkdir()  # where the next snapshot would be written
    applied = await store.apply(changes(2, gone(3, "a", EventKind.PURGE)))
    assert (applied.position, applied.unerased) == (3, 0)
    assert "could not be written" in (store.notice or "")
    assert CANARY.encode() not in text_of(tmp_path)
    assert not (tmp_path / "graph-0.msgpack").exists()
    (tmp_path / "graph-0.msgpack.new").rmdir()
    await store.close()
    again = opened(tmp_path)
    assert (await again.status()).position == 3
    await again.close()


async def test_a_file_that_cannot_be_removed_is_named_until_it_is_gone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = await written(tmp_path)
    with monkeypatch.context() as broken:
        broken.setattr(Path, "unlink", _refuse)
        (tmp_path / "graph-0.msgpack.new").mkdir()
        assert (await store.apply(changes(2, gone(3, "a", EventKind.PURGE)))).unerased == 3
        assert (await store.apply(changes(3, gone(4, "b", EventKind.PURGE)))).unerased == 3
        assert "could not be removed" in (store.notice or "")
    (tmp_path / "graph-0.msgpack.new").rmdir()
    assert (await store.status()).unerased == 0
    assert CANARY.encode() not in text_of(tmp_path)
    await store.close()


def _refuse(self: Path, missing_ok: bool = False) -> None:
    raise PermissionError(f"{self.name} is held")


@pytest.mark.parametrize("size", ["empty", "one memory", "many"])
async def test_a_snapshot_cut_anywhere_or_with_any_bit_turned_is_set_aside(tmp_path: Path, size: str) -> None:
    count = {"empty": 0, "one memory": 1, "many": 300}[size]
    path = tmp_path / "graph-0.msgpack"
    first = opened(tmp_path)
    await first.apply(batch(0, *(memory(f"m{number}", f"Thing {number}") for number in range(count))))
    await first.apply(ChangeBatch(count, count + 7, (), NOTHING))
    await first.close()
    good = path.read_bytes()
    places = sorted({*range(min(40, len(good))), *range(0, len(good), max(1, len(good) // 40)), len(good) - 1})
    turned = [good[:place] + bytes([good[place] ^ (1 << place % 8)]) + good[place + 1 :] for place in places]
    for bad in [*(good[:place] for place in places), *turned]:
        path.write_bytes(bad)
        store = opened(tmp_path)
        assert "set aside" in (store.notice or "")
        assert (await store.status()).position == 0
        await store.close()
        path.with_name("graph-0.msgpack.damaged-1").unlink()
    path.write_bytes(good)
    store = opened(tmp_path)
    assert (store.notice, (await store.status()).position) == (None, count + 7)
    await store.close()


async def test_a_snapshot_that_cannot_be_read_is_set_aside(tmp_path: Path) -> None:
    path = tmp_path / "graph-0.msgpack"
    for number, kind in enumerate(("a folder", "a link to itself"), 1):
        path.mkdir() if kind == "a folder" else path.symlink_to(path)
        store = opened(tmp_path)
        assert f"damaged-{number}" in (store.notice or "")
        await store.apply(batch(0, memory("a", "X")))
        await store.save()
        assert path.is_file()
        await store.close()
        path.unlink()


async def test_what_a_crash_left_of_a_snapshot_under_way_is_removed(tmp_path: Path) -> None:
    beside = tmp_path / "graph-0.msgpack.new"
    beside.write_text(CANARY)
    store = opened(tmp_path)
    assert not beside.exists()
    await store.close()
