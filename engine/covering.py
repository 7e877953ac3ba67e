"""Messages and the facts that were made of them, in one answer: a message speaks for its facts, not for itself. Pure.

A fact alone loses what only the words of the message say; the message alone is a transcript. So a message that is found
lends its score to its facts, and isn't answered itself.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

from engine.filters import matches
from engine.retrieve import Candidate, Ranked, Terms, by_relevance, expired
from engine.types import MemoryVersion

_LENT = 1.0
"""The share of its score that a message lends to its facts."""
_LOOKED_AT = 3
"""For each memory that is wanted so many are looked at: several messages may speak for one fact."""


def pool(ranked: Sequence[Ranked], top_k: int) -> Sequence[Ranked]:
    """As many of the best as may come into the answer."""
    return ranked[: _LOOKED_AT * top_k]


def messages_in(ranked: Iterable[Ranked]) -> list[str]:
    """The ids of those that may stand behind facts."""
    return [one.candidate.version.memory_id for one in ranked if not one.candidate.version.sources]


def covered(ranked: Sequence[Ranked], facts: Mapping[str, Sequence[MemoryVersion]], terms: Terms) -> list[Ranked]:
    """The same with facts in place of the messages behind them, best first; not yet cut to `top_k`.

    Args:
        ranked: best first.
        facts: of the messages that have been read for facts, those that are live; a message may stand for itself.
        terms: what a fact has to match that no leg has found.
    """
    own = {one.candidate.version.memory_id: one for one in ranked}
    best = {memory_id: one for memory_id, one in own.items() if memory_id not in facts}
    for message in ranked:
        of = message.candidate.version.memory_id
        for fact in facts.get(of, ()):
            known = best.get(fact.memory_id) or own.get(fact.memory_id) or _unfound(fact, terms)
            if known is not None:
                best[fact.memory_id] = known if fact.memory_id == of else _lifted(known, message)
    return by_relevance(best.values())


def _unfound(fact: MemoryVersion, terms: Terms) -> Ranked | None:
    """A fact that only its message speaks for."""
    wanted = matches(terms.filter, fact) and not expired(fact, terms.today)
    return Ranked(Candidate(fact, {}), 0.0) if wanted else None


def _lifted(fact: Ranked, message: Ranked) -> Ranked:
    lent = _LENT * message.score
    return fact if fact.score >= lent else replace(fact, score=lent, lent_by=message.candidate.version.memory_id)
