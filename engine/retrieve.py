"""Which memories answer a query, decided from what the legs found. Pure: no clock, no I/O.

What the score of a memory is made of, and what it means, is `engine.ranking`'s business.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import zip_longest

import numpy as np

from engine.answers import memory_object
from engine.config import SearchSettings
from engine.filters import Filter, matches
from engine.graph_port import GraphHit
from engine.ports import VectorHit
from engine.ranking.fusion import fuse, parts
from engine.ranking.signals import DERIVED, Signal
from engine.ranking.weights import NO_FLOORS, Floors, Weights
from engine.requests import SearchRequest
from engine.types import MENTIONED_WITH, FloatArray, Json, MemoryVersion, Relation

_CANDIDATES_PER_HIT = 3
_DIGITS = 6
_MOST_RELATIONS = 20


@dataclass(frozen=True, slots=True)
class Candidate:
    """A memory with the signals that are known of it."""

    version: MemoryVersion
    signals: Mapping[Signal, float]


@dataclass(frozen=True, slots=True)
class Ranked:
    """A candidate with its score. `lent_by`: the message that it is from and that has lent it the score."""

    candidate: Candidate
    score: float
    lent_by: str | None = None


@dataclass(frozen=True, slots=True)
class Terms:
    """What a search asks of an answer. `threshold` 0: no cut-off. `today`: `YYYY-MM-DD`, for expiry; None: what has
    expired is wanted too.
    """

    filter: Filter
    weights: Weights
    threshold: float
    top_k: int
    today: str | None
    floors: Floors = NO_FLOORS


def unite(vector_hits: Iterable[VectorHit], graph_hits: Iterable[GraphHit]) -> list[Candidate]:
    """What the vector store found, with what the graph says of it."""
    graph = {hit.memory_id: {Signal.GRAPH: hit.score} for hit in graph_hits}
    return [Candidate(hit.version, {**hit.signals, **graph.get(hit.version.memory_id, {})}) for hit in vector_hits]


def candidates_of(request: SearchRequest, settings: SearchSettings) -> int:
    """How many of each leg are looked at."""
    return max(settings.candidates, _CANDIDATES_PER_HIT * request.top_k, request.wishes.spare(request.top_k))


def nearest(hits: Iterable[VectorHit], limit: int, weights: Weights, floors: Floors = NO_FLOORS) -> list[VectorHit]:
    """Of what several shards found, what one would have found: the best `limit`."""
    every = sorted(hits, key=lambda hit: hit.version.memory_id)
    scores = _scores([hit.signals for hit in every], weights, floors)
    return [every[at] for at in np.argsort(-scores, kind="stable")[:limit]]


def met(found: Iterable[Sequence[Relation]]) -> list[Relation]:
    """The relations that several shards met, the typed ones first, and of each shard the nearest before others."""
    in_turn = [edge for edges in zip_longest(*found) for edge in edges if edge is not None]
    distinct = dict.fromkeys(in_turn)
    return sorted(distinct, key=lambda edge: edge.relationship == MENTIONED_WITH)[:_MOST_RELATIONS]


def missing(
    vector_hits: Sequence[VectorHit], graph_hits: Iterable[GraphHit], limit: int, ranked: Sequence[Ranked], terms: Terms
) -> list[str]:
    """The memories that the graph alone has found and that may still enter: something has to say what they are.

    Of a memory that isn't among the best `limit` the store says no more than of the last of these.
    """
    weight = min(terms.weights[Signal.GRAPH], 1.0)
    if weight == 0:
        return []
    least = max(ranked[-1].score if len(ranked) == terms.top_k else 0.0, terms.threshold)
    scores = _scores([hit.signals for hit in vector_hits], terms.weights, terms.floors)
    most = float(scores.min()) if len(scores) >= limit else 0.0
    known = {hit.version.memory_id for hit in vector_hits}
    return [
        hit.memory_id
        for hit in graph_hits
        if hit.memory_id not in known and 1 - (1 - most) * (1 - weight * hit.score) >= least
    ]


def known_by_graph(fetched: Iterable[MemoryVersion | None], graph_hits: Iterable[GraphHit]) -> list[Candidate]:
    """Candidates that the graph alone has found; those that are gone meanwhile are left out."""
    graph = {hit.memory_id: hit.score for hit in graph_hits}
    return [
        Candidate(version, {Signal.GRAPH: graph[version.memory_id]} if version.memory_id in graph else {})
        for version in fetched
        if version is not None
    ]


def scored(candidates: Sequence[Candidate], weights: Weights, floors: Floors = NO_FLOORS) -> list[Ranked]:
    """Each with its score, to as many digits as are shown: a product of matrices has noise in its last bits that
    depends on how many rows it has, and the same text must get the same score."""
    scores = _scores([candidate.signals for candidate in candidates], weights, floors)
    return [Ranked(one, round(score, _DIGITS)) for one, score in zip(candidates, scores.tolist(), strict=True)]


def rank(candidates: Iterable[Candidate], terms: Terms) -> list[Ranked]:
    """The best `top_k` that match the filter, haven't expired and are relevant enough."""
    return relevant(candidates, terms)[: terms.top_k]


def relevant(candidates: Iterable[Candidate], terms: Terms) -> list[Ranked]:
    """All of them, however many are wanted, best first."""
    allowed = [
        candidate
        for candidate in candidates
        if not expired(candidate.version, terms.today) and matches(terms.filter, candidate.version)
    ]
    return by_relevance(one for one in scored(allowed, terms.weights, terms.floors) if one.score >= terms.threshold)


def by_relevance(ranked: Iterable[Ranked]) -> list[Ranked]:
    """Best first. Equal scores go by age, the newer first, then by id: the order given plays no part."""
    kept = sorted(ranked, key=lambda one: one.candidate.version.memory_id)
    kept.sort(key=lambda one: (one.score, one.candidate.version.created_at_us), reverse=True)
    return kept


def expired(version: MemoryVersion, today: str | None) -> bool:
    """Whether the memory's last day is over; both are `YYYY-MM-DD`. None: no day is asked about."""
    return today is not None and version.expiration_date is not None and version.expiration_date < today


def hit_object(ranked: Ranked, weights: Weights, floors: Floors = NO_FLOORS, *, explain: bool) -> Json:
    """A hit as users see it; explained, with every signal and what it contributes to the score.

    `pending`: signals that are computed after a memory is added, and aren't there yet. `lent_by`: of a fact, the
    message from which it has its score.
    """
    shown = {**memory_object(ranked.candidate.version), "score": ranked.score}
    if explain:
        signals = ranked.candidate.signals
        shares = parts(signals, weights, floors)
        shown["score_details"] = {
            "signals": {signal.value: round(value, _DIGITS) for signal, value in signals.items()},
            "parts": {signal.value: round(part, _DIGITS) for signal, part in shares.items()},
            "weights": weights.named(),
            "floors": {"cosine": round(floors.cosine, _DIGITS), "token": round(floors.token, _DIGITS)},
            **({} if ranked.lent_by is None else {"lent_by": ranked.lent_by}),
            "pending": [signal.value for signal in DERIVED if signal not in signals and weights[signal] > 0],
        }
    return shown


def _scores(signals: Sequence[Mapping[Signal, float]], weights: Weights, floors: Floors) -> FloatArray:
    """float32 (n,): of each, by what is known of it."""
    names = list(dict.fromkeys(name for known in signals for name in known))
    if not names:
        return np.zeros(len(signals), np.float32)
    unknown = float("nan")
    columns = {name: np.array([known.get(name, unknown) for known in signals], np.float32) for name in names}
    return fuse(columns, weights, floors)
