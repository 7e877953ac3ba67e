"""Spellings that mean the same, as one: case, width, accents of Latin and Greek letters, groups of digits."""

from __future__ import annotations

import re
import sys
import unicodedata

_LAST_FOLDED = 0x1EFF
_GREEK = range(0x370, 0x400)
_GREEK_EXTENDED = range(0x1F00, 0x2000)
_LATIN = range(0xC0, 0x250)
_LATIN_ADDITIONAL = range(0x1E00, _LAST_FOLDED + 1)
# Letters that no decomposition takes apart.
_LETTERS = {"ø": "o", "ł": "l", "đ": "d", "ð": "d", "þ": "th", "æ": "ae", "œ": "oe", "ı": "i", "ħ": "h", "ŧ": "t"}


def _plain_letters() -> dict[int, str]:
    table: dict[int, str] = {ord(letter): plain for letter, plain in _LETTERS.items()}
    for block in (_LATIN, _LATIN_ADDITIONAL, _GREEK, _GREEK_EXTENDED):
        for code in block:
            base = unicodedata.normalize("NFD", chr(code))
            if len(base) > 1 and base[0].isalpha():
                table[code] = base[0]
    return table


_PLAIN = _plain_letters()
_GROUPED = re.compile(r"(?<=\d),(?=\d{3}(?!\d))")


def folded(text: str) -> str:
    """One case, one width, composed; `1,000` is `1000`. Accents stay: stemmers need them."""
    lower = text.lower() if text.isascii() else unicodedata.normalize("NFKC", text).casefold()
    return _GROUPED.sub("", lower) if "," in lower else lower


def plain(term: str) -> str:
    """Latin and Greek letters without their accents: not everybody types them.

    Marks of other scripts stay, since there they make other letters: й isn't и, and vowels of Hindi are marks.
    """
    return sys.intern(term if term.isascii() else term.translate(_PLAIN))
