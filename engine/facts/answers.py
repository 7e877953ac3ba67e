"""JSON in what a language model answers: found, and mended where it is certain what was meant. Pure.

A fence around it, and words before or after it, are certain. An answer that breaks off is not mended: nobody knows
what it would have said.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from itertools import islice
from typing import Any, Final

_MOST_CHARS: Final = 2_000
"""A fact that is longer is a transcript."""
_FENCE: Final = re.compile(r"^\s*```\w*\s*$", re.MULTILINE)
_THOUGHT: Final = "</think>"
_BEGIN: Final = re.compile(r"\{")
_MOST_BEGINS: Final = 8


class Unreadable(ValueError):
    """An answer of which nothing is certain; says what is wrong with it."""


def items_of(answer: str, names: Sequence[str], *, most: int) -> list[Any]:
    """The list under the first of `names` in the answer's first object that has one, or the list that it is.

    Raises:
        Unreadable: there is no such list, it breaks off, or has more than `most` items.
    """
    said = answer.rpartition(_THOUGHT)[2]  # What a reasoning model thinks aloud is no answer.
    found = _found(_FENCE.sub("", said).strip(), names)
    if not isinstance(found, list):
        raise Unreadable(f'"{names[0]}" is no list')
    if len(found) > most:
        raise Unreadable(f'"{names[0]}" has {len(found)} items, more than {most}')
    return found


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


def _found(answer: str, names: Sequence[str]) -> Any:
    if not answer:
        raise Unreadable("its answer is empty")
    if answer.startswith("["):
        return _decoded(answer, 0)
    begins = [match.start() for match in islice(_BEGIN.finditer(answer), _MOST_BEGINS)]
    if not begins:
        raise Unreadable("there is no JSON object in its answer")
    wrong = Unreadable(f'there are no "{names[0]}" in its answer')
    for at in begins:
        try:
            value = _decoded(answer, at)
        except Unreadable as error:
            wrong = error if at == begins[0] else wrong
            continue
        if (name := next((one for one in names if one in value), None)) is not None:
            return value[name]
    raise wrong


def _decoded(answer: str, at: int) -> Any:
    try:
        value, _ = json.JSONDecoder(strict=False).raw_decode(answer, at)
    except (ValueError, RecursionError) as error:
        raise Unreadable(f"its answer is no JSON, or breaks off: {error}") from error
    return value
