"""What the legs found becomes an answer."""

from __future__ import annotations

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from engine.filters import Compare, Everything, Filter, Op
from engine.graph_port import GraphHit
from engine.ports import VectorHit
from engine.retrieve import Candidate, Terms, Weights, hit_object, known_by_graph, missing, rank, score, unite
from engine.types import MemoryVersion, Scope

WEIGHTS = Weights(0.6, 0.4, 0.1)
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


def terms(threshold: float = 0.0, top_k: int = 10, node: Filter | None = None) -> Terms:
    return Terms(node or Everything(), WEIGHTS, threshold, top_k, TODAY)


def best(candidates: list[Candidate], threshold: float = 0.0, top_k: int = 10) -> list[str]:
    return [one.candidate.version.memory_id for one in rank(candidates, terms(threshold, top_k))]


def test_a_hit_of_any_single_leg_enters() -> None:
    graph_hits = [GraphHit("near", 1.0), GraphHit("dense", 0.5)]
    candidates = unite([VectorHit(memory("dense"), 0.9, None), VectorHit(memory("words"), None, 0.8)], graph_hits)
    candidates += known_by_graph([memory("near"), None], graph_hits)
    assert best(candidates) == ["dense", "words", "near"]
    assert next(c for c in candidates if c.version.memory_id == "dense").graph == 0.5


def test_only_what_the_graph_alone_knows_and_what_may_enter_is_fetched() -> None:
    hits, near = [VectorHit(memory("a"), 0.9, 0.9)], [GraphHit("a", 1.0), GraphHit("b", 1.0), GraphHit("c", 0.5)]
    ranked = rank(unite(hits, near), terms())
    assert missing(hits, near, ranked, terms()) == ["b", "c"]
    assert missing(hits, near, ranked, terms(threshold=0.08)) == ["b"]
    assert missing(hits, near, ranked, terms(top_k=1)) == []


def test_the_threshold_cuts_and_zero_switches_it_off() -> None:
    candidates = [
        Candidate(memory("good"), 0.9, 0.5),
        Candidate(memory("bad"), 0.05, 0.0),
        Candidate(memory("nil"), -0.4),
    ]
    assert best(candidates, threshold=0.1) == ["good"]
    assert best(candidates, threshold=0.0) == ["good", "bad", "nil"]


def test_a_strong_part_passes_the_threshold_alone() -> None:
    candidates = [
        Candidate(memory("meant"), 0.3, 0.0),
        Candidate(memory("said"), 0.0, 0.3),
        Candidate(memory("no"), 0.1),
    ]
    assert best(candidates, threshold=0.25) == ["meant", "said"]


def test_top_k_filter_and_expiry_are_kept() -> None:
    candidates = [
        Candidate(memory("old", expiration_date="2025-12-31"), 1.0),
        Candidate(memory("last day", expiration_date=TODAY), 0.9),
        Candidate(memory("other", scope=Scope(user_id="v")), 0.8),
        Candidate(memory("second"), 0.7),
    ]
    mine = Compare("user_id", Op.EQ, "u")
    ranked = rank(candidates, terms(top_k=5, node=mine))
    assert [one.candidate.version.memory_id for one in ranked] == ["last day", "second"]
    assert best(candidates, top_k=1) == ["last day"]


def test_explained_parts_add_up_to_the_score() -> None:
    ranked = score(Candidate(memory("a"), 0.5, 0.25, 1.0), WEIGHTS)
    shown = hit_object(ranked, WEIGHTS, explain=True)
    assert shown["score"] == round(0.6 * 0.5 + 0.4 * 0.25 + 0.1, 6)
    assert sum(shown["score_details"]["parts"].values()) == shown["score"]
    assert "score_details" not in hit_object(ranked, WEIGHTS, explain=False)


PART = st.none() | st.floats(0, 1)
CANDIDATES = st.lists(st.tuples(st.none() | st.floats(-1, 1), PART, PART), max_size=12)


@given(CANDIDATES, st.randoms())
def test_the_order_of_candidates_does_not_matter(parts: list[tuple[float | None, ...]], random: object) -> None:
    candidates = [Candidate(memory(f"m{n}"), *given_parts) for n, given_parts in enumerate(parts)]
    shuffled = candidates[:]
    random.shuffle(shuffled)  # type: ignore[attr-defined]
    assert best(candidates) == best(shuffled)


@given(st.floats(-1, 1), st.floats(0, 1), st.floats(0, 1), st.floats(0, 1))
def test_scores_lie_between_0_and_1_and_grow_with_every_part(d: float, k: float, g: float, more: float) -> None:
    one = score(Candidate(memory("a"), d, k, g), WEIGHTS).score
    assert 0 <= one <= 1
    for dense, words, near in ((d + more, k, g), (d, k + more, g), (d, k, g + more)):
        assert score(Candidate(memory("a"), min(dense, 1), min(words, 1), min(near, 1)), WEIGHTS).score >= one
