"""Files of messages for `remora add --file`: read and checked as a whole, before anything is sent."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from remora.commands import standard_input
from remora.errors import InvalidInput

Item = dict[str, Any]


def read(source: Path | str, speaker: Mapping[str, str]) -> list[Item]:
    """The items of `add_batch` that a file holds; a path that is `-` means JSON lines from stdin.

    A text, a message (`{content, role, …}`) or an item (`{messages, …}`) each; `speaker` completes messages.

    Raises:
        InvalidInput: it can't be read, or an entry is none of these; the message names its place.
    """
    name = "stdin" if isinstance(source, str) else str(source)
    kind = ".jsonl" if isinstance(source, str) else source.suffix.lower()
    raw = _text(source, name)
    entries = _document(raw, name) if kind == ".json" else _lines(raw, name, as_json=kind in {".jsonl", ".ndjson"})
    items = [_item(entry, speaker, place) for place, entry in entries]
    if not items:
        raise InvalidInput(f"{name} holds nothing to add")
    return items


def _text(source: Path | str, name: str) -> str:
    try:
        return standard_input.whole() if isinstance(source, str) else source.read_text(encoding="utf-8-sig")
    except OSError as error:
        raise InvalidInput(f"{name} can't be read: {error.strerror or error}") from error
    except UnicodeDecodeError as error:
        raise InvalidInput(f"{name} is no UTF-8 text: {error}") from error


def _document(raw: str, name: str) -> Iterable[tuple[str, Any]]:
    value = _parsed(raw, name)
    if isinstance(value, dict) and isinstance(value.get("messages"), list) and set(value) == {"messages"}:
        value = value["messages"]
    entries = value if isinstance(value, list) else [value]
    return [(f"{name}, entry {number}", entry) for number, entry in enumerate(entries, 1)]


def _lines(raw: str, name: str, *, as_json: bool) -> Iterator[tuple[str, Any]]:
    # Not splitlines: a text may hold the other line ends of Unicode.
    for number, line in enumerate(raw.split("\n"), 1):
        if line.strip():
            place = f"{name}, line {number}"
            yield place, _parsed(line, place) if as_json else line.strip()


def _parsed(raw: str, place: str) -> Any:
    try:
        return json.loads(raw)
    except (ValueError, RecursionError) as error:
        raise InvalidInput(f"{place} is no JSON: {error}; nothing was sent") from error


def _item(entry: Any, speaker: Mapping[str, str], place: str) -> Item:
    match entry:
        case str():
            return {"messages": [{**speaker, "content": entry}]}
        case {"messages": str() | list() | dict()}:
            return dict(entry)
        case {"content": str()}:
            return {"messages": [{**speaker, **entry}]}
        case _:
            raise InvalidInput(
                f'{place} is no message: expected a text, {{"content": …}} or {{"messages": […]}}; nothing was sent'
            )
