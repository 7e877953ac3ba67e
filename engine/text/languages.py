"""Which languages there are, what is particular to each, and what a setting chooses."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import Stemmer  # type: ignore[import-not-found]

from engine.errors import InvalidInput
from engine.text.folding import folded, plain
from engine.text.stop_words import STOP_WORDS

AUTO = ("auto", "multi")
_SEPARATOR = "+"
_UNSTEMMED = ("chinese", "japanese", "korean")
_ARTICLES = "c d j l m n s t qu jusqu lorsqu puisqu quoiqu"
_ITALIAN_ARTICLES = "l un all dall dell nell sull coll quest quell sant c d m t s v"
_ELISIONS = {"french": _ARTICLES, "italian": _ITALIAN_ARTICLES, "catalan": "d l m n s t"}

# The likelier first: a text that says nothing for one of them counts as English, and so on when two say as much.
_DETECTED = (
    "english", "spanish", "german", "french", "portuguese", "italian", "dutch", "polish", "turkish", "swedish",
    "danish", "norwegian", "finnish", "hungarian", "czech", "romanian", "catalan", "russian", "greek", "arabic",
    "hindi", "armenian", "tamil", "chinese", "japanese", "korean",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Language:
    """`stop_words` folded and without accents. `elisions`: what stands before an apostrophe and is no word of its own.

    `stemmer`: Snowball's name of the algorithm, or None.
    """

    name: str
    stemmer: str | None
    stop_words: frozenset[str]
    elisions: frozenset[str]


def known() -> list[str]:
    """What can be named in a setting."""
    return sorted({*Stemmer.algorithms(), *_UNSTEMMED, AUTO[0]})


def chosen(setting: str) -> tuple[Language, ...]:
    """The languages that a setting names: one, several joined by `+`, or `auto` for all that can be told apart.

    With several, each text is taken for the one it is in; for the first of them when it doesn't show.

    Raises:
        InvalidInput: there is no such language; names those that there are.
    """
    names = [name.strip().lower() for name in setting.split(_SEPARATOR)]
    if any(name in AUTO for name in names):
        rest = tuple(name for name in names if name not in AUTO)
        names = [*rest, *(name for name in _DETECTED if name not in rest)]
    for name in names:
        if name not in known():
            raise InvalidInput(
                f"vector.language: unknown language {name[:64]!a}; there are {', '.join(known())}, "
                f"and several joined by +, such as english+german",
                {"setting": "vector.language", "known": known()},
            )
    return tuple(language(name) for name in dict.fromkeys(names))


@cache
def language(name: str) -> Language:
    """What is particular to it."""
    return Language(
        name=name,
        stemmer=None if name in _UNSTEMMED else name,
        stop_words=frozenset(plain(folded(word)) for word in STOP_WORDS.get(name, ())),
        elisions=frozenset(_ELISIONS.get(name, "").split()),
    )
