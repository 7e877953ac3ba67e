"""What some embedding models want before a text, so that questions and what answers them lie close."""

from __future__ import annotations

from collections.abc import Sequence

from engine.ports import Span


def prefixed(
    windows: Sequence[str], spans: Sequence[Sequence[Span]] | None, prefix: str
) -> tuple[list[str], list[list[Span]]]:
    """Windows with `prefix` before each, and their spans where the same characters are now.

    A span that was the whole window still is, prefix and all: that is what such a model was trained on.
    """
    own = spans if spans is not None else [[(0, len(window))] for window in windows]
    moved = [
        [_moved(span, len(window), len(prefix)) for span in each] for window, each in zip(windows, own, strict=True)
    ]
    return [prefix + window for window in windows], moved


def _moved(span: Span, length: int, by: int) -> Span:
    start, end = span
    return (0, length + by) if span == (0, length) else (start + by, end + by)
