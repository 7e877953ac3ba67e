"""What every embedder asks of the windows and spans that it is given. Pure; no model."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from engine.errors import InvalidInput
from engine.ports import Span


@dataclass(frozen=True, slots=True)
class Window:
    """One text to encode and the character ranges of it to pool."""

    text: str
    spans: tuple[Span, ...]


def windows_of(texts: Sequence[str], spans: Sequence[Sequence[Span]] | None) -> list[Window]:
    """Texts with their spans; without spans, one span a text: all of it.

    Raises:
        InvalidInput: a text isn't valid Unicode (lone surrogates), or spans don't fit their text.
    """
    if spans is not None and len(spans) != len(texts):
        raise InvalidInput(f"{len(texts)} windows but spans for {len(spans)}", {"field": "spans"})
    ranges = spans if spans is not None else [((0, len(text)),) for text in texts]
    return [_window(index, text, tuple(own)) for index, (text, own) in enumerate(zip(texts, ranges, strict=True))]


def _window(index: int, text: str, spans: tuple[Span, ...]) -> Window:
    try:
        text.encode()
    except UnicodeEncodeError as error:
        raise InvalidInput(f"window {index} isn't valid Unicode: {error.reason}", {"window": index}) from error
    for start, end in spans:
        if not 0 <= start <= end <= len(text):
            problem = f"span ({start}, {end}) doesn't fit window {index} of {len(text)} characters"
            raise InvalidInput(problem, {"window": index, "span": [start, end]})
    return Window(text, spans)


def tokens_in(offsets: Sequence[Span], span: Span) -> list[int]:
    """Which tokens lie, wholly or in part, in the span. Special tokens have an empty range and never do."""
    return [i for i, (start, end) in enumerate(offsets) if start < end and start < span[1] and end > span[0]]
