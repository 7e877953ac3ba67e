"""The facts in a language model's answer, each held against what it was asked about. Pure.

A fact given as a bare string, and numbers of lines that there are not, are mended: what was meant is certain.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from engine.facts.answers import Unreadable, clean, items_before_the_break, items_of, listed, text_in
from engine.types import Relation

_MOST_FACTS: Final = 500
_MOST_NAME: Final = 200
_LISTS: Final = ("facts", "memory", "memories")
_TEXTS: Final = ("fact", "text", "memory", "content")
_NOT_A_WORD: Final = re.compile(r"[\s-]+")


@dataclass(frozen=True, slots=True)
class Fact:
    """`lines`: numbers of the messages that say it, ascending. `relations`: as stated, with names as they are written.

    `categories`: of those that were offered.
    """

    text: str
    lines: tuple[int, ...]
    categories: tuple[str, ...] = ()
    relations: tuple[Relation, ...] = ()

    def also(self, other: Fact) -> Fact:
        """The same fact, said by what says either."""
        return Fact(
            self.text,
            tuple(sorted({*self.lines, *other.lines})),
            tuple(dict.fromkeys((*self.categories, *other.categories))),
            tuple(dict.fromkeys((*self.relations, *other.relations))),
        )


@dataclass(frozen=True, slots=True)
class Reading:
    """What an answer says. `left_out`: what of it was of no use, in words."""

    facts: tuple[Fact, ...]
    left_out: tuple[str, ...] = ()


def read(answer: str, numbers: Collection[int], categories: Collection[str] | None = None) -> Reading:
    """The facts of an answer.

    Args:
        answer: what the model said.
        numbers: of the messages in its window; a fact that names none of them is of all.
        categories: those that were offered; None: any.

    Raises:
        Unreadable: it is no such answer, or it breaks off.
    """
    reading = _reading(items_of(answer, _LISTS, most=_MOST_FACTS), numbers, categories)
    if reading.left_out and not reading.facts:
        raise Unreadable(f"not one fact of its answer can be read: {reading.left_out[0]}")
    return reading


def read_before_the_break(answer: str, numbers: Collection[int], categories: Collection[str] | None = None) -> Reading:
    """The facts of an answer that breaks off, as many as are there whole; arguments as of `read`."""
    return _reading(items_before_the_break(answer, _LISTS, most=_MOST_FACTS), numbers, categories)


def _reading(items: Iterable[Any], numbers: Collection[int], categories: Collection[str] | None) -> Reading:
    facts: dict[str, Fact] = {}
    left_out: list[str] = []
    for raw in items:
        try:
            one = _fact(raw, numbers, categories)
        except Unreadable as error:
            left_out.append(str(error))
            continue
        known = facts.get(one.text.casefold())
        facts[one.text.casefold()] = one if known is None else known.also(one)
    return Reading(tuple(facts.values()), tuple(left_out))


def _fact(raw: Any, numbers: Collection[int], categories: Collection[str] | None) -> Fact:
    said: Mapping[str, Any] = {"fact": raw} if isinstance(raw, str) else raw if isinstance(raw, Mapping) else {}
    text = text_in(said, _TEXTS)
    if not any(map(str.isalnum, text)):  # also "...", where the form of the answer comes back
        raise Unreadable("a fact has no text")
    lines = [one for one in listed(said.get("lines")) if type(one) is int and one in numbers]
    offered = [one for one in listed(said.get("categories")) if isinstance(one, str)]
    return Fact(
        text,
        tuple(sorted(set(lines) or set(numbers))),
        tuple(dict.fromkeys(one for one in offered if categories is None or one in categories)),
        tuple(dict.fromkeys(_relations(listed(said.get("relations"))))),
    )


def _relations(raw: list[Any]) -> Iterator[Relation]:
    for one in raw:
        if not isinstance(one, Mapping):
            continue
        source, target = _name(one.get("source")), _name(one.get("target"))
        stated = _name(one.get("relation", one.get("relationship")))
        relationship = _NOT_A_WORD.sub("_", stated.casefold())
        if source and target and relationship and source.casefold() != target.casefold():
            yield Relation(source, relationship, target)


def _name(raw: Any) -> str:
    name = " ".join(clean(raw).split()) if isinstance(raw, str) else ""
    return name if len(name) <= _MOST_NAME else ""
