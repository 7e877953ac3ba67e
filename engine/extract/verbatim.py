"""Messages kept as they are: one fragment a message. Pure; long messages are for `cutting`."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from engine.ports import Fragment
from engine.types import Message, indexed_text

_TOKENS_AROUND = 4
_TOKENS_PER_OTHER_CHARACTER = 33


def fits(text: str, max_tokens: int) -> bool:
    """Whether the text is so short that no tokenizer can make more than `max_tokens` of it; False: count them.

    An ASCII character makes at most one token. Any other makes at most as many as the UTF-8 bytes of its longest
    compatibility form (NFKC): 33, for U+FDFA. A few tokens are left for those that a model sets around a text.
    """
    if len(text) + _TOKENS_AROUND > max_tokens:
        return False
    others = len(text) - len(text.encode("ascii", "ignore"))
    return len(text) + others * (_TOKENS_PER_OTHER_CHARACTER - 1) + _TOKENS_AROUND <= max_tokens


def verbatim(messages: Sequence[Message], max_tokens: int) -> list[Fragment] | None:
    """One fragment for each message that isn't blank and not the system's; None: one has to be counted or cut."""
    kept = [message for message in messages if _is_kept(message)]
    if not all(fits(indexed_text(message.name, message.content), max_tokens) for message in kept):
        return None
    return fragments(messages, lambda message: [message.content.strip()])


def fragments(messages: Sequence[Message], cut: Callable[[Message], Sequence[str]]) -> list[Fragment]:
    """The fragments of messages, each with the pieces that `cut` makes of it; role, name and timestamp are its own."""
    return [
        Fragment(piece, index, message.role, message.name, message.timestamp_us)
        for index, message in enumerate(messages)
        if _is_kept(message)
        for piece in cut(message)
    ]


def _is_kept(message: Message) -> bool:
    return message.role != "system" and bool(message.content.strip())
