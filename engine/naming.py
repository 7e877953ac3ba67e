"""Names as they are compared: what differs only in how it is written meets under one key. Pure."""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache
from typing import Final

# Remembered names: an entity is asked for its key many times.
_REMEMBERED: Final = 65_536
_ACCENTS: Final = frozenset(map(chr, range(0x300, 0x370)))
_BARE: Final = str.maketrans({"ł": "l", "ø": "o", "đ": "d", "ı": "i", "\u200b": None, "\ufeff": None})
_POSSESSIVE: Final = re.compile(r"(?:['\u2019\u02bc]s|(?<=s)['\u2019\u02bc])$")
_ARTICLE: Final = re.compile(r"^(?:the|an?) (?=\S)")
_BREAKS: Final = re.compile(r"[\s_\-]+")


@lru_cache(maxsize=_REMEMBERED)
def name_key(name: str) -> str:
    """A name without case, width, accents, an English article before it and a possessive behind it; of a key, itself.

    Marks are taken from Latin and Greek letters only: in other scripts they make another letter ("が" is no "か").
    """
    folded = name.casefold()
    if not folded.isascii():
        folded = _without_accents(unicodedata.normalize("NFKC", folded).casefold())
    key = " ".join(folded.split())
    while (shorter := _ARTICLE.sub("", _POSSESSIVE.sub("", key)).strip()) and shorter != key:
        key = shorter
    return key


def relationship_key(relationship: str) -> str:
    """A relationship's name without case; spaces, hyphens and underscores are the same."""
    return _BREAKS.sub("_", relationship.casefold()).strip("_")


def _without_accents(text: str) -> str:
    kept: list[str] = []
    for character in unicodedata.normalize("NFD", text):
        if character in _ACCENTS and kept and _takes_accents(kept[-1]):
            continue
        kept.append(character)
    return unicodedata.normalize("NFC", "".join(kept)).translate(_BARE)


def _takes_accents(letter: str) -> bool:
    return letter.isascii() or "\u0370" <= letter <= "\u03ff" or "\u00c0" <= letter <= "\u024f"
