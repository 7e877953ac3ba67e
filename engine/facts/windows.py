"""A conversation in windows that a language model takes in one call: in order, each message once. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from engine.extract.cutting import Count, cut
from engine.types import Message

_UNSAID = frozenset({"system", "developer"})
"""Roles that tell the assistant what to do: nothing of it is a fact about anybody."""


@dataclass(frozen=True, slots=True)
class Line:
    """A message, or a piece of a long one. `number`: which of the add's messages it is, from 0."""

    number: int
    message: Message
    text: str


def windows(messages: Sequence[Message], limit: int, count: Count) -> list[tuple[Line, ...]]:
    """Lines in order, in windows of at most `limit` tokens; a message of more is cut, and its pieces follow each other.

    Blank messages and those of the system are in none.

    Args:
        messages: of one add.
        limit: tokens of a window's texts.
        count: as the model's tokenizer counts, or about so.
    """
    lines = list(_lines(messages, limit, count))
    sizes = count([line.text for line in lines]) if lines else []
    found: list[tuple[Line, ...]] = []
    window: list[Line] = []
    held = 0
    for line, size in zip(lines, sizes, strict=True):
        if window and held + size > limit:
            found.append(tuple(window))
            window, held = [], 0
        window.append(line)
        held += size
    return [*found, tuple(window)] if window else found


def _lines(messages: Sequence[Message], limit: int, count: Count) -> Iterator[Line]:
    for number, message in enumerate(messages):
        if message.role not in _UNSAID:
            for text in cut(message.content, limit, count):
                yield Line(number, message, text)
