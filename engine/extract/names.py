"""Names in English texts by their capital letters: the patterns, and what begins with one and is no name. Pure."""

from __future__ import annotations

import re
from typing import Final

_UPPER: Final = "A-Z\u00c0-\u00d6\u00d8-\u00de\u0100-\u017f"
_WORD: Final = rf"[{_UPPER}][\w&-]{{0,40}}(?:['\u2019][{_UPPER}]\w{{1,40}})?"
_LINK: Final = r"(?:of|de|da|di|del|dos|der|den|van|von|la|le|al|bin)"
NAME: Final = rf"\b(?:St\. )?{_WORD}(?: (?:{_LINK} ){{0,2}}{_WORD}){{0,3}}"
"""A regular expression for what may be a name: one to four words with a capital letter."""
TITLE: Final = r"(?:(?:Mr|Mrs|Ms|Miss|Dr|Prof|Professor|Sir|Madam)\b\.? ?)"
"""One for what stands before a name and is no part of it."""

_BEFORE_WORDS: Final = """
    i i'm my our your his her its their we you he she it they this that these those there here who what where when
    why how which the a an and but or so yet also then now today tomorrow yesterday tonight well oh hey hi hello yes
    no yeah ok okay sure actually apparently meanwhile however still maybe perhaps since because although though
    while after before until as at in on to from for with by of if unless whether once later recently currently
    finally luckily sadly unfortunately fortunately anyway btw fyi both every everyone everybody everything nobody
    somebody someone anyone nothing something people mr mrs ms dr prof guess thanks thank wow
"""
_NEVER_WORDS: Final = """
    monday tuesday wednesday thursday friday saturday sunday january february march april may june july august
    september october november december christmas easter english german french spanish italian dutch polish russian
    chinese japanese korean american british irish scottish welsh canadian mexican brazilian indian swiss austrian
    greek turkish swedish norwegian danish finnish portuguese czech hungarian romanian ukrainian arab arabic iranian
    israeli jewish muslim catholic protestant christian hindu buddhist vegan vegetarian european african asian
    australian egyptian vietnamese thai cuban argentinian colombian nigerian kenyan libra leo virgo aries taurus
    gemini scorpio capricorn aquarius pisces
"""
_BEFORE: Final = frozenset(_BEFORE_WORDS.split())
_NEVER: Final = frozenset(_NEVER_WORDS.split())


def name_in(text: str) -> str | None:
    """The name in a piece of text that `NAME` has found, without what only looks like a part of it; None: none."""
    words = re.split(r"\s+", text.strip())
    while words and words[0].casefold() in _BEFORE:
        del words[0]
    while words and words[-1].casefold() in {"i", "and", "but", "so"}:
        del words[-1]
    if not words or words[0].casefold() in _NEVER or not any(map(str.isalpha, words[0])):
        return None
    return " ".join(words)
