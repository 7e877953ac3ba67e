"""JSON in what a language model answers: found, and mended where it is certain what was meant. Pure.

A fence around it, and words before or after it, are certain. An answer that breaks off is not mended: nobody knows
what it would have said. The items before the break are certain all the same.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from typing import Any, Final

_MOST_CHARS: Final = 2_000
"""A fact that is longer is a transcript."""
_FENCE: Final = re.compile(r"^\s*```\w*\s*$", re.MULTILINE)
_THOUGHT: Final = "<think>"
_THOUGHT_OUT: Final = "</think>"
_BEGIN: Final = re.compile(r"[{\[]")
_MOST_BEGINS: Final = 64
_BETWEEN: Final = re.compile(r"[\s,]*")
_DECODER: Final = json.JSONDecoder(strict=False)


class Unreadable(ValueError):
    """An answer of which nothing is certain; says what is wrong with it."""


def items_of(answer: str, names: Sequence[str], *, most: int) -> list[Any]:
    """The list under the first of `names` in the last object of the answer that has one, or the list that it is.

    Raises:
        Unreadable: there is no such list, it breaks off, or has more than `most` items.
    """
    found = _found(_spoken(answer), names)
    if not isinstance(found, list):
        raise Unreadable(f'"{names[0]}" is no list')
    if len(found) > most:
        raise Unreadable(f'"{names[0]}" has {len(found)} items, more than {most}')
    return found


def items_before_the_break(answer: str, names: Sequence[str], *, most: int) -> list[Any]:
    """The items of a list that breaks off, as many as are there whole: what these say is certain. Of none: none."""
    try:
        said = _spoken(answer)
    except Unreadable:
        return []
    begins = [*re.finditer(rf'"(?:{"|".join(names)})"\s*:\s*\[', said)]
    if not begins and not said.startswith("["):
        return []
    at = begins[-1].end() if begins else 1
    items: list[Any] = []
    while len(items) < most:
        at = _skipped(said, at)
        try:
            item, at = _decoded(said, at)
        except Unreadable:
            break
        if not isinstance(item, dict | str):
            break
        items.append(item)
    return items


def text_in(raw: Mapping[str, Any], names: Sequence[str]) -> str:
    """The text under the first of `names` that has one; empty: none has.

    Raises:
        Unreadable: it is too long to be a fact.
    """
    text = clean(next((raw[name] for name in names if isinstance(raw.get(name), str)), ""))
    if len(text) > _MOST_CHARS:
        raise Unreadable(f"a fact has {len(text)} characters, more than {_MOST_CHARS}")
    return text


def clean(text: str) -> str:
    """A text without what no store takes (NUL, halves of surrogate pairs) and without white space around it."""
    return text.replace("\0", "").encode(errors="ignore").decode().strip()


def listed(raw: Any) -> list[Any]:
    """A list as it is; nothing of what is none."""
    return raw if isinstance(raw, list) else []


def _spoken(answer: str) -> str:
    """Without what a reasoning model thinks aloud, and without fences.

    Raises:
        Unreadable: there is nothing else.
    """
    said = _FENCE.sub("", answer.rpartition(_THOUGHT_OUT)[2]).strip()
    if not said or said.startswith(_THOUGHT):
        raise Unreadable("its answer is empty")
    return said


def _found(answer: str, names: Sequence[str]) -> Any:
    """What stands for the list: in an object if there is one with it, else as a list by itself; the last of several."""
    named: list[Any] = []
    bare: list[Any] = []
    wrong: Unreadable | None = None
    at = 0
    for _ in range(_MOST_BEGINS):
        begin = _BEGIN.search(answer, at)
        if begin is None:
            break
        try:
            value, at = _decoded(answer, begin.start())
        except Unreadable as error:
            wrong, at = wrong or error, begin.end()
            continue
        if isinstance(value, dict):
            named += [value[name] for name in names if name in value][:1]
        elif wrong is None and _stands_alone(value, begin.start(), at, len(answer)):
            bare.append(value)  # behind a break it may be a part of what broke
    lists = [one for one in named if isinstance(one, list)] or bare or named
    if lists:
        return lists[-1]
    missing = f'there are no "{names[0]}" in its answer' if at else "there is no JSON object in its answer"
    raise wrong or Unreadable(missing)


def _stands_alone(value: list[Any], start: int, end: int, length: int) -> bool:
    """Whether a list may be the one that was asked for; "[0]" in a sentence is none."""
    if not value:
        return end == length
    return start == 0 or all(isinstance(one, dict | str) for one in value)


def _skipped(text: str, at: int) -> int:
    between = _BETWEEN.match(text, at)
    return between.end() if between else at


def _decoded(answer: str, at: int) -> tuple[Any, int]:
    """The JSON value that begins there, and where it ends."""
    try:
        return _DECODER.raw_decode(answer, at)
    except (ValueError, RecursionError) as error:
        raise Unreadable(f"its answer is no JSON, or breaks off: {error}") from error
