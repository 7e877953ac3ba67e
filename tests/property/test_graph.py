"""However changes come, the graph is that of the memories that are live."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from itertools import combinations, pairwise, product
from typing import Any

import networkx as nx
import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.graph import snapshot, survey
from engine.graph.aliases import Aliases
from engine.graph.contribution import contribution
from engine.graph.index import GraphIndex
from engine.graph.project_graph import ProjectGraph
from engine.graph.region import Region
from engine.graph.search import search
from engine.graph.timeline import Statement, ends, is_valid, statements_of
from engine.graph_port import EntitiesQuery, GraphQuery, NeighboursQuery, PathQuery, View
from engine.naming import name_key
from engine.types import BlockKey, Change, ChangeBatch, Entity, EventKind, MemoryVersion, Relation, Scope

PROJECTS = ("p", "q")
NAMES = ("x", "y", "z", "anna", "anna schmidt")
NOW_US = 10
SCOPES = (
    Scope(user_id="u"),
    Scope(agent_id="b"),
    Scope(user_id="u", agent_id="b"),
    Scope(agent_id="b", run_id="r"),
    Scope(user_id="nobody"),
)
BLOCKS = (("user_id", "u"), ("user_id", "v"), ("agent_id", "b"))
FUNCTIONAL = frozenset({"lives_in"})
MERGED = Aliases({"anna": "x"})
NONE = np.zeros((0, 0), np.float32)

entities = st.lists(st.builds(Entity, st.sampled_from(NAMES), st.sampled_from(["person", "other"])), max_size=4).map(
    tuple
)
relations = st.lists(
    st.builds(
        Relation,
        st.sampled_from(NAMES),
        st.sampled_from(["likes", "Lives in", "lives_in"]),
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
    st.one_of(
        st.none(),
        st.tuples(scopes, entities, relations, st.integers(0, 2), st.sampled_from([None, "1969-12-31", "1970-01-01"])),
    ),
)


def change(position: int, write: Any) -> Change:
    project, memory_id, what = write
    if what is None:
        return Change(position, EventKind.DELETE, memory_id, project, None)
    scope, named, linked, created_at_us, expires = what
    version = MemoryVersion(
        memory_id=memory_id,
        project=project,
        scope=scope,
        text="",
        version=1,
        live_from=position,
        created_at_us=created_at_us,
        updated_at_us=0,
        expiration_date=expires,
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
                for view in (View(), View(1), View(aliases={"anna": "x"})):
                    hits, edges = search(project, replace(query, view=view), NOW_US, FUNCTIONAL)
                    answers.append(({hit.memory_id: round(hit.score, 9) for hit in hits}, set(edges)))
    return index.position, len(index), answers, [surveyed(index, name) for name in PROJECTS]


def surveyed(index: GraphIndex, name: str) -> Any:
    """All that can be asked of scopes, and which entities stand beside which: nothing may be left of what is gone."""
    project = index.project(name)
    if project is None:
        return None
    region = Region(project, None)
    together = {pair: region.shared(*pair) for pair in product(NAMES, NAMES)}
    answers: list[Any] = []
    for scope, at_us, aliases in product(SCOPES, (None, 1), (None, MERGED)):
        seen = survey.Survey(project, scope, NOW_US, at_us=at_us, functional=FUNCTIONAL, aliases=aliases)
        answers.append(survey.entities(seen, EntitiesQuery(name, scope, 0, 10)))
        for key in NAMES:
            answers.append(survey.neighbourhood(seen, NeighboursQuery(name, scope, key, 10)))
            answers += [survey.path(seen, PathQuery(name, scope, key, other, 3)) for other in NAMES]
    return sorted(project.entities()), together, answers


def fresh(changes: list[Change]) -> GraphIndex:
    """An index that only ever saw what is live in the end."""
    index = GraphIndex()
    index.apply(ChangeBatch(0, len(changes), tuple(live(changes)), NONE))
    return index


whole_histories = settings(max_examples=100)
"""Each builds several graphs and compares everything that they answer."""


@whole_histories
@given(st.lists(writes, max_size=12), st.lists(st.integers(0, 12), max_size=3))
def test_history_leaves_no_trace(history: list[Any], cuts: list[int]) -> None:
    changes = [change(position, write) for position, write in enumerate(history, 1)]
    index = GraphIndex()
    for batch in batches(changes, cuts):
        index.apply(batch)
    assert seen(index) == seen(fresh(changes))


@whole_histories
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


@whole_histories
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


@given(st.lists(writes, max_size=10))
def test_a_survey_says_what_one_counts_by_hand(history: list[Any]) -> None:
    changes = [change(position, write) for position, write in enumerate(history, 1)]
    project = fresh(changes).project("p") or ProjectGraph()
    for scope in SCOPES:
        mine = [one for one in live(changes) if one.project == "p" and shown(one.version, scope)]
        named = {one.memory_id: contribution("p", one.position, one.version).keys for one in mine if one.version}
        seen = survey.Survey(project, scope, NOW_US)
        count, page = survey.entities(seen, EntitiesQuery("p", scope, 0, 100))
        counted = {one.entity.key: one.memories for one in page}
        assert counted == Counter(key for keys in named.values() for key in keys)
        assert count == len(counted)
        assert [one.memories for one in page] == sorted(counted.values(), reverse=True)
        ways = distances(named)
        for key in NAMES:
            around = survey.neighbourhood(seen, NeighboursQuery("p", scope, key, 100))
            assert (around is not None) == (key in counted)
            if around is not None:
                assert set(around.memory_ids) == {one for one, keys in named.items() if key in keys}
                beside = Counter(other for keys in named.values() if key in keys for other in keys if other != key)
                assert {one.entity.key: one.memories for one in around.entities} == beside
            for other in NAMES:
                if key in counted and other in counted:
                    found = survey.path(seen, PathQuery("p", scope, key, other, 9))
                    assert (found and len(found[1])) == ways.get((key, other))
                    assert all(
                        {Entity(step.relation.source).key, Entity(step.relation.target).key}
                        <= set(named[step.memory_id])
                        for step in (found[1] if found else ())
                    )


def shown(version: MemoryVersion | None, scope: Scope) -> bool:
    mine = version is not None and scope.ids().items() <= version.scope.ids().items()
    return mine and version is not None and version.expiration_date != "1969-12-31"


def distances(named: dict[str, tuple[str, ...]]) -> dict[tuple[str, str], int]:
    """Steps between all entities that can be reached from each other, by networkx."""
    graph: nx.Graph[str] = nx.Graph()
    for keys in named.values():
        graph.add_nodes_from(keys)
        graph.add_edges_from(combinations(keys, 2))
    return {
        (one, other): steps for one, all_ in nx.all_pairs_shortest_path_length(graph) for other, steps in all_.items()
    }


told = st.lists(
    st.tuples(st.integers(0, 6), st.lists(st.sampled_from("abc"), min_size=1, max_size=2, unique=True)), max_size=8
)


def spoken(what: list[tuple[int, list[str]]]) -> list[Statement]:
    """Memories that say where x lives, one after the other."""
    found: list[Statement] = []
    for position, (at_us, places) in enumerate(what, 1):
        version = change(position, ("p", f"m{position}", (Scope(user_id="u"), (), (), at_us, None))).version
        assert version is not None
        relations = tuple(Relation("x", "lives_in", place) for place in places)
        found += statements_of(contribution("p", position, replace(version, relations=relations)))
    return found


@given(told, st.randoms(use_true_random=False))
def test_closing_is_independent_of_the_order_of_arrival(what: list[tuple[int, list[str]]], random: Any) -> None:
    statements = spoken(what)
    shuffled = list(statements)
    random.shuffle(shuffled)
    assert ends(shuffled) == ends(statements)


@given(told, st.integers(-1, 7))
def test_at_every_time_that_is_true_which_the_newest_memory_until_then_says(
    what: list[tuple[int, list[str]]], at_us: int
) -> None:
    statements = spoken(what)
    end = ends(statements)
    true = {one.target for one in statements if is_valid(replace(one.relation, invalid_at_us=end[one.place]), at_us)}
    begun = [one for one in statements if one.begins_us <= at_us]
    newest = max((one.order for one in begun), default=None)
    assert true == {one.target for one in begun if one.order == newest}


@given(st.one_of(st.text(), st.text("aAsS'\u2019 theTHE\u00e9e\u0301\u00df\u0130\ufb01")))
def test_a_key_of_a_key_is_itself(name: str) -> None:
    assert name_key(name_key(name)) == name_key(name)
