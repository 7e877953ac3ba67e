"""What a language model says, gathered from its answer: the text of the first choice. Pure."""

from __future__ import annotations

import json
import zlib
from collections.abc import Iterable
from typing import Any

import orjson

from serve_app.chat.messages import clean, text_in

_MOST_CHARS = 4_000_000
"""No answer is as long; what never ends shall not fill the memory."""
_ZLIB_OR_GZIP = zlib.MAX_WBITS | 32
_PLAIN = frozenset({"", "identity"})


class Said:
    """The text so far."""

    def __init__(self) -> None:
        self._parts: list[str] = []
        self._chars = 0
        self.has_ended = False
        """Whether it has said why it stops."""

    @property
    def text(self) -> str:
        """All of it, fit to be stored."""
        return clean("".join(self._parts))

    def hear(self, events: Iterable[bytes]) -> None:
        """Take the chunks of a stream."""
        for event in events:
            for choice in _choices(event):
                delta = choice.get("delta")
                self.has_ended |= isinstance(choice.get("finish_reason"), str)
                self._add(text_in(delta.get("content")) if isinstance(delta, dict) else "")

    def read(self, body: bytes) -> None:
        """Take a whole answer."""
        for choice in _choices(body):
            message = choice.get("message")
            self._add(text_in(message.get("content")) if isinstance(message, dict) else "")

    def _add(self, text: str) -> None:
        if text and self._chars < _MOST_CHARS:
            self._parts.append(text)
            self._chars += len(text)


class Unpacked:
    """Bytes as they were before a server packed them, though it was asked not to.

    Args:
        encoding: the answer's `Content-Encoding`.
    """

    def __init__(self, encoding: str) -> None:
        self.is_plain = encoding.strip().lower() in _PLAIN
        self._packed = encoding.strip().lower() in {"gzip", "x-gzip", "deflate"}
        self._inflate = zlib.decompressobj(_ZLIB_OR_GZIP)

    def __call__(self, piece: bytes) -> bytes:
        """The next bytes; nothing where it can't be told."""
        if self.is_plain:
            return piece
        if not self._packed:
            return b""
        try:
            return self._inflate.decompress(piece)
        except zlib.error:
            self._packed = False
            return b""


def _choices(raw: bytes) -> list[dict[str, Any]]:
    """The first choice of an answer or of a chunk, if it is there; several stand for several answers."""
    value = _json(raw)
    choices = value.get("choices") if isinstance(value, dict) else None
    if not isinstance(choices, list):
        return []
    return [one for one in choices if isinstance(one, dict) and one.get("index", 0) == 0][:1]


def _json(raw: bytes) -> Any:
    try:
        return orjson.loads(raw)
    except orjson.JSONDecodeError:
        pass
    try:  # Half a surrogate pair, as some servers cut emoji, is nothing to orjson.
        return json.loads(raw)
    except (ValueError, RecursionError):
        return None
