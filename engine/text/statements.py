"""How much of a text states something, and how much of it only asks."""

from __future__ import annotations

import re

# A mark ends a sentence only before a space or the end: not inside an address, nor before a closing quotation mark.
_ENDS = re.compile(r"[.!?…]+(?=[\s)]|$)|[。！？؟]+|\n+")
_ASKING = frozenset("?？؟")


def stated_share(text: str) -> float:
    """The share of a text, by letters and digits, that doesn't stand in questions: in [0, 1]; 1 of a text without any.

    Source: dialogue acts (Stolcke et al., "Dialogue Act Modeling", 2000), of which this tells one by its mark: what
    asks seldom answers.
    """
    asked = whole = start = 0
    for end in _ENDS.finditer(text):
        size = _size(text[start : end.start()])
        whole += size
        asked += size if _ASKING & set(end.group()) else 0
        start = end.end()
    whole += _size(text[start:])
    return 1.0 - asked / whole if whole else 1.0


def _size(text: str) -> int:
    return sum(map(str.isalnum, text))
