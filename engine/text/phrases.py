"""Quoted phrases of a query, and which texts hold their words in sequence."""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence

# A mark opens only where a word begins, so that inches and apostrophes don't.
# No phrase holds the mark that opens it: where none closes it, each place is looked at once.
_QUOTED = re.compile(r'(?<!\w)"([^"]+)"|[“„]([^”“„]+)[”“]|«([^«»]+)»|»([^«»]+)«|「([^「」]+)」|『([^『』]+)』')


def quoted(text: str) -> list[str]:
    """What stands in quotation marks, in order."""
    return [next(group for group in found.groups() if group is not None) for found in _QUOTED.finditer(text)]


def holds(terms: Sequence[str], phrase: Sequence[Collection[str]]) -> bool:
    """Whether `terms` has one of each word's terms, in sequence and side by side."""
    last = len(terms) - len(phrase)
    return any(all(terms[start + at] in word for at, word in enumerate(phrase)) for start in range(last + 1))


def phrase_share(terms: Sequence[str], phrases: Sequence[Sequence[Collection[str]]]) -> float:
    """The share of the phrases that a text with these terms holds, in [0, 1]; 0 without phrases."""
    if not phrases:
        return 0.0
    return sum(holds(terms, phrase) for phrase in phrases) / len(phrases)
