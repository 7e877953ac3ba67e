"""Texts that say the same in nearly the same words. Pure.

Two texts are alike when the same one says them, their words overlap (Jaccard) by at least nine tenths, and the words
that differ are no numbers and no negations: "at 3 pm" is not "at 5 pm", and "likes" is not "does not like".

Pairs are found by prefix filtering (Chaudhuri, Ganti and Kaushik, "A Primitive Operator for Similarity Joins in Data
Cleaning", ICDE 2006): sets that overlap so much share one of their few rarest words.
"""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Sequence
from typing import TypeAlias

OVERLAP = 0.9

Said: TypeAlias = tuple[str | None, str]
"""Who said it, and what."""

# Scripts without spaces: each character is a word of its own.
_WORD = re.compile(r"[\u3040-\u30ff\u3400-\u9fff]|[^\W\u3040-\u30ff\u3400-\u9fff]+")
_NEGATIONS = frozenset({
    "not", "no", "never", "none", "t", "cannot", "without", "nicht", "kein", "keine", "keinen", "keiner", "nie", "ohne",
    "nunca", "sin", "ne", "pas", "jamais", "sans", "不", "没", "無", "无", "非",
})  # fmt: skip
_SLACK = 1e-9


def words_of(text: str) -> frozenset[str]:
    """The distinct words of a text, whatever their case."""
    return frozenset(_WORD.findall(text.casefold()))


def leaders(said: Sequence[Said]) -> list[int]:
    """Per text the place of the first one that it is alike; its own, if there is none before it."""
    words = [words_of(text) for _, text in said]
    spread = Counter(word for some in words for word in some)
    posted: dict[tuple[str | None, str], list[int]] = {}
    found: list[int] = []
    for place, (who, text) in enumerate(said):
        rarest = sorted(words[place], key=lambda word: (spread[word], word))
        keys = [(who, word) for word in rarest[: _prefix(len(rarest))]] or [(who, "")]
        near = sorted({other for key in keys for other in posted.get(key, ())})
        leader = next((other for other in near if _alike(words[other], words[place], said[other][1], text)), place)
        found.append(leader)
        if leader == place:
            for key in keys:
                posted.setdefault(key, []).append(place)
    return found


def _prefix(size: int) -> int:
    return size - math.ceil(OVERLAP * size - _SLACK) + 1 if size else 0


def _alike(one: frozenset[str], other: frozenset[str], text: str, other_text: str) -> bool:
    if not one or not other:
        return text.strip() == other_text.strip()
    if len(one & other) < OVERLAP * len(one | other) - _SLACK:
        return False
    return not any(word in _NEGATIONS or any(map(str.isdigit, word)) for word in one ^ other)
