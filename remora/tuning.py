"""Fitting a project's weights on judged questions: what they are asked of, what is found, what the fit says."""

from __future__ import annotations

import asyncio
import secrets
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any, TypeAlias

from engine.api import MemoryApi
from engine.errors import Unavailable
from engine.ranking.signals import Signal
from engine.ranking.weights import Floors, Weights
from engine.tuning.fit import Fit, fitted
from engine.tuning.judged import Judged, Question, Unit
from engine.tuning.pool import Candidate, Case

Json: TypeAlias = dict[str, Any]
Stage: TypeAlias = Callable[[str], AbstractContextManager[Callable[[int, int], None]]]
"""Called with what is being done; what it gives is told how far that is."""

_AT_ONCE = 4
_CANDIDATES = 100
_LOOK_S = 0.5
_SIGNALS_S = 900.0
"""How long signals that are computed in the background are waited for."""


@dataclass(frozen=True, slots=True)
class Tuning:
    """What came of it. `unseen`: questions of whose evidence nothing was among what was found."""

    fit: Fit
    questions: int
    unseen: int
    skipped: tuple[str, ...]


async def tuned(api: MemoryApi, judged: Judged, stage: Stage) -> Tuning:
    """Ask the questions and fit. What the file has to be remembered for that is erased again, whatever happens.

    Raises:
        Unavailable: the signals aren't complete in time, or a search answers without its signals.
        RemoraError: what a call was answered with.
    """
    scratch = _Scratch(api, judged)
    try:
        if judged.units:
            await scratch.remember(stage)
            await _complete(api, stage)
        cases, floors = await _asked(api, judged.questions, scratch, stage)
    finally:
        await scratch.erase(stage)
    with stage("Fitting") as tell:
        fit = await asyncio.to_thread(fitted, cases, floors, tell)
    return Tuning(fit, len(cases), sum(not _seen(case) for case in cases), judged.skipped)


class _Scratch:
    """Users that are made up for the units of a file, one a group."""

    def __init__(self, api: MemoryApi, judged: Judged) -> None:
        self._api = api
        self._judged = judged
        name = secrets.token_hex(6)
        groups = dict.fromkeys(unit.group for unit in judged.units)
        self._users = {group: f"tune-{name}-{number}" for number, group in enumerate(groups, 1)}
        self._covers: dict[tuple[str, str], set[str]] = {}

    async def remember(self, stage: Stage) -> None:
        """Add the units: each session is one add, with a run of its own; those of a group in their order."""
        sessions: dict[str, list[list[Unit]]] = {}
        for said in self._judged.sessions():
            sessions.setdefault(said[0].group, []).append(said)
        with stage("Remembering") as tell:
            done = 0

            async def group(name: str) -> None:
                nonlocal done
                for number, said in enumerate(sessions[name], 1):
                    answer = await self._api.add([_message(unit) for unit in said], **self._of(name, said, number))
                    self._learn(said, answer)
                    done += len(said)
                    tell(done, len(self._judged.units))

            await _each(group, list(sessions))

    async def erase(self, stage: Stage) -> None:
        """Purge what was remembered."""
        if not self._users:
            return
        with stage("Erasing what was remembered for it") as tell:
            for done, user in enumerate(self._users.values()):
                tell(done, len(self._users))
                await self._api.purge(user_id=user)

    def scope(self, question: Question) -> dict[str, str]:
        """Whose memories a question is asked of."""
        user = self._users.get(question.group)
        return question.scope if user is None else {"user_id": user}

    def evidence(self, question: Question) -> tuple[frozenset[str], ...]:
        """Per piece of evidence the memories that stand for it."""
        if not self._users:
            return tuple(frozenset({one}) for one in question.evidence)
        return tuple(frozenset(self._covers.get((question.group, one), ())) for one in question.evidence)

    def _of(self, group: str, said: Sequence[Unit], number: int) -> Any:
        fields: Json = {"user_id": self._users[group], "infer": False}
        if said[0].session is not None:
            fields["run_id"] = f"{self._users[group]}-{number}"
        moment = next((unit.timestamp for unit in said if unit.timestamp is not None), None)
        return fields if moment is None else {**fields, "timestamp": moment}

    def _learn(self, said: Sequence[Unit], answer: Json) -> None:
        for result in answer["results"]:
            unit = said[result["message_index"]]
            for one in unit.evidence:
                self._covers.setdefault((unit.group, one), set()).add(result["id"])


async def _complete(api: MemoryApi, stage: Stage) -> None:
    """Wait until what is computed in the background is there."""
    until_s, most = time.monotonic() + _SIGNALS_S, 0
    with stage("Waiting for signals") as tell:
        while waiting := _waiting(await api.status()):
            most = max(most, waiting)
            tell(most - waiting, most)
            if time.monotonic() > until_s:
                raise Unavailable(f"the signals of {waiting} memories are still missing; try again later")
            await asyncio.sleep(_LOOK_S)


def _waiting(status: Mapping[str, Any]) -> int:
    shards = status.get("shards", ())
    return sum(int(shard.get("signals", {}).get("pending", 0)) for shard in shards)


async def _asked(
    api: MemoryApi, questions: Sequence[Question], scratch: _Scratch, stage: Stage
) -> tuple[list[Case], Floors]:
    """Each question with what is found for it, by the shipped weights."""
    found: dict[int, Case] = {}
    floors = Floors()
    with stage("Asking") as tell:

        async def one(place: int) -> None:
            nonlocal floors
            question = questions[place]
            fields: Any = {**scratch.scope(question), "weights": Weights().named()}
            answer = await api.search(question.text, top_k=_CANDIDATES, threshold=0.0, explain=True, **fields)
            floors = next(_floors(answer["results"]), floors)
            found[place] = Case(
                question.id,
                question.group,
                tuple(_candidate(hit) for hit in answer["results"]),
                scratch.evidence(question),
            )
            tell(len(found), len(questions))

        await _each(one, range(len(questions)))
    return [found[place] for place in sorted(found)], floors


def _candidate(hit: Json) -> Candidate:
    told = hit.get("score_details", {}).get("signals")
    if told is None:
        raise Unavailable("the server doesn't tell the signals of its hits: it is older than this command")
    signals = {Signal(name): float(value) for name, value in told.items() if value is not None and name in set(Signal)}
    return Candidate(hit["id"], signals)


def _floors(hits: Sequence[Json]) -> Iterator[Floors]:
    for hit in hits:
        if floors := hit["score_details"].get("floors"):
            yield Floors(float(floors["cosine"]), float(floors["token"]))


def _seen(case: Case) -> bool:
    there = {one.memory_id for one in case.candidates}
    return any(piece & there for piece in case.evidence)


def _message(unit: Unit) -> Json:
    message: Json = {"role": unit.role, "content": unit.text}
    if unit.name is not None:
        message["name"] = unit.name
    return message if unit.timestamp is None else {**message, "timestamp": unit.timestamp}


async def _each(work: Callable[[Any], Any], items: Sequence[Any] | range) -> None:
    """A few at once; the first error ends all."""
    queue = iter(items)

    async def worker() -> None:
        for item in queue:
            await work(item)

    try:
        async with asyncio.TaskGroup() as workers:
            for _ in range(min(_AT_ONCE, len(items))):
                workers.create_task(worker())
    except ExceptionGroup as failed:
        raise failed.exceptions[0] from None
