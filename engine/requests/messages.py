"""The messages of an add, in each form that callers send them in."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from engine.config import LimitSettings
from engine.errors import InvalidInput, TooLarge
from engine.times import parse_moment
from engine.types import Message
from engine.values import text_of, word_of


def messages_of(raw: object, limits: LimitSettings) -> tuple[Message, ...]:
    """The messages: a text, one message or a list of them."""
    match raw:
        case str():
            items: Sequence[object] = [{"role": "user", "content": raw}]
        case Mapping():
            items = [raw]
        case list() | tuple():
            items = raw
        case _:
            raise InvalidInput("messages should be a list of {role, content}", {"field": "messages"})
    if not items:
        raise InvalidInput("messages should not be empty", {"field": "messages"})
    if len(items) > limits.messages:
        raise TooLarge(f"more than {limits.messages} messages", {"field": "messages", "limit": limits.messages})
    return tuple(_message(item, f"messages[{index}]", limits) for index, item in enumerate(items))


def _message(raw: object, where: str, limits: LimitSettings) -> Message:
    if not isinstance(raw, Mapping) or "role" not in raw or "content" not in raw:
        raise InvalidInput(f"{where} should be an object with role and content", {"field": where})
    name, timestamp = raw.get("name"), raw.get("timestamp")
    return Message(
        role=word_of(raw["role"], f"{where}.role"),
        content=_content(raw["content"], f"{where}.content", limits),
        name=None if name is None else text_of(name, f"{where}.name", limits.id_chars),
        timestamp_us=None if timestamp is None else parse_moment(timestamp, f"{where}.timestamp"),
    )


def _content(raw: object, where: str, limits: LimitSettings) -> str:
    """The text of a message; of a list of parts, the text parts. None (a bare tool call) is no text, and no error."""
    if raw is None:
        return ""
    if isinstance(raw, list):
        parts = [part.get("text") for part in raw if isinstance(part, Mapping) and part.get("type") == "text"]
        if not parts:
            return ""
        raw = "\n".join(text_of(part, where, limits.message_chars) for part in parts)
    return text_of(raw, where, limits.message_chars)
