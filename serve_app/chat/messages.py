"""The messages of a chat: what is asked, what is new, and where memories go in. Pure.

They are a language model's, in whatever shape its server takes them: what isn't understood is left alone.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from engine.types import Json

_ENOUGH_CHARS = 64
"""A question that is shorter may lean on what was said before it."""
_EARLIER = 2
_QUERY_CHARS = 1000
_LEADING = frozenset({"system", "developer"})
_PART_KINDS = frozenset({"text", "input_text", "output_text"})


def clean(text: str) -> str:
    """The text as every store can hold it: halves of surrogate pairs are put together, or replaced as NUL is."""
    if not text.isascii():
        text = text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")
    return text.replace("\0", "\N{REPLACEMENT CHARACTER}")


def text_in(content: object) -> str:
    """The text of a message's content: of a list, that of its text parts."""
    if isinstance(content, str):
        return content
    if not isinstance(content, list):
        return ""
    parts = (part.get("text") for part in content if isinstance(part, dict) and part.get("type") in _PART_KINDS)
    return "\n".join(part for part in parts if isinstance(part, str))


def query_of(messages: Sequence[Any]) -> str:
    """What memories are looked for by: the last thing that the user said, with what came before if that is short."""
    said = [text for one in reversed(messages) if _role(one) == "user" and (text := clean(_text(one)).strip())]
    chosen: list[str] = []
    for text in said[: 1 + _EARLIER]:
        chosen.insert(0, text)
        if sum(map(len, chosen)) >= _ENOUGH_CHARS:
            break
    return _ends("\n".join(chosen))


def new_in(messages: Sequence[Any], *, message_chars: int, name_chars: int) -> list[Json]:
    """What the user has said since the model last did, as messages to remember, each of so many characters at most."""
    after = next((index for index in range(len(messages), 0, -1) if _role(messages[index - 1]) == "assistant"), 0)
    new: list[Json] = []
    for one in messages[after:]:
        if _role(one) == "user":
            new += said_by("user", _text(one), message_chars, _name(one, name_chars))
    return new


def said_by(role: str, text: str, message_chars: int, name: str | None = None) -> list[Json]:
    """A text as messages to remember; a long one as several."""
    named = {} if name is None else {"name": name}
    return [{"role": role, "content": piece, **named} for piece in _pieces(clean(text), message_chars)]


def with_memories(messages: Sequence[Any], text: str) -> list[Any]:
    """The messages with a text at the end of the caller's own leading instructions, or before all where there are none.

    One message holds them all: not every model takes a second one.
    """
    leading = next((index for index, one in enumerate(messages) if _role(one) not in _LEADING), len(messages))
    if leading == 0:
        return [{"role": "system", "content": text}, *messages]
    last = messages[leading - 1]
    content = last.get("content")
    if isinstance(content, str):
        joined: Any = f"{content}\n\n{text}" if content else text
    elif isinstance(content, list):
        joined = [*content, {"type": "text", "text": text}]
    else:
        return [*messages[:leading], {"role": last["role"], "content": text}, *messages[leading:]]
    return [*messages[: leading - 1], {**last, "content": joined}, *messages[leading:]]


def _role(message: Any) -> str | None:
    role = message.get("role") if isinstance(message, dict) else None
    return role if isinstance(role, str) else None


def _text(message: Any) -> str:
    return text_in(message.get("content"))


def _name(message: Any, most_chars: int) -> str | None:
    name = message.get("name")
    if not isinstance(name, str) or not name.strip() or len(name) > most_chars:
        return None
    return clean(name)


def _pieces(text: str, most_chars: int) -> Iterator[str]:
    """The text in pieces that aren't blank."""
    for start in range(0, len(text), most_chars):
        if (piece := text[start : start + most_chars]).strip():
            yield piece


def _ends(text: str) -> str:
    """Of a long text its beginning and its end: what is asked stands before or after what it is asked about."""
    if len(text) <= _QUERY_CHARS:
        return text
    return f"{text[: _QUERY_CHARS // 2]}\n{text[-_QUERY_CHARS // 2 :]}"
