"""Who of those that spoke a question names, and the question without their names.

A name says who spoke, not what about: kept in a vector or among the keywords, it finds whatever is said *to* somebody.
"""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from collections.abc import Collection

MOST_SPEAKERS = 64
"""So many of a scope are told to who asks; where there are more, those that the question names."""
_LEAST_CHARS = 2
_SPACES = re.compile(r"\s+")
_POSSESSIVE = r"(?:['’]s\b|['’](?=\s|$))?"
_AMBIGUOUS = frozenset(
    [
        "art",
        "bill",
        "bob",
        "chase",
        "dawn",
        "drew",
        "faith",
        "frank",
        "grace",
        "hope",
        "jack",
        "joy",
        "mark",
        "may",
        "pat",
        "rob",
        "rose",
        "sue",
        "will",
    ]
)


def named(question: str, speakers: Collection[str]) -> tuple[str, ...]:
    """Those whose name stands in the question: the whole name, or the first word of it that nobody else shares.

    Written as they write it; in a question without any capital letter also in small letters, unless it is a word
    like another ("will").
    """
    if not speakers:
        return ()
    question = unicodedata.normalize("NFC", question)
    letters = _letters(question)
    firsts = Counter(_first(name) for name in speakers)
    return tuple(
        sorted(
            name
            for name in speakers
            if any(
                _letters(form) in letters and _pattern(form, question).search(question)
                for form in _forms(name, alone=firsts[_first(name)] == 1)
            )
        )
    )


def without(question: str, names: Collection[str]) -> str:
    """The question without these names; if nothing is left, the question as it is."""
    forms = sorted({form for name in names for form in _forms(name, alone=True)}, key=len, reverse=True)
    left = question = unicodedata.normalize("NFC", question)
    for form in forms:
        left = _pattern(form, question).sub(" ", left)
    left = _SPACES.sub(" ", left).strip()
    return left if any(char.isalnum() for char in left) else question


def _forms(name: str, *, alone: bool) -> tuple[str, ...]:
    """How somebody may be called. `alone`: the first word is enough."""
    whole = unicodedata.normalize("NFC", name).strip()
    forms = (whole, _first(name)) if alone else (whole,)
    return tuple(dict.fromkeys(form for form in forms if len(form) >= _LEAST_CHARS))


def _first(name: str) -> str:
    return next(iter(unicodedata.normalize("NFC", name).split()), "")


def _letters(text: str) -> str:
    """What is in a text in any case that a pattern takes for the same. Most names aren't in a question at all: that is
    far sooner known than a pattern is made."""
    return text.casefold().replace("\u0307", "").replace("ı", "i")


def _pattern(form: str, question: str) -> re.Pattern[str]:
    small = question == question.lower() and form.lower() not in _AMBIGUOUS
    edge = "" if _unspaced(form) else r"\b"
    return re.compile(f"{edge}{re.escape(form)}{edge}{_POSSESSIVE}", re.IGNORECASE if small else 0)


def _unspaced(form: str) -> bool:
    """Whether its script has no spaces between words, so that nothing marks where it ends."""
    return any("\u3040" <= char <= "\u30ff" or "\u3400" <= char <= "\u9fff" for char in form)
