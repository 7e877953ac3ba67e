"""A random history that can be lived through again, and the questions that are asked at each of its states."""

from __future__ import annotations

import hashlib
import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import pytest

from engine.config import SearchSettings, Settings
from engine.errors import RemoraError
from engine.extract.recogniser import NoEntities
from engine.in_process import in_process
from engine.memory import Memory
from engine.ports import Embedder, Priority
from engine.times import iso
from engine.types import Entity, Json

HOUR_US = 3600 * 1_000_000
NOON_US = 1_777_636_800_000_000
"""2026-05-01T12:00:00Z."""
SETTINGS = Settings(search=SearchSettings(leg_deadline_s=30))
"""No leg is left out because the machine is busy."""
NAMES = ("Ann", "Ben", "Rome", "Lisbon", "Eve", "Acme")
SAID = (
    "I live in {}",
    "{} met {} in Lisbon",
    "Yesterday {} drank green tea with {}",
    "{} works at {}",
    "{} bought a red bicycle",
    "{} is married to {}",
)


class Capitals(NoEntities):
    """Names every word that starts with a capital letter."""

    async def entities(self, texts: Sequence[str], priority: Priority = Priority.ADD) -> list[tuple[Entity, ...]]:
        return [tuple(Entity(word.strip(".")) for word in text.split() if word[0].isupper()) for text in texts]


@dataclass(slots=True)
class Stopped:
    """A clock that goes on only when it is told to."""

    now_us: int = NOON_US

    def __call__(self) -> int:
        return self.now_us


@dataclass(frozen=True, slots=True)
class Step:
    """One change; `of`: which of the memories that were added before it is about."""

    kind: str
    text: str = ""
    fields: tuple[tuple[str, Any], ...] = ()
    of: int = 0


def history(seed: int, steps: int) -> list[Step]:
    """Mostly adds, some of them in a run, some by a speaker; updates and deletions of what was added."""
    chance = random.Random(seed)
    made: list[Step] = [_add(chance)]
    while len(made) < steps:
        kind = chance.choices(["add", "update", "expire", "delete", "delete_all"], [10, 4, 2, 3, 1])[0]
        match kind:
            case "add":
                made.append(_add(chance))
            case "delete_all":
                made.append(Step(kind, fields=(("user_id", chance.choice("ab")), ("run_id", "r1"))))
            case _:
                day = f"2026-05-0{chance.randint(1, 3)}"
                fields = (("expiration_date", day),) if kind == "expire" else ()
                made.append(Step(kind, _text(chance), fields, chance.randrange(100)))
    return made


def _add(chance: random.Random) -> Step:
    scope: dict[str, Any] = {"user_id": chance.choice("ab")}
    if chance.random() < 0.6:
        scope["run_id"] = chance.choice(["r1", "r2"])
    if chance.random() < 0.3:
        scope["agent_id"] = "g"
    return Step("add", _text(chance), tuple(scope.items()))


def _text(chance: random.Random) -> str:
    said = chance.choice(SAID)
    return said.format(*chance.sample(NAMES, said.count("{}"))) + f", said {chance.randrange(10**6)} times"


class Life:
    """A memory system that goes through a history: the same one each time, with the same ids."""

    def __init__(self, patch: pytest.MonkeyPatch, embedder: Embedder | None = None) -> None:
        self.clock = Stopped()
        self.memory: Memory = in_process(SETTINGS, embedder=embedder, recogniser=Capitals(), clock=self.clock)
        self._patch = patch
        self._ids: list[str] = []
        self._done = 0

    async def __aenter__(self) -> Life:
        self._same_noise()
        await self.memory.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.memory.close()

    async def do(self, step: Step) -> int | None:
        """One hour later; the position of the change, None if nothing has changed."""
        self._done += 1
        self.clock.now_us = NOON_US + self._done * HOUR_US
        self._same_noise()
        try:
            answer = await self._did(step)
        except RemoraError:
            return None
        position: int = answer["position"]
        return position

    async def _did(self, step: Step) -> Json:
        fields = dict(step.fields)
        if step.kind == "add":
            said = {"role": "user", "content": step.text, "name": step.text.split()[0]}
            answer = await self.memory.add([said], infer=False, **fields)
            self._ids.append(answer["results"][0]["id"])
            return answer
        if step.kind == "delete_all":
            return await self.memory.delete_all(**fields)
        memory_id = self._ids[step.of % len(self._ids)]
        match step.kind:
            case "update":
                return await self.memory.update(memory_id, text=step.text)
            case "expire":
                return await self.memory.update(memory_id, **fields)
            case _:
                return await self.memory.delete(memory_id)

    def _same_noise(self) -> None:
        """What is random of ids follows from how many steps were done."""
        noise = hashlib.blake2b(str(self._done).encode()).digest()
        self._patch.setattr("secrets.token_bytes", lambda size: noise[:size])

    async def settled(self) -> None:
        """Wait until all that is computed in the background is there."""
        await self.memory.signals_complete()

    async def answers(self, questions: Sequence[Question], **past: Any) -> list[object]:
        """What the system says, errors too."""
        return [await _told(ask, self.memory, past) for ask in questions]

    @property
    def ids(self) -> list[str]:
        """Of all memories that were added."""
        return list(self._ids)

    @property
    def time(self) -> str:
        """Now."""
        return iso(self.clock.now_us)


Question = Callable[[Memory, dict[str, Any]], Any]


async def _told(ask: Question, memory: Memory, past: dict[str, Any]) -> object:
    try:
        return await ask(memory, past)
    except RemoraError as error:
        return error.code


def listed(**fields: Any) -> Question:
    return lambda memory, past: memory.list(**fields, **past)


def got(memory_id: str) -> Question:
    return lambda memory, past: memory.get(memory_id, **past)


def search_questions() -> list[Question]:
    """With everything that is known of each hit; a user's, a run's, an agent's and everybody's."""
    scopes: tuple[dict[str, Any], ...] = (
        {"user_id": "a"},
        {"user_id": "b", "run_id": "r1"},
        {"agent_id": "g"},
        {"filters": {"AND": [{"user_id": "*"}, {"text": {"icontains": "tea"}}]}},
    )
    queries = ("What did Ann drink with Ben?", "Who works at Acme?", "where does Eve live")
    return [
        lambda memory, past, query=query, scope=scope: memory.search(query, explain=True, threshold=0, **scope, **past)  # type: ignore[misc]
        for scope in scopes
        for query in queries
    ]


def graph_questions() -> list[Question]:
    """Of every kind, about a user, an agent and a run."""
    asked: list[Question] = []
    for scope in ({"user_id": "a"}, {"agent_id": "g"}, {"user_id": "b", "run_id": "r1"}):
        asked += [
            lambda memory, past, scope=scope: memory.graph_entities(**scope, **past),  # type: ignore[misc]
            lambda memory, past, scope=scope: memory.neighbours("Ann", depth=2, **scope, **past),  # type: ignore[misc]
            lambda memory, past, scope=scope: memory.path("Ann", "Rome", **scope, **past),  # type: ignore[misc]
            lambda memory, past, scope=scope: memory.communities(**scope, **past),  # type: ignore[misc]
        ]
    return asked


LISTS = [
    listed(user_id="a"),
    listed(user_id="b", page=2, page_size=3),
    listed(agent_id="g"),
    listed(filters={"AND": [{"user_id": "*"}, {"text": {"icontains": "TEA"}}]}),
]
