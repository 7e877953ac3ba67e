"""Answers without what differs from run to run: ids become the texts they stand for, times that nobody gave `now`."""

from __future__ import annotations

import re
from typing import Any

_DROPPED = frozenset({"position", "operation_id", "event_id", "latency", "details"})
_TIME = re.compile(r"\d{4}-\d\d-\d\dT[\d:.]+\+00:00")
_GIVEN_YEARS = ("2023", "2024")
_DIGITS = 4
"""Scores are added up in another order when shards share the work."""


class Normal:
    """Makes answers comparable; remembers which id was first seen with which text."""

    def __init__(self, prefix: str) -> None:
        self._prefix = prefix
        self._texts: dict[str, str] = {}

    def __call__(self, answer: Any) -> Any:
        """The answer in its comparable form."""
        self._learn(answer)
        return self._plain(answer)

    def id_of(self, text: str) -> str:
        """The id of the memory that first had a text."""
        return next(one for one, known in self._texts.items() if known == text)

    def _learn(self, value: Any) -> None:
        if isinstance(value, dict):
            if isinstance(value.get("memory"), str) and "id" in value:
                self._texts.setdefault(value["id"], value["memory"])
            for item in value.values():
                self._learn(item)
        elif isinstance(value, list):
            for item in value:
                self._learn(item)

    def _plain(self, value: Any) -> Any:
        match value:
            case dict():
                return {name: self._field(name, item) for name, item in value.items() if name not in _DROPPED}
            case list():
                return [self._plain(item) for item in value]
            case float():
                return round(value, _DIGITS)
            case str():
                return self._text(value)
            case _:
                return value

    def _field(self, name: str, value: Any) -> Any:
        if name in {"id", "memory_id"} and isinstance(value, str):
            # An event's id is its memory's and a position.
            known = self._texts.get(value.partition(":")[0])
            return f"id of {known}" if known else self._text(value) if value.startswith(self._prefix) else "an id"
        return self._plain(value)

    def _text(self, value: str) -> str:
        if _TIME.fullmatch(value) and not value.startswith(_GIVEN_YEARS):
            return "now"
        return value.replace(self._prefix, "")
