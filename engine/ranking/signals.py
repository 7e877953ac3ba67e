"""The signals: what can be said of a memory in the light of a question. Each is computed elsewhere."""

from __future__ import annotations

from enum import StrEnum


class Signal(StrEnum):
    """Each is a number of [0, 1] a memory (cosines: [-1, 1]), or unknown: then it counts neither for nor against.

    dense: cosine of question and memory. context: the same, of the memory read inside its conversation. keywords:
    BM25 as a share of what a text with every word of the question would get. keywords_context: the same over the
    memory and those next to it. tokens: how well each token of the question is met by one of the memory.
    speaker: the question names who said it. date: it is of the time that the question asks for. when: the question
    asks for a time, and it tells one. session: the best of its conversation. reply: it follows somebody else's
    question that matches. phrase: it holds what the question puts in quotes. graph: nearness to what the question
    names. recency: how young it is. statement: how much of it states something rather than asks.
    """

    DENSE = "dense"
    CONTEXT = "context"
    KEYWORDS = "keywords"
    KEYWORDS_CONTEXT = "keywords_context"
    TOKENS = "tokens"
    SPEAKER = "speaker"
    DATE = "date"
    WHEN = "when"
    SESSION = "session"
    REPLY = "reply"
    PHRASE = "phrase"
    GRAPH = "graph"
    RECENCY = "recency"
    STATEMENT = "statement"


FAMILIES = (
    (Signal.DENSE, Signal.CONTEXT),
    (Signal.KEYWORDS, Signal.KEYWORDS_CONTEXT),
    (Signal.TOKENS,),
)
"""Signals that look at the same thing share a place in the base of the score."""
DISCOUNTS = (Signal.STATEMENT,)
"""Signals that take a share from a score where they are low, and add nothing where they are high."""
BONUSES = tuple(
    signal for signal in Signal if signal not in DISCOUNTS and not any(signal in family for family in FAMILIES)
)
"""Signals that lift a score and can't hold it down."""
DERIVED = (Signal.CONTEXT, Signal.TOKENS)
"""Signals from what is computed after a memory is committed."""
