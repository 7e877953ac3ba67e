"""What the legs found becomes an answer."""

from __future__ import annotations

import random as randomness
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.filters import Compare, Everything, Filter, Op
from engine.graph_port import GraphHit
from engine.ports import VectorHit
from engine.ranking.signals import Signal
from engine.ranking.weights import Weights
from engine.retrieve import Candidate, Terms, hit_object, known_by_graph, missing, nearest, rank, scored, unite
from engine.types import MemoryVersion, Scope

WEIGHTS = Weights().but({Signal.GRAPH: 0.1})
TODAY = "2026-01-01"


def memory(name: str, **changes: object) -> MemoryVersion:
    version = MemoryVersion(
        memory_id=name,
        project="p",
        scope=Scope(user_id="u"),
        text=name,
        version=1,
        live_from=1,
        created_at_us=0,
        updated_at_us=0,
    )
    return replace(version, **changes)  # type: ignore[arg-type]


def candidate(name: str, dense: float | None = None, **changes: object) -> Candidate:
    return Candidate(memory(name, **changes), {} if dense is None else {Signal.DENSE: dense})


def hit(name: str, **signals: float) -> VectorHit:
    return VectorHit(memory(name), {Signal(signal): value for signal, value in signals.items()})


def terms(threshold: float = 0.0, top_k: int = 10, node: Filter | None = None) -> Terms:
    return Terms(node or Everything(), WEIGHTS, threshold, top_k, TODAY)


def best(candidates: list[Candidate], threshold: float = 0.0, top_k: int = 10) -> list[str]:
    return [one.candidate.version.memory_id for one in rank(candidates, terms(threshold, top_k))]


def test_a_hit_of_any_single_leg_enters() -> None:
    graph_hits = [GraphHit("near", 1.0), GraphHit("meant", 0.5)]
    candidates = unite([hit("meant", dense=0.9), hit("said", keywords=0.8)], graph_hits)
    candidates += known_by_graph([memory("near"), None], graph_hits)
    assert best(candidates) == ["meant", "said", "near"]
    assert next(one for one in candidates if one.version.memory_id == "meant").signals[Signal.GRAPH] == 0.5


def test_only_what_the_graph_alone_knows_and_what_may_enter_is_looked_up() -> None:
    hits, near = [hit("a", dense=0.9)], [GraphHit("a", 1.0), GraphHit("b", 1.0), GraphHit("c", 0.5)]
    ranked = rank(unite(hits, near), terms())
    assert missing(hits, near, 30, ranked, terms()) == ["b", "c"]
    assert missing(hits, near, 30, ranked, terms(threshold=0.08)) == ["b"]
    assert missing(hits, near, 30, ranked, terms(top_k=1)) == []
    without = replace(terms(), weights=WEIGHTS.but({Signal.GRAPH: 0.0}))
    assert missing(hits, near, 30, ranked, without) == []


def test_where_the_store_had_more_than_it_gave_the_graph_may_lift_one_that_was_nearly_as_good() -> None:
    hits = [hit("a", dense=0.9), hit("b", dense=0.895)]
    near = [GraphHit("c", 1.0), GraphHit("d", 0.1)]
    ranked = rank(unite(hits, near), terms(top_k=1))
    assert missing(hits, near, 2, ranked, terms(top_k=1)) == ["c"]


def test_the_threshold_cuts_and_zero_switches_it_off() -> None:
    candidates = [candidate("good", 0.9), candidate("bad", 0.05), candidate("nil", -0.4)]
    assert best(candidates, threshold=0.1) == ["good"]
    assert best(candidates, threshold=0.0) == ["good", "bad", "nil"]


def test_top_k_filter_and_expiry_are_kept() -> None:
    candidates = [
        candidate("old", 1.0, expiration_date="2025-12-31"),
        candidate("last day", 0.9, expiration_date=TODAY),
        candidate("other", 0.8, scope=Scope(user_id="v")),
        candidate("second", 0.7),
    ]
    mine = Compare("user_id", Op.EQ, "u")
    ranked = rank(candidates, terms(top_k=5, node=mine))
    assert [one.candidate.version.memory_id for one in ranked] == ["last day", "second"]
    assert best(candidates, top_k=1) == ["last day"]


def test_of_several_shards_the_best_stay() -> None:
    hits = [hit("a", dense=0.1), hit("b", dense=0.9), hit("c", keywords=0.5)]
    assert [one.version.memory_id for one in nearest(hits, 2, WEIGHTS)] == ["b", "c"]
    assert nearest([], 2, WEIGHTS) == []


def test_explained_parts_add_up_to_the_score() -> None:
    signals = {Signal.DENSE: 0.5, Signal.KEYWORDS: 0.25, Signal.GRAPH: 1.0}
    (ranked,) = scored([Candidate(memory("a"), signals)], WEIGHTS)
    details = hit_object(ranked, WEIGHTS, explain=True)["score_details"]
    assert details["signals"] == {"dense": 0.5, "keywords": 0.25, "graph": 1.0}
    assert sum(details["parts"].values()) == pytest.approx(ranked.score, abs=1e-5)
    assert details["parts"].keys() == details["signals"].keys()
    assert details["weights"] == WEIGHTS.named()
    assert details["pending"] == ["context", "tokens"]
    assert "score_details" not in hit_object(ranked, WEIGHTS, explain=False)


PART = st.none() | st.floats(-1, 1, width=32)


@given(st.lists(st.tuples(PART, PART, PART), max_size=12), st.randoms())
def test_the_order_of_candidates_does_not_matter(
    parts: list[tuple[float | None, ...]], random: randomness.Random
) -> None:
    names = (Signal.DENSE, Signal.KEYWORDS, Signal.GRAPH)
    candidates = [
        Candidate(memory(f"m{at}"), {name: one for name, one in zip(names, values, strict=True) if one is not None})
        for at, values in enumerate(parts)
    ]
    shuffled = candidates[:]
    random.shuffle(shuffled)
    assert best(candidates) == best(shuffled)
