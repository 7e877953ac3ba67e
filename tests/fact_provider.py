"""A provider that makes facts as a language model would, by simple rules, over real HTTP; faults can be armed.

"I live in Bonn." said by ann becomes "Ann lives in Bonn.", with the relation; thanks are none; every other line is a
fact as it is. Asked what becomes of facts, it lets one that names another town take the place of the old one.
"""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from tests.provider import Provider, Reply

_LINE = re.compile(r"^\[(\d+)\] [^\n]*?UTC, ([^:\n]+?): (.*)$", re.MULTILINE)
_KNOWN = re.compile(r"^\[(\d+)\] \(([\d-]+)\) (.*)$", re.MULTILINE)
_NEW = re.compile(r"^\[([a-z]+)\] \(([\d-]+)\) (.*)$", re.MULTILINE)
_LIVES = re.compile(r"(?:I live|I moved to live) in (\w+)")
_RESIDENT = re.compile(r"(\w+) lives in (\w+)")


Fault = Callable[[dict[str, Any]], Reply | None]
"""What is answered to a question instead of the right thing; None: nothing is."""


class FactProvider(Provider):
    """Answers by rule; while a fault is armed, by that. `extracted`: how many questions for facts came."""

    def __init__(self, replies: Sequence[Reply]) -> None:
        super().__init__(replies)
        self.extracted = 0
        self._fault: Fault | None = None

    def reply_to(self, asked: dict[str, Any]) -> Reply:
        fault = None if self._fault is None else self._fault(asked)
        if fault is not None:
            return fault
        user = asked["messages"][1]["content"]
        if is_about_known(asked):
            return Reply(json.dumps({"decisions": decisions(user)}))
        self.extracted += 1
        return Reply(json.dumps({"facts": facts(user)}))

    @contextmanager
    def failing(self, fault: Fault) -> Iterator[None]:
        """Within, what is asked is answered so; None: rightly."""
        self._fault = fault
        try:
            yield
        finally:
            self._fault = None


def in_turn(replies: Iterable[Reply | None]) -> Fault:
    """Each answer is the next of these, then all are right."""
    left = iter(replies)
    return lambda _: next(left, None)


def is_about_known(asked: dict[str, Any]) -> bool:
    """Whether the question is what becomes of facts, not which there are."""
    return "keep a list of facts consistent" in asked["messages"][0]["content"]


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
