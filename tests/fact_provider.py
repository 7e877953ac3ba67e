"""A provider that makes facts as a language model would, by simple rules, over real HTTP; faults can be armed.

"I live in Bonn." said by ann becomes "Ann lives in Bonn.", with the relation; thanks are none; every other line is a
fact as it is. Asked what becomes of facts, it lets one that names another town take the place of the old one.
"""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from tests.provider import Provider, Reply

_LINE = re.compile(r"^\[(\d+)\] [^\n]*?UTC, ([^:\n]+?): (.*)$", re.MULTILINE)
_KNOWN = re.compile(r"^\[(\d+)\] \(([\d-]+)\) (.*)$", re.MULTILINE)
_NEW = re.compile(r"^\[([a-z]+)\] \(([\d-]+)\) (.*)$", re.MULTILINE)
_LIVES = re.compile(r"(?:I live|I moved to live) in (\w+)")
_RESIDENT = re.compile(r"(\w+) lives in (\w+)")


class FactProvider(Provider):
    """Answers by rule; while a fault is armed, by that. `extracted`: how many questions for facts came."""

    def __init__(self, replies: Sequence[Reply]) -> None:
        super().__init__(replies)
        self.extracted = 0
        self._faults: Iterator[Reply | None] | None = None

    def reply_to(self, asked: dict[str, Any]) -> Reply:
        fault = next(self._faults, None) if self._faults is not None else None
        if fault is not None:
            return fault
        system, user = (message["content"] for message in asked["messages"][:2])
        if "keep a list of facts consistent" in system:
            return Reply(json.dumps({"decisions": decisions(user)}))
        self.extracted += 1
        return Reply(json.dumps({"facts": facts(user)}))

    @contextmanager
    def failing(self, replies: Iterator[Reply | None]) -> Iterator[None]:
        """Within, each answer is the next of these; None: the right one."""
        self._faults = replies
        try:
            yield
        finally:
            self._faults = None


def facts(user: str) -> list[dict[str, Any]]:
    lines = [line for line in _LINE.findall(user) if not line[2].startswith("Thank")]
    return [_fact(int(number), speaker.split(" (")[0], text) for number, speaker, text in lines]


def _fact(number: int, speaker: str, text: str) -> dict[str, Any]:
    if (lives := _LIVES.search(text)) is None:
        return {"fact": text, "lines": [number], "categories": [], "relations": []}
    who, town = speaker.capitalize(), lives[1]
    relation = {"source": who, "relation": "lives_in", "target": town}
    return {"fact": f"{who} lives in {town}.", "lines": [number], "categories": [], "relations": [relation]}


def decisions(user: str) -> list[dict[str, Any]]:
    known_part, _, new_part = user.partition("New facts:")
    known = {match[2]: int(match[0]) for match in _KNOWN.findall(known_part)}
    return [_decision(letter, text, known) for letter, _, text in _NEW.findall(new_part)]


def _decision(letter: str, text: str, known: dict[str, int]) -> dict[str, Any]:
    if text in known:
        return {"fact": letter, "event": "NONE", "known": [known[text]], "text": ""}
    if (resident := _RESIDENT.match(text)) is not None:
        old = [number for said, number in known.items() if said.startswith(f"{resident[1]} lives in ")]
        if old:
            return {"fact": letter, "event": "UPDATE", "known": old, "text": text}
    return {"fact": letter, "event": "ADD", "known": [], "text": ""}


def hanging(gate: asyncio.Event) -> Reply:
    """No answer until the gate opens."""
    return Reply(gate=gate)
