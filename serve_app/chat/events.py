"""Server-sent events, read as they come in, however their bytes are cut. Pure."""

from __future__ import annotations

import re
from dataclasses import dataclass

_LINE_END = re.compile(rb"\r\n|\r|\n")
_BYTE_ORDER_MARK = b"\xef\xbb\xbf"
_DATA = b"data:"
_LAST = b"[DONE]"
_SHORT = 64
_MOST_BYTES = 16 * 1024 * 1024
"""A line or an event beyond it is no event that anybody sends."""


@dataclass(frozen=True, slots=True)
class Fed:
    """What a piece of a stream completed: the data of events. `last_at`: where in it the stream's last event begins."""

    events: tuple[bytes, ...] = ()
    last_at: int | None = None


class EventStream:
    """The data of the events of one stream, in the framing of the HTML standard: lines end with CR, LF or both."""

    def __init__(self) -> None:
        self._line = bytearray()
        self._data: list[bytes] = []
        self._size = 0
        self._after_cr = False
        self._first = True

    def feed(self, piece: bytes) -> Fed:
        """Take the next bytes, cut anywhere."""
        events: list[bytes] = []
        last_at: int | None = None
        start = 1 if self._after_cr and piece[:1] == b"\n" else 0
        self._after_cr = self._after_cr and not piece
        while (end := _LINE_END.search(piece, start)) is not None:
            begins = 0 if self._line else start
            line = bytes(self._line) + piece[start : end.start()]
            self._line.clear()
            if last_at is None and self._is_last(line):
                last_at = begins
            events += self._take(line)
            self._after_cr = end.group() == b"\r" and end.end() == len(piece)
            start = end.end()
        if piece[start:]:
            begins = 0 if self._line else start
            self._line += piece[start:]
            if last_at is None and len(self._line) < _SHORT and self._is_last(bytes(self._line)):
                last_at = begins
        self._bound()
        return Fed(tuple(events), last_at)

    def end(self) -> tuple[bytes, ...]:
        """The stream is over: what it has not said to the end."""
        line, self._line = bytes(self._line), bytearray()
        return (*self._take(line), *self._take(b""))

    def _take(self, line: bytes) -> list[bytes]:
        if self._first:
            line, self._first = line.removeprefix(_BYTE_ORDER_MARK), False
        if not line:
            data, self._data, self._size = self._data, [], 0
            return [b"\n".join(data)] if data else []
        name, _, value = line.partition(b":")
        if name == b"data":
            self._data.append(value.removeprefix(b" "))
            self._size += len(value)
        return []

    def _is_last(self, line: bytes) -> bool:
        line = line.removeprefix(_BYTE_ORDER_MARK) if self._first else line
        return line.startswith(_DATA) and line[len(_DATA) :].strip() == _LAST

    def _bound(self) -> None:
        if len(self._line) + self._size > _MOST_BYTES:
            self._line.clear()
            self._data, self._size = [], 0
