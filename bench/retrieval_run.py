"""One run of the retrieval benchmark: which systems are asked what, in which order."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory

from bench.judged_sets import Group, JudgedSet
from bench.mem0_retrieval import STORES, Mem0Retrieval
from bench.remora_retrieval import RemoraRetrieval
from bench.retrieval_metrics import DEPTH, Score, score
from bench.retrieval_results import ANSWERED, COMPLETE, Answers, Filled, Retrieval
from bench.retrieval_systems import System, plain_systems
from engine import embed
from engine.config import load
from engine.embed.model_files import locate
from engine.ranking.signals import Signal

Tell = Callable[[str, int], None]
"""Told what is done, and how many questions were asked since it was told last."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """What is measured.

    `moments`: in which states Remora is asked. `weights`: sent with its questions. `callers`: so many ask at once
    where time isn't measured. `keep`: what was loaded stays in the server.
    """

    url: str
    key: str | None
    moments: tuple[str, ...] = (ANSWERED, COMPLETE)
    weights: Mapping[str, float] = field(default_factory=dict)
    ablation: bool = False
    plain: bool = True
    peers: bool = False
    callers: int = 8
    keep: bool = False

    def passes(self) -> int:
        """How often each question is asked."""
        ablation = len(Signal) if self.ablation else 0
        return len(self.moments) + ablation + (4 if self.plain else 0) + (2 if self.peers else 0)


class _Gathered:
    """Scores and times of one system in one state."""

    def __init__(self) -> None:
        self.scores: list[Score] = []
        self.ms: list[float] = []

    async def ask(self, system: System, group: Group, callers: int, tell: Tell) -> None:
        """All questions of a group that is loaded."""
        evidence = {unit.id: unit.evidence for unit in group.units}
        room = asyncio.Semaphore(callers)

        async def one(place: int) -> tuple[list[str], float]:
            async with room:
                began_s = time.perf_counter()
                ranking = await system.rank(group.questions[place].text, DEPTH)
                tell(f"{system.name}, {group.name}", 1)
                return ranking, time.perf_counter() - began_s

        for question, (ranking, took_s) in zip(
            group.questions, await asyncio.gather(*map(one, range(len(group.questions)))), strict=True
        ):
            metrics = score([evidence[unit] for unit in ranking], question.evidence)
            self.scores.append(Score(group.name, question.id, question.category, metrics))
            self.ms.append(1000 * took_s)

    def answers(self, system: str, when: str = "", weights: Mapping[str, float] | None = None) -> Answers:
        """As a value."""
        return Answers(
            system=system, when=when, weights=dict(weights or {}), scores=tuple(self.scores), ms=tuple(self.ms)
        )


async def measure(judged: JudgedSet, wanted: Wanted, tell: Tell) -> Retrieval:
    """Remora first, then the others, each over all groups.

    Raises:
        RuntimeError: the server refused something, or mem0 ended.
        TimeoutError: signals never became complete.
    """
    started = datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC")
    answers, ablation, filled = await _of_remora(judged, wanted, tell)
    versions: dict[str, dict[str, str]] = {}
    if wanted.plain or wanted.peers:
        more, versions = await _of_others(judged, wanted, tell)
        answers += more
    return Retrieval(
        set=judged.name,
        started=started,
        groups={group.name: (len(group.units), len(group.questions)) for group in judged.groups},
        apart=tuple(sorted(judged.apart)),
        skipped=judged.skipped,
        answers=tuple(answers),
        ablation=ablation,
        filled=tuple(filled),
        versions=versions,
    )


async def _of_remora(
    judged: JudgedSet, wanted: Wanted, tell: Tell
) -> tuple[list[Answers], dict[str, Answers], list[Filled]]:
    remora = RemoraRetrieval(wanted.url, wanted.key)
    by_moment = {moment: _Gathered() for moment in wanted.moments}
    without = {signal.value: _Gathered() for signal in Signal} if wanted.ablation else {}
    filled: list[Filled] = []
    try:
        for group in judged.groups:
            tell(f"{remora.name} remembers {group.name}", 0)
            try:
                filled.append(await _loaded_and_asked(remora, group, wanted, by_moment, tell))
                for signal, gathered in without.items():
                    remora.weights = {**wanted.weights, signal: 0.0}
                    await gathered.ask(remora, group, wanted.callers, tell)
            finally:
                if not wanted.keep:
                    await remora.forget()
    finally:
        await remora.close()
    answers = [found.answers(remora.name, moment, wanted.weights) for moment, found in by_moment.items()]
    return answers, {signal: found.answers(remora.name, COMPLETE) for signal, found in without.items()}, filled


async def _loaded_and_asked(
    remora: RemoraRetrieval, group: Group, wanted: Wanted, by_moment: Mapping[str, _Gathered], tell: Tell
) -> Filled:
    remora.weights = wanted.weights
    began_s = time.monotonic()
    await remora.load(group)
    add_s = time.monotonic() - began_s
    at_once = await remora.signals()
    if ANSWERED in by_moment:
        await by_moment[ANSWERED].ask(remora, group, wanted.callers, tell)
    await remora.settled()
    settled_s = time.monotonic() - began_s - add_s
    afterwards = await remora.signals()
    if COMPLETE in by_moment:
        await by_moment[COMPLETE].ask(remora, group, 1, tell)
    return Filled(
        group=group.name,
        units=len(group.units),
        add_s=add_s,
        settled_s=settled_s,
        signals=(at_once, afterwards),
    )


async def _of_others(judged: JudgedSet, wanted: Wanted, tell: Tell) -> tuple[list[Answers], dict[str, dict[str, str]]]:
    settings = load().embed
    embedder = embed.build(settings)
    versions: dict[str, dict[str, str]] = {}
    systems = plain_systems(embedder) if wanted.plain else []
    answers = [await _over_all(system, judged, tell) for system in systems]
    if wanted.peers:
        dimensions = (await embedder.info()).dimensions
        for store in STORES:
            with TemporaryDirectory(prefix="remora-bench-", ignore_cleanup_errors=True) as directory:
                mem0 = Mem0Retrieval(store, Path(directory), locate(settings.model), dimensions)
                tell(f"starting {mem0.name}", 0)
                await mem0.start()
                answers.append(await _over_all(mem0, judged, tell))
                versions[mem0.name] = mem0.versions
    return answers, versions


async def _over_all(system: System, judged: JudgedSet, tell: Tell) -> Answers:
    gathered = _Gathered()
    try:
        for group in judged.groups:
            tell(f"{system.name} remembers {group.name}", 0)
            await system.load(group)
            await gathered.ask(system, group, 1, tell)
    finally:
        await system.close()
    return gathered.answers(system.name)


def chosen(names: Sequence[str]) -> dict[str, float]:
    """Weights written as `signal=number`.

    Raises:
        ValueError: it isn't written so.
    """
    weights = {}
    for one in names:
        name, equals, number = one.partition("=")
        try:
            weights[name.strip()] = float(number)
        except ValueError as error:
            raise ValueError(f'weights are written like dense=1, not "{one}"') from error
        if not equals or not name.strip():
            raise ValueError(f'weights are written like dense=1, not "{one}"')
    return weights
