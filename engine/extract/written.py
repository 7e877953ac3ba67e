"""Names as a question writes them, for a graph that knows which of them exist. Pure.

A recogniser is trained on statements: of "Where does Ana live?" it often makes nothing.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from engine.extract.names import NAME, name_in
from engine.types import Entity

_NAME: Final = re.compile(NAME)
_MOST: Final = 8
_KIND: Final = "name"
_ASKING_WORDS: Final = """
    am are is was were be do does did has have had can could will would shall should may might must tell show give find
    list name describe explain remind
"""
_ASKING: Final = frozenset(_ASKING_WORDS.split())
"""Words that begin a question or a request, and with it a run of capital letters: "Did Ana"."""


def names_written(text: str) -> tuple[Entity, ...]:
    """What is written like a name, each once, at most 8; `kind` "name"."""
    found: dict[str, Entity] = {}
    for name in _names(text):
        one = Entity(name, _KIND)
        found.setdefault(one.key, one)
        if len(found) == _MOST:
            break
    return tuple(found.values())


def _names(text: str) -> Iterator[str]:
    for match in _NAME.finditer(text):
        words = match[0].split()
        while words and words[0].casefold() in _ASKING:
            del words[0]
        if words and (name := name_in(" ".join(words))):
            yield name
