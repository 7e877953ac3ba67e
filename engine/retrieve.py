"""Which memories answer a query, decided from what the legs found. Pure: no clock, no I/O.

The score of a memory is a weighted mean of its parts, each in [0, 1]:

- dense: cosine similarity of query and memory, negative ones counted as 0;
- keywords: BM25 as a share of what a text that holds every query term would get;
- graph: personalised PageRank from the query's entities, relative to the best and to how telling those are.

Dense and keywords share the whole weight between them, so a score means the same for every query; the graph adds to
it and can't push it above 1. A part that a leg didn't give counts as 0.
"""

from __future__ import annotations

import heapq
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import zip_longest

from engine.answers import memory_object
from engine.config import SearchSettings
from engine.filters import Filter, matches
from engine.graph_port import GraphHit
from engine.ports import VectorHit
from engine.requests import SearchRequest
from engine.types import MENTIONED_WITH, Json, MemoryVersion, Relation

_CANDIDATES_PER_HIT = 3
_DIGITS = 6
_MOST_RELATIONS = 20


@dataclass(frozen=True, slots=True)
class Weights:
    """How much each part counts. Dense and keywords are used relative to their sum."""

    dense: float
    keywords: float
    graph: float

    @classmethod
    def of(cls, settings: SearchSettings) -> Weights:
        """The weights that are set."""
        return cls(settings.weight_dense, settings.weight_keywords, settings.weight_graph)


@dataclass(frozen=True, slots=True)
class Candidate:
    """A memory with what the legs said of it; None: that leg doesn't know it."""

    version: MemoryVersion
    dense: float | None = None
    keywords: float | None = None
    graph: float | None = None


@dataclass(frozen=True, slots=True)
class Ranked:
    """A candidate with its score."""

    candidate: Candidate
    score: float
    parts: Mapping[str, float]


@dataclass(frozen=True, slots=True)
class Terms:
    """What a search asks of an answer. `threshold` 0: no cut-off. `today`: `YYYY-MM-DD`, for expiry."""

    filter: Filter
    weights: Weights
    threshold: float
    top_k: int
    today: str


def unite(vector_hits: Iterable[VectorHit], graph_hits: Iterable[GraphHit]) -> list[Candidate]:
    """What the vector store found, with what the graph says of it."""
    graph = {hit.memory_id: hit.score for hit in graph_hits}
    return [Candidate(hit.version, hit.dense, hit.keywords, graph.get(hit.version.memory_id)) for hit in vector_hits]


def candidates_of(request: SearchRequest, settings: SearchSettings) -> int:
    """How many of each leg are looked at."""
    return max(settings.candidates, _CANDIDATES_PER_HIT * request.top_k)


def nearest(hits: Iterable[VectorHit], limit: int) -> list[VectorHit]:
    """Of what several shards found, what one would have found: the best `limit` of each leg, together."""
    every = sorted(hits, key=lambda hit: hit.version.memory_id)
    dense = heapq.nlargest(limit, (hit for hit in every if hit.dense is not None), key=lambda hit: hit.dense or 0.0)
    words = heapq.nlargest(limit, (hit for hit in every if hit.keywords), key=lambda hit: hit.keywords or 0.0)
    return list({hit.version.memory_id: hit for hit in (*dense, *words)}.values())


def met(found: Iterable[Sequence[Relation]]) -> list[Relation]:
    """The relations that several shards met, the typed ones first, and of each shard the nearest before others."""
    in_turn = [edge for edges in zip_longest(*found) for edge in edges if edge is not None]
    distinct = dict.fromkeys(in_turn)
    return sorted(distinct, key=lambda edge: edge.relationship == MENTIONED_WITH)[:_MOST_RELATIONS]


def missing(
    vector_hits: Iterable[VectorHit], graph_hits: Iterable[GraphHit], ranked: Sequence[Ranked], terms: Terms
) -> list[str]:
    """The memories that the graph alone has found and that may still enter: the ledger has to say what they are."""
    least = ranked[-1].score if len(ranked) == terms.top_k else 0.0
    least = max(least, terms.threshold)
    known = {hit.version.memory_id for hit in vector_hits}
    return [
        hit.memory_id for hit in graph_hits if hit.memory_id not in known and hit.score * terms.weights.graph >= least
    ]


def known_by_graph(fetched: Iterable[MemoryVersion | None], graph_hits: Iterable[GraphHit]) -> list[Candidate]:
    """Candidates that the graph alone has found; those that are gone meanwhile are left out."""
    graph = {hit.memory_id: hit.score for hit in graph_hits}
    return [Candidate(version, graph=graph.get(version.memory_id)) for version in fetched if version is not None]


def score(candidate: Candidate, weights: Weights) -> Ranked:
    """The weighted mean of the parts, to as many digits as are shown: a product of matrices has noise in its last bits
    that depends on how many rows it has, and the same text must get the same score."""
    total = weights.dense + weights.keywords or 1.0
    parts = {
        "dense": max(candidate.dense or 0.0, 0.0) * weights.dense / total,
        "keywords": (candidate.keywords or 0.0) * weights.keywords / total,
        "graph": (candidate.graph or 0.0) * weights.graph,
    }
    return Ranked(candidate, round(min(1.0, sum(parts.values())), _DIGITS), parts)


def rank(candidates: Iterable[Candidate], terms: Terms) -> list[Ranked]:
    """The best `top_k` that match the filter, haven't expired and are relevant enough.

    Equal scores go by age, the newer first, then by id: the order never depends on that of the candidates.
    """
    scored = [
        score(candidate, terms.weights)
        for candidate in candidates
        if not expired(candidate.version, terms.today) and matches(terms.filter, candidate.version)
    ]
    kept = [ranked for ranked in scored if terms.threshold == 0 or relevance(ranked) >= terms.threshold]
    kept.sort(key=lambda ranked: ranked.candidate.version.memory_id)
    kept.sort(key=lambda ranked: (ranked.score, ranked.candidate.version.created_at_us), reverse=True)
    return kept[: terms.top_k]


def relevance(ranked: Ranked) -> float:
    """What the threshold is held against: the score, or the cosine or share of keywords alone, if that is more.

    A question and its answer may share no word: then only the cosine speaks, and the mean of both would hide it.
    """
    return max(ranked.score, ranked.candidate.dense or 0.0, ranked.candidate.keywords or 0.0)


def expired(version: MemoryVersion, today: str) -> bool:
    """Whether the memory's last day is over; both are `YYYY-MM-DD`."""
    return version.expiration_date is not None and version.expiration_date < today


def hit_object(ranked: Ranked, weights: Weights, *, explain: bool) -> Json:
    """A hit as users see it; explained, with every part of its score."""
    shown = {**memory_object(ranked.candidate.version), "score": ranked.score}
    if explain:
        candidate = ranked.candidate
        shown["score_details"] = {
            "dense": candidate.dense,
            "keywords": candidate.keywords,
            "graph": candidate.graph,
            "parts": {name: round(part, _DIGITS) for name, part in ranked.parts.items()},
            "weights": {"dense": weights.dense, "keywords": weights.keywords, "graph": weights.graph},
        }
    return shown
