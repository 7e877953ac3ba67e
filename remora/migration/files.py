"""Memories of Mem0 in a file of JSON or JSON lines."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

from remora.commands import standard_input
from remora.errors import InvalidInput
from remora.migration.records import Row, listed

_LINES = frozenset({".jsonl", ".ndjson"})


def of_file(source: str) -> Iterator[Row]:
    """The memories of a file, whatever it holds at each place; `-` means JSON lines from stdin.

    A `.jsonl` or `.ndjson` file has one a line; any other is one JSON document.

    Raises:
        InvalidInput: it can't be read, or a document is no JSON.
    """
    as_lines = source == "-" or Path(source).suffix.lower() in _LINES
    text = _text(source)
    if as_lines:
        yield from _of_lines(text)
        return
    try:
        document = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise InvalidInput(f"{source} is no JSON: {error}. One memory a line is a file .jsonl") from error
    yield from (Row(number, value) for number, value in enumerate(listed(document), 1))


def _text(source: str) -> str:
    try:
        return standard_input.whole() if source == "-" else Path(source).read_text(encoding="utf-8-sig")
    except OSError as error:
        raise InvalidInput(f"{source} can't be read: {error.strerror or error}", {"field": "file"}) from error
    except UnicodeDecodeError as error:
        raise InvalidInput(f"{source} is no UTF-8 text: {error}", {"field": "file"}) from error


def _of_lines(text: str) -> Iterator[Row]:
    # Not splitlines: a text may hold the other line ends of Unicode.
    for number, line in enumerate(text.split("\n"), 1):
        if line.strip():
            yield Row(number, _parsed(line))


def _parsed(line: str) -> object:
    try:
        return json.loads(line)
    except (ValueError, RecursionError):
        return None
