"""What a block says of its rows in the light of a query: the signals, the best rows by them, and the hits.

First every row gets the signals that are cheap for all of them at once; then the best get those that look closer.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from engine.ports import VectorHit, VectorQuery
from engine.ranking import codes
from engine.ranking.fusion import based, fuse
from engine.ranking.signals import Signal
from engine.temporal.scorers import date_match, recency, when_match
from engine.text.phrases import phrase_share
from engine.types import FloatArray
from engine.vector.matcher import Matcher, best
from engine.vector.rows import UNNAMED, Rows

_LOOKED_CLOSER_AT = 64
_CLOSER_PER_HIT = 2


@dataclass(frozen=True, slots=True)
class Cosines:
    """Of one query with every row: float32 (rows,), None without a vector. `context`: NaN where a row has none."""

    dense: FloatArray | None
    context: FloatArray | None


def hits(
    rows: Rows, query: VectorQuery, cosines: Cosines, matcher: Matcher | None, among: Sequence[int], population: int
) -> tuple[VectorHit, ...]:
    """The best `limit` rows that match, and those of `among`, with what is known of each."""
    signals = _of_all(rows, query, cosines, population)
    asked = [at for at in among if matcher is None or matcher(at)]
    if not signals:
        return tuple(VectorHit(version, {}) for at in asked if (version := rows.versions[at]) is not None)
    lifts = query.weights[Signal.SESSION] > 0 and rows.neighbours.are_sessions
    live = rows.live if query.include_expired else rows.live_at(query.at_us)
    scores = fuse(signals, query.weights, query.floors)
    allowed = live if Signal.DENSE in signals else live & (scores > 0)
    closer = max(_LOOKED_CLOSER_AT, _CLOSER_PER_HIT * query.limit)
    # Single rows are lifted by the best of their conversations too, whoever these are.
    chosen = best(scores, allowed, closer, matcher) if query.limit or lifts else []
    at = np.array(list(dict.fromkeys([*chosen, *asked])), dtype=np.int64)
    of_all, signals = signals, _looked_at(rows, query, signals, at)
    if lifts:
        signals[Signal.SESSION] = _sessions(rows, at, based(signals, query.weights, query.floors))
    if query.weights[Signal.REPLY] > 0 and not population:
        signals[Signal.REPLY] = _replies(rows, query, of_all, at)
    order = np.argsort(-fuse(signals, query.weights, query.floors), kind="stable")
    kept = order[: query.limit]
    if asked:
        kept = np.union1d(kept, np.flatnonzero(np.isin(at, asked)))
    return _hits(rows, at, signals, kept, vectors=query.vectors)


def _of_all(rows: Rows, query: VectorQuery, cosines: Cosines, population: int) -> dict[Signal, FloatArray]:
    """What every row gets."""
    weights = query.weights
    signals: dict[Signal, FloatArray] = {}
    if cosines.dense is not None:
        signals[Signal.DENSE] = cosines.dense
    if cosines.context is not None:
        signals[Signal.CONTEXT] = cosines.context
    if query.text is not None and (weights[Signal.KEYWORDS] > 0 or weights[Signal.KEYWORDS_CONTEXT] > 0):
        # Of rows that are but a selection nobody knows which of them stand side by side.
        links = rows.neighbours if weights[Signal.KEYWORDS_CONTEXT] > 0 and not population else None
        scored = rows.keywords.scores(query.text, links, population, query.statistics)
        if scored is not None:
            signals[Signal.KEYWORDS], signals[Signal.KEYWORDS_CONTEXT] = scored
    if query.named and weights[Signal.SPEAKER] > 0 and rows.are_several_named:
        spoken = np.zeros(len(rows), np.float32)
        for number in rows.numbers_of(query.named):
            spoken[rows.speaker == number] = 1.0
        spoken[rows.speaker == UNNAMED] = np.nan
        signals[Signal.SPEAKER] = spoken
    found = _wanted(signals | _of_times(rows, query), query)
    return found | {Signal.STATEMENT: rows.stated} if found and weights[Signal.STATEMENT] > 0 else found


def _of_times(rows: Rows, query: VectorQuery) -> dict[Signal, FloatArray]:
    signals: dict[Signal, FloatArray] = {}
    asked = query.time
    if asked.ranges and query.weights[Signal.DATE] > 0:
        signals[Signal.DATE] = date_match(asked.ranges, rows.times)
    if asked.when and query.weights[Signal.WHEN] > 0:
        signals[Signal.WHEN] = when_match(rows.times)
    if query.weights[Signal.RECENCY] > 0:
        signals[Signal.RECENCY] = recency(rows.times.said_at_us, query.at_us, query.half_life_s)
    return signals


def _wanted(signals: dict[Signal, FloatArray], query: VectorQuery) -> dict[Signal, FloatArray]:
    return {signal: values for signal, values in signals.items() if query.weights[signal] > 0}


def _looked_at(
    rows: Rows, query: VectorQuery, of_all: dict[Signal, FloatArray], at: npt.NDArray[np.int64]
) -> dict[Signal, FloatArray]:
    """All that the rows `at` get, but for what they get from others."""
    return {signal: values[at] for signal, values in of_all.items()} | _of_some(rows, query, at)


def _of_some(rows: Rows, query: VectorQuery, at: npt.NDArray[np.int64]) -> dict[Signal, FloatArray]:
    """What only the rows `at` get."""
    signals: dict[Signal, FloatArray] = {}
    if query.tokens is not None and query.weights[Signal.TOKENS] > 0:
        signals[Signal.TOKENS] = codes.match(query.tokens, [rows.tokens[one] for one in at])
    if query.text is not None and query.weights[Signal.PHRASE] > 0 and (phrases := rows.analyzer.phrases(query.text)):
        texts = ["" if (version := rows.versions[one]) is None else version.text for one in at]
        shares = [phrase_share(rows.analyzer.terms(text), phrases) for text in texts]
        signals[Signal.PHRASE] = np.array(shares, dtype=np.float32)
    return signals


def _sessions(rows: Rows, at: npt.NDArray[np.int64], scores: FloatArray) -> FloatArray:
    """Per row the best score in its conversation; NaN: it stands alone."""
    _, places = np.unique(rows.neighbours.conversation[at], return_inverse=True)
    best_of = np.zeros(places.max(initial=-1) + 1, np.float32)
    np.maximum.at(best_of, places, scores)
    alone = (rows.neighbours.before[at] < 0) & (rows.neighbours.after[at] < 0)
    lifted: FloatArray = np.where(alone, np.float32(np.nan), best_of[places])
    return lifted


def _replies(rows: Rows, query: VectorQuery, of_all: dict[Signal, FloatArray], at: npt.NDArray[np.int64]) -> FloatArray:
    """Per row how well the memory before it matches, as far as that asks; NaN: it states, or the same one said both.

    Source: adjacency pairs (Schegloff and Sacks, "Opening up Closings", 1973): a question calls for its answer next.
    """
    replies = np.full(len(at), np.nan, np.float32)
    before = rows.neighbours.before[at]
    places = [place for place, one in enumerate(before.tolist()) if one >= 0 and rows.asks_another(one, int(at[place]))]
    if places:
        asking, which = np.unique(before[places], return_inverse=True)
        matched = based(_looked_at(rows, query, of_all, asking), query.weights, query.floors)
        replies[places] = (matched * (1 - rows.stated[asking]))[which]
    return replies


def _hits(
    rows: Rows,
    at: npt.NDArray[np.int64],
    signals: dict[Signal, FloatArray],
    kept: npt.NDArray[np.int64],
    *,
    vectors: bool,
) -> tuple[VectorHit, ...]:
    table = np.stack([values[kept] for values in signals.values()], axis=1)
    complete = not np.isnan(table).any()
    found: list[VectorHit] = []
    for row, values in zip(at[kept].tolist(), table.tolist(), strict=True):
        version = rows.versions[row]
        if version is not None:
            known = dict(zip(signals, values, strict=True))
            if not complete:
                known = {name: value for name, value in known.items() if not math.isnan(value)}
            found.append(VectorHit(version, known, rows.vectors[row].copy() if vectors else None))
    return tuple(found)
