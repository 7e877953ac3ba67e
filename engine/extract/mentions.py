"""From what a recogniser marks in a text to entities: which marks count, and under what name. Pure; English words."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import TypeAlias

from engine.types import Entity

Mark: TypeAlias = tuple[str, str]
"""A marked piece of text and the recogniser's label for it."""

MAX_CHARS = 100

_KINDS = {
    "PERSON": "person",
    "PER": "person",
    "ORG": "org",
    "GPE": "place",
    "LOC": "place",
    "FAC": "place",
    "NORP": "group",
    "EVENT": "event",
    "PRODUCT": "product",
    "WORK_OF_ART": "work",
    "LAW": "law",
    "LANGUAGE": "language",
    "MISC": "other",
}
"""Labels of OntoNotes and WikiNER. What is missing names no thing: dates, times, numbers, money, shares, measures."""

_DETERMINER = re.compile(r"^(?:the|an?|this|that|these|those|my|your|his|her|its|our|their)\s+(?=\S)", re.IGNORECASE)
_POSSESSIVE = re.compile(r"(?:['’]s|(?<=s)['’])$", re.IGNORECASE)
_EDGE = re.compile(r"^[\W_]+|[^\w.+#]+$|_+$")
# fmt: off
_EMPTY_WORDS = {
    "i", "me", "my", "mine", "myself", "you", "your", "yours", "yourself", "he", "him", "his", "himself", "she",
    "her", "hers", "herself", "it", "its", "itself", "we", "us", "our", "ours", "ourselves", "they", "them",
    "their", "theirs", "themselves", "who", "whom", "whose", "which", "what", "this", "that", "these", "those",
    "one", "someone", "anyone", "everyone", "somebody", "anybody", "everybody", "something", "anything",
    "everything", "nothing", "nobody", "here", "there", "yes", "no", "ok", "okay", "hi", "hey", "hello", "bye",
    "thanks", "lol", "haha", "wow", "the", "a", "an", "and", "or", "but", "mr", "mrs", "ms", "dr",
}
# fmt: on


def entities_of(marks: Iterable[Mark]) -> tuple[Entity, ...]:
    """The entities that marks name, each once (by `Entity.key`), in the order they first appear."""
    found: dict[str, Entity] = {}
    for text, label in marks:
        entity = entity_of(text, label)
        if entity is not None:
            found.setdefault(entity.key, entity)
    return tuple(found.values())


def entity_of(text: str, label: str) -> Entity | None:
    """The entity that a mark names, without article and possessive; None for pronouns, numbers and the like."""
    kind = _KINDS.get(label)
    name = _name(text)
    if kind is None or not _names_something(name):
        return None
    return Entity(name, kind)


def _name(text: str) -> str:
    name = _EDGE.sub("", " ".join(text.split()))
    return _EDGE.sub("", _DETERMINER.sub("", _POSSESSIVE.sub("", name)))


def _names_something(name: str) -> bool:
    if len(name) > MAX_CHARS or not any(character.isalpha() for character in name):
        return False
    acronym = name.isupper() and len(name) > 1
    lone_letter = len(name) == 1 and name.isascii()
    return not lone_letter and (acronym or name.casefold() not in _EMPTY_WORDS)
