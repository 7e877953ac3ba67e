"""What a language model's answer is worth: read, mended where that is certain, refused where it is not. Pure.

A fence around the object, words before or after it, a fact given as a bare string and numbers of lines that there are
not: what was meant is certain. An answer that breaks off is not mended: nobody knows what it would have said.
"""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from itertools import islice
from typing import Any, Final

from engine.types import Relation

_MOST_FACTS: Final = 500
_MOST_CHARS: Final = 2_000
"""A fact that is longer is a transcript."""
_MOST_NAME: Final = 200
_LISTS: Final = ("facts", "memory", "memories")
_TEXTS: Final = ("fact", "text", "memory", "content")
_FENCE: Final = re.compile(r"^\s*```\w*\s*$", re.MULTILINE)
_BEGIN: Final = re.compile(r"\{")
_MOST_BEGINS: Final = 8
_NOT_A_WORD: Final = re.compile(r"[\s-]+")


class Unreadable(ValueError):
    """An answer of which nothing is certain; says what is wrong with it."""


@dataclass(frozen=True, slots=True)
class Fact:
    """`lines`: numbers of the messages that say it, ascending. `relations`: as stated, with names as they are written.

    `categories`: of those that were offered.
    """

    text: str
    lines: tuple[int, ...]
    categories: tuple[str, ...] = ()
    relations: tuple[Relation, ...] = ()


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
    facts: dict[str, Fact] = {}
    left_out: list[str] = []
    for raw in _items(answer):
        try:
            one = _fact(raw, numbers, categories)
        except Unreadable as error:
            left_out.append(str(error))
            continue
        facts.setdefault(one.text.casefold(), one)
    if left_out and not facts:
        raise Unreadable(f"not one fact of its answer can be read: {left_out[0]}")
    return Reading(tuple(facts.values()), tuple(left_out))


def _items(answer: str) -> list[Any]:
    """The raw facts of an answer: those of its first object that has some, or the list that it is."""
    found = _found(_FENCE.sub("", answer).strip())
    if not isinstance(found, list):
        raise Unreadable('"facts" is no list')
    if len(found) > _MOST_FACTS:
        raise Unreadable(f"its answer has {len(found)} facts, more than {_MOST_FACTS}")
    return found


def _found(answer: str) -> Any:
    if not answer:
        raise Unreadable("its answer is empty")
    if answer.startswith("["):
        return _decoded(answer, 0)
    begins = [match.start() for match in islice(_BEGIN.finditer(answer), _MOST_BEGINS)]
    if not begins:
        raise Unreadable("there is no JSON object in its answer")
    wrong = Unreadable('there are no "facts" in its answer')
    for at in begins:
        try:
            value = _decoded(answer, at)
        except Unreadable as error:
            wrong = error if at == begins[0] else wrong
            continue
        if (name := next((one for one in _LISTS if one in value), None)) is not None:
            return value[name]
    raise wrong


def _decoded(answer: str, at: int) -> Any:
    try:
        value, _ = json.JSONDecoder(strict=False).raw_decode(answer, at)
    except (ValueError, RecursionError) as error:
        raise Unreadable(f"its answer is no JSON, or breaks off: {error}") from error
    return value


def _fact(raw: Any, numbers: Collection[int], categories: Collection[str] | None) -> Fact:
    said: Mapping[str, Any] = {"fact": raw} if isinstance(raw, str) else raw if isinstance(raw, Mapping) else {}
    text = next((said[name] for name in _TEXTS if isinstance(said.get(name), str)), "").strip()
    if not text:
        raise Unreadable("a fact has no text")
    if len(text) > _MOST_CHARS:
        raise Unreadable(f"a fact has {len(text)} characters, more than {_MOST_CHARS}")
    lines = [one for one in _list(said.get("lines")) if type(one) is int and one in numbers]
    offered = [one for one in _list(said.get("categories")) if isinstance(one, str)]
    return Fact(
        text,
        tuple(sorted(set(lines) or set(numbers))),
        tuple(dict.fromkeys(one for one in offered if categories is None or one in categories)),
        tuple(dict.fromkeys(_relations(_list(said.get("relations"))))),
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
    name = " ".join(raw.split()) if isinstance(raw, str) else ""
    return name if len(name) <= _MOST_NAME else ""


def _list(raw: Any) -> list[Any]:
    return raw if isinstance(raw, list) else []
