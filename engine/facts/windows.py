"""A conversation in windows that a language model takes in one call: in order, each message once. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import TypeAlias

from engine.extract.cutting import Count, cut
from engine.types import Message

_UNSAID = frozenset({"system", "developer"})
"""Roles that tell the assistant what to do: nothing of it is a fact about anybody."""
_LEAST_TOKENS = 32
"""Half a line has so many at least: less says too little by itself."""


@dataclass(frozen=True, slots=True)
class Line:
    """A message, or a piece of a long one. `number`: which of the add's messages it is, from 0."""

    number: int
    message: Message
    text: str


Heading: TypeAlias = Callable[[int, Message], str]
"""What a line of a message begins with, when it is written out; by its number and the message."""


def no_heading(_number: int, _message: Message) -> str:
    """Lines are written as they are."""
    return ""


def windows(
    messages: Sequence[Message], limit: int, count: Count, heading: Heading = no_heading
) -> list[tuple[Line, ...]]:
    """Lines in order, in windows of at most `limit` tokens; a message of more is cut, and its pieces follow each other.

    Blank messages and those of the system are in none.

    Args:
        messages: of one add.
        limit: tokens of a window's lines; of one line, headings take half of that at most.
        count: as the model's tokenizer counts, or about so.
        heading: counts with each line.
    """
    lines = list(_lines(messages, limit, count, heading))
    sizes = count([heading(line.number, line.message) + line.text for line in lines]) if lines else []
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


def halves(window: Sequence[Line], count: Count) -> tuple[tuple[Line, ...], ...]:
    """Two windows with the same lines, a lone line cut in two; none when that is too short to be cut."""
    pieces = list(window) if len(window) > 1 else _pieces(window[0], count)
    middle = len(pieces) // 2
    return (tuple(pieces[:middle]), tuple(pieces[middle:])) if middle else ()


def _pieces(line: Line, count: Count) -> list[Line]:
    size = count([line.text])[0]
    if size < 2 * _LEAST_TOKENS:
        return []
    return [Line(line.number, line.message, text) for text in cut(line.text, (size + 1) // 2, count)]


def _lines(messages: Sequence[Message], limit: int, count: Count, heading: Heading) -> Iterator[Line]:
    for number, message in enumerate(messages):
        if message.role not in _UNSAID:
            [taken] = count([heading(number, message)])
            for text in cut(message.content, max(limit - taken, limit // 2, 1), count):
                yield Line(number, message, text)
