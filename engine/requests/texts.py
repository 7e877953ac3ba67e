"""Texts that shall be embedded."""

from __future__ import annotations

from collections.abc import Sequence

from engine.config import LimitSettings
from engine.errors import InvalidInput, TooLarge
from engine.values import text_of


def parse_texts(raw: object, limits: LimitSettings) -> list[str]:
    """The texts of an embedding, maybe none.

    Raises:
        InvalidInput: one isn't a text, or blank.
        TooLarge: there are too many, or one is too long.
    """
    if not isinstance(raw, list | tuple):
        raise InvalidInput("texts should be a list of strings", {"field": "texts"})
    if len(raw) > limits.batch_items:
        raise TooLarge(f"more than {limits.batch_items} texts", {"field": "texts", "limit": limits.batch_items})
    return [text_of(text, f"texts[{index}]", limits.message_chars) for index, text in enumerate(raw)]


def check_lengths(tokens: Sequence[int], most: int) -> None:
    """Refuse a text of which the model would read only the beginning.

    Raises:
        InvalidInput: there is one.
    """
    for index, count in enumerate(tokens):
        if count > most:
            raise InvalidInput(
                f"texts[{index}] has {count} tokens, and the embedding model reads {most} at most",
                {"field": f"texts[{index}]", "limit": most},
            )
