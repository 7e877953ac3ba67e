"""Long texts into pieces under a token limit, at sentence borders where that is possible. Pure; counts are given."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Sequence
from itertools import chain, pairwise
from typing import TypeAlias

Count: TypeAlias = Callable[[Sequence[str]], list[int]]
"""Tokens of each text."""

# Every alternative looks at a few characters only, so that no text makes the search slow.
_SENTENCE_END = re.compile(
    r"""
      (?<=[.!?…]) ["'”’)\]»]{0,3} (?=\s)  # an end mark, with what closes behind it, before white space
    | (?<=[。！？]) [”’」』）]{0,3}         # the end mark of a script without spaces
    | \n (?=[\n*•\d-])                   # the end of a paragraph, or of a line in a list
    """,
    re.VERBOSE,
)
_WORD = re.compile(r"\S+\s*")
_JOINERS = {"\u200d", "\ufe0e", "\ufe0f"}


def cut(text: str, limit: int, count: Count) -> list[str]:
    """Pieces of `text`, each with at most `limit` tokens, filled from left to right.

    Sentences stay whole where they fit; one that doesn't is cut between words, a word that doesn't between
    characters, never before a mark that belongs to the character before it. A single character may exceed the limit.
    Nothing but white space at the ends of pieces is lost.
    """
    text = text.strip()
    if not text:
        return []
    if count([text])[0] <= limit:
        return [text]
    return [piece for part in _smaller(text, limit, count) for piece in cut(part, limit, count)] or [text]


def _smaller(text: str, limit: int, count: Count) -> list[str]:
    """At least two parts of a text that is too long, or none when it can't be parted."""
    for parts in (_sentences(text), _WORD.findall(text)):
        joined = _pack(parts, limit, count)
        # Tokens of neighbours may add up to more than each has alone; then sentences give one part again.
        if len(joined) > 1:
            return joined
    border = _character_border(text, len(text) // 2)
    return [text[:border], text[border:]] if border else []


def _sentences(text: str) -> list[str]:
    borders = [0, *(end.end() for end in _SENTENCE_END.finditer(text)), len(text)]
    return [text[start:end] for start, end in pairwise(borders) if start < end]


def _pack(parts: Sequence[str], limit: int, count: Count) -> list[str]:
    """Join neighbours as long as their counts together stay under the limit; a part over it stays alone."""
    joined: list[str] = []
    room = 0
    for part, tokens in zip(parts, count(parts), strict=True):
        if joined and tokens <= room:
            joined[-1] += part
            room -= tokens
        else:
            joined.append(part)
            room = limit - tokens
    return joined


def _character_border(text: str, near: int) -> int:
    """The nearest place at or before `near` where a character ends; else the first one behind it, or 0 for none."""
    for place in chain(range(near, 0, -1), range(near + 1, len(text))):
        if not _belongs_together(text[place - 1], text[place]):
            return place
    return 0


def _belongs_together(left: str, right: str) -> bool:
    skin_tone = "\U0001f3fb" <= right <= "\U0001f3ff"
    surrogates = "\ud800" <= left <= "\udbff" and "\udc00" <= right <= "\udfff"
    return bool(unicodedata.combining(right)) or right in _JOINERS or left == "\u200d" or skin_tone or surrogates
