"""The messages of an add, in each form that callers send them in."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from engine.config import LimitSettings
from engine.errors import InvalidInput, TooLarge
from engine.requests.images import check_size, images_in, named
from engine.times import parse_moment
from engine.types import Message
from engine.values import text_of, word_of


def messages_of(raw: object, limits: LimitSettings, *, images: bool = False) -> tuple[Message, ...]:
    """The messages: a text, one message or a list of them.

    Args:
        raw: as a caller sent it.
        limits: of a request.
        images: images in them are kept; otherwise they are passed over, as all that isn't text.

    Raises:
        InvalidInput, TooLarge: what is wrong with it.
    """
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
    found = tuple(_message(item, f"messages[{index}]", limits, images=images) for index, item in enumerate(items))
    check_size([image for message in found for image in message.images], limits)
    return found


def _message(raw: object, where: str, limits: LimitSettings, *, images: bool) -> Message:
    if not isinstance(raw, Mapping) or "role" not in raw or "content" not in raw:
        raise InvalidInput(f"{where} should be an object with role and content", {"field": where})
    name, timestamp = raw.get("name"), raw.get("timestamp")
    content = f"{where}.content"
    shown = images_in(raw["content"], content) if images else ()
    return Message(
        role=word_of(raw["role"], f"{where}.role"),
        content="\n".join(filter(None, [_content(raw["content"], content, limits), *map(named, shown)])),
        name=None if name is None else text_of(name, f"{where}.name", limits.id_chars),
        timestamp_us=None if timestamp is None else parse_moment(timestamp, f"{where}.timestamp"),
        images=shown,
    )


def _content(raw: object, where: str, limits: LimitSettings) -> str:
    """The text of a message; of a list of parts, the text parts. None (a bare tool call) is no text, and no error."""
    if raw is None:
        return ""
    if isinstance(raw, Mapping) and isinstance(raw.get("type"), str):
        raw = [raw]  # one part by itself, as Mem0's clients send images
    if isinstance(raw, list):
        parts = [part.get("text") for part in raw if isinstance(part, Mapping) and part.get("type") == "text"]
        if not parts:
            return ""
        raw = "\n".join(text_of(part, where, limits.message_chars) for part in parts)
    return text_of(raw, where, limits.message_chars)
