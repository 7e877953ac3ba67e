"""However changes come, the graph is that of the memories that are live."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from engine.graph import snapshot
from engine.graph.index import GraphIndex
from engine.graph.project_graph import Region
from engine.graph.search import neighbourhoods, search
from engine.ports import GraphQuery
from engine.types import BlockKey, Change, ChangeBatch, Entity, EventKind, MemoryVersion, Relation, Scope

PROJECTS = ("p", "q")
NAMES = ("x", "y", "z", "anna", "anna schmidt")
BLOCKS = (("user_id", "u"), ("user_id", "v"), ("agent_id", "b"))
NONE = np.zeros((0, 0), np.float32)

entities = st.lists(st.builds(Entity, st.sampled_from(NAMES), st.sampled_from(["person", "other"])), max_size=4).map(
    tuple
)
relations = st.lists(
    st.builds(
        Relation,
        st.sampled_from(NAMES),
        st.sampled_from(["likes", "knows"]),
        st.sampled_from(NAMES),
        st.sampled_from([None, 1]),
        st.sampled_from([None, 2, 99]),
    ),
    max_size=2,
).map(tuple)
scopes = st.builds(
    Scope,
    user_id=st.sampled_from(["u", "v"]),
    agent_id=st.sampled_from([None, "b"]),
    run_id=st.sampled_from([None, "r"]),
)
writes = st.tuples(
    st.sampled_from(PROJECTS),
    st.sampled_from(["m1", "m2", "m3", "m4"]),
    st.one_of(st.none(), st.tuples(scopes, entities, relations)),
)


def change(position: int, write: Any) -> Change:
    project, memory_id, what = write
    if what is None:
        return Change(position, EventKind.DELETE, memory_id, project, None)
    scope, named, linked = what
    version = MemoryVersion(
        memory_id=memory_id,
        project=project,
        scope=scope,
        text="",
        version=1,
        live_from=position,
        created_at_us=0,
        updated_at_us=0,
        entities=named,
        relations=linked,
    )
    return Change(position, EventKind.ADD, memory_id, project, version)


def batches(changes: list[Change], cuts: list[int]) -> list[ChangeBatch]:
    edges = [0, *sorted(cut % (len(changes) + 1) for cut in cuts), len(changes)]
    return [ChangeBatch(start, end, tuple(changes[start:end]), NONE) for start, end in pairwise(edges)]


def live(changes: list[Change]) -> list[Change]:
    last = {(one.project, one.memory_id): one for one in changes}
    return [one for one in changes if last[one.project, one.memory_id] is one and one.version is not None]


def seen(index: GraphIndex) -> Any:
    """All that can be asked of the graphs, without what may differ in the last digit."""
    answers = []
    for name in PROJECTS:
        project = index.project(name)
        for owner in (None, *BLOCKS):
            block = None if owner is None else BlockKey(name, *owner)  # type: ignore[arg-type]
            for key in NAMES:
                query = GraphQuery(name, (Entity(key),), 10, block)
                hits, edges = search(project, query, 10)
                around = neighbourhoods(project, query, 10)
                answers.append(
                    (
                        {hit.memory_id: round(hit.score, 9) for hit in hits},
                        set(edges),
                        [(one.entity, set(one.relations), set(one.memory_ids)) for one in around],
                    )
                )
    return index.position, len(index), answers, [links(index, name) for name in PROJECTS]


def links(index: GraphIndex, name: str) -> Any:
    """Which entities there are, and which stand beside which: nothing may be left of what is gone."""
    project = index.project(name)
    if project is None:
        return None
    region = Region(project, None)
    return {key: set(region.companions(key)) for key in project.entities()}


def fresh(changes: list[Change]) -> GraphIndex:
    """An index that only ever saw what is live in the end."""
    index = GraphIndex()
    index.apply(ChangeBatch(0, len(changes), tuple(live(changes)), NONE))
    return index


@given(st.lists(writes, max_size=12), st.lists(st.integers(0, 12), max_size=3))
def test_history_leaves_no_trace(history: list[Any], cuts: list[int]) -> None:
    changes = [change(position, write) for position, write in enumerate(history, 1)]
    index = GraphIndex()
    for batch in batches(changes, cuts):
        index.apply(batch)
    assert seen(index) == seen(fresh(changes))


@given(st.lists(writes, max_size=10), st.lists(st.integers(0, 10), max_size=3), st.lists(st.integers(0, 3), max_size=8))
def test_batches_again_and_out_of_order_end_the_same(history: list[Any], cuts: list[int], order: list[int]) -> None:
    changes = [change(position, write) for position, write in enumerate(history, 1)]
    parts = batches(changes, cuts)
    index = GraphIndex()
    for number in order:
        index.apply(parts[number % len(parts)])
    for batch in parts:
        index.apply(batch)
    for number in order:
        index.apply(parts[number % len(parts)])
    assert seen(index) == seen(fresh(changes))


@given(st.lists(writes, max_size=10), st.integers(0, 10))
def test_a_snapshot_anywhere_and_the_tail_give_the_same(history: list[Any], cut: int) -> None:
    changes = [change(position, write) for position, write in enumerate(history, 1)]
    first, second = GraphIndex(), GraphIndex()
    head, *tail = batches(changes, [cut])
    first.apply(head)
    saved = snapshot.decode(0, snapshot.encode(0, first.position, first.memories()))
    second.restore(saved.position, saved.memories)
    for batch in (head, *tail):
        second.apply(batch)
    assert seen(second) == seen(fresh(changes))


@given(st.lists(writes, max_size=10))
def test_hits_lie_in_the_block_and_scores_in_the_unit_interval(history: list[Any]) -> None:
    changes = [change(position, write) for position, write in enumerate(history, 1)]
    index = GraphIndex()
    index.apply(ChangeBatch(0, len(changes), tuple(changes), NONE))
    for field, value in BLOCKS:
        mine = {
            one.memory_id
            for one in live(changes)
            if one.version and one.project == "p" and getattr(one.version.scope, field) == value
        }
        for key in NAMES:
            block = BlockKey("p", field, value)  # type: ignore[arg-type]
            hits, _ = search(index.project("p"), GraphQuery("p", (Entity(key),), 10, block), 0)
            assert {hit.memory_id for hit in hits} <= mine
            assert all(0 < hit.score <= 1 for hit in hits)
            assert [hit.score for hit in hits] == sorted((hit.score for hit in hits), reverse=True)
