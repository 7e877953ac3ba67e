"""One run against mem0: what is measured in which order. How a system is driven is its own file's business."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from bench.closed_loop import Window
from bench.mem0_system import Mem0
from bench.remora_system import ByHandle, ByHttp, Remora, Texts
from bench.results import HANDLE, HTTP, MEM0, VERBS, Comparison, Limit, Point, Stored, Verb, point, stored
from bench.sentences import sentence
from engine import embed
from engine.config import Settings
from engine.embed.model_files import locate
from engine.ports import Embedder

REMORA = "Remora"
_LOAD_LIMIT_S = 600.0
_STORES = {MEM0: MEM0, HANDLE: REMORA, HTTP: REMORA}

_STEPS_AROUND = 5

Progress = Callable[[str], None]
"""Told at the beginning of each step what it is."""


@dataclass(frozen=True, slots=True)
class Plan:
    """How much is measured. `calls`: the most that one window makes."""

    memories: int = 1000
    rounds: int = 3
    seconds: float = 5.0
    calls: int = 5000
    concurrency: tuple[int, ...] = (1, 32)
    batches: tuple[int, ...] = (1, 32)
    limit_seconds: float = 1.5
    seed: int = 0

    @property
    def steps(self) -> int:
        """How many steps of progress a comparison has."""
        windows = len(VERBS) * len(self.concurrency) * len(_STORES)
        return self.rounds * (windows + 2 * len(self.batches)) + _STEPS_AROUND


class System(Protocol):
    """What can be measured."""

    name: str

    async def window(self, verb: Verb, numbers: range, concurrency: int, limit_s: float) -> Window:
        """Calls with these numbers from so many callers, for so long at most; what is under way then still counts."""
        ...


@dataclass
class _Run:
    """What a run has gathered so far. `ids`: for each store the loaded memories' ids by number."""

    plan: Plan
    next_number: int
    ids: dict[str, dict[int, str]] = field(default_factory=dict)
    acknowledged: dict[str, list[str]] = field(default_factory=lambda: {MEM0: [], REMORA: []})
    points: list[Point] = field(default_factory=list)
    limits: list[Limit] = field(default_factory=list)

    def numbers(self) -> range:
        """Numbers that no window had yet."""
        first, self.next_number = self.next_number, self.next_number + self.plan.calls
        return range(first, self.next_number)


async def compare(settings: Settings, python: Path, directory: Path, plan: Plan, progress: Progress) -> Comparison:
    """Load both, search both at that size, then add to both, restart both and look what is there.

    Args:
        settings: of Remora, with a data directory of its own.
        python: of mem0's environment.
        directory: where mem0 keeps what it stores.
        plan: how much is measured.
        progress: is told of every step.

    Raises:
        RuntimeError: mem0's process ended.
        RemoraError: Remora could not be started.
    """
    progress("loading the embedder on its own")
    embedder = embed.build(settings.embed)
    about = await embedder.info()
    order = {
        "model": str(locate(settings.embed.model)),
        "dimensions": about.dimensions,
        "seed": plan.seed,
        "memories": plan.memories,
    }
    mem0, remora, gathered = Mem0(python, directory, order), Remora(settings), _Run(plan, plan.memories)
    try:
        progress("starting mem0")
        await mem0.start()
        progress("starting Remora")
        remora.start()
        await _measure(gathered, settings, embedder, mem0, remora, progress)
        progress("restarting both, to see what is stored")
        kept = await _after_restart(gathered, mem0, remora)
    finally:
        await mem0.stop()
        remora.stop()
    return Comparison(
        dtype=about.dtype,
        versions=mem0.versions,
        points=tuple(gathered.points),
        limits=tuple(gathered.limits),
        stored=kept,
    )


async def _measure(
    gathered: _Run, settings: Settings, embedder: Embedder, mem0: Mem0, remora: Remora, progress: Progress
) -> None:
    """All searches first: they are to meet the same number of memories in both."""
    plan = gathered.plan
    texts = Texts(plan.seed, plan.memories)
    key = settings.admin_key.get_secret_value() if settings.admin_key else None
    handle = ByHandle(remora.handle(), texts)
    systems: list[System] = [mem0, handle, ByHttp(remora.url, key, texts)]
    progress(f"loading {plan.memories} memories into each")
    await _load(gathered, [mem0, handle])
    for number in range(plan.rounds):
        await _limits(gathered, number, embedder, mem0, progress)
        await _round(gathered, number, "search", _turned(systems, number), progress)
    for number in range(plan.rounds):
        await _round(gathered, number, "add", _turned(systems, number), progress)


async def _load(gathered: _Run, systems: Sequence[System]) -> None:
    """One caller, so that each has all memories when it is measured, whatever many callers do to it."""
    plan = gathered.plan
    for system in systems:
        window = await system.window("add", range(plan.memories), 1, _LOAD_LIMIT_S)
        ids = {answer.number: answer.ids[0] for answer in window.answers}
        if len(ids) < plan.memories:
            raise RuntimeError(f"{system.name} took {len(ids)} of {plan.memories} memories: {window.errors}")
        gathered.ids[_STORES[system.name]] = ids
        gathered.acknowledged[_STORES[system.name]] += ids.values()


async def _round(gathered: _Run, number: int, verb: Verb, systems: Sequence[System], progress: Progress) -> None:
    for concurrency in gathered.plan.concurrency:
        for system in systems:
            progress(f"round {number + 1}: {verb}, {concurrency} callers, {system.name}")
            store = _STORES[system.name]
            window = await system.window(verb, gathered.numbers(), concurrency, gathered.plan.seconds)
            gathered.points.append(
                point(
                    window,
                    system=system.name,
                    verb=verb,
                    concurrency=concurrency,
                    round_number=number,
                    wanted=gathered.ids[store],
                )
            )
            if verb == "add":
                gathered.acknowledged[store] += [one for answer in window.answers for one in answer.ids]


async def _limits(gathered: _Run, number: int, embedder: Embedder, mem0: Mem0, progress: Progress) -> None:
    plan = gathered.plan
    for batch in plan.batches:
        for name in (MEM0, REMORA):
            progress(f"round {number + 1}: {name}'s embedder alone, batches of {batch}")
            if name == MEM0:
                rate = await mem0.embed_rate(gathered.numbers(), batch, plan.limit_seconds)
            else:
                rate = await _embed_rate(embedder, gathered.numbers(), batch, plan)
            gathered.limits.append(Limit(system=name, batch=batch, round=number, per_s=rate))


async def _embed_rate(embedder: Embedder, numbers: range, batch: int, plan: Plan) -> float:
    texts = [sentence(number, plan.seed).text for number in numbers]
    done, start_s = 0, time.perf_counter()
    while done + batch <= len(texts) and time.perf_counter() - start_s < plan.limit_seconds:
        await embedder.encode(texts[done : done + batch])
        done += batch
    return done / (time.perf_counter() - start_s)


async def _after_restart(gathered: _Run, mem0: Mem0, remora: Remora) -> tuple[Stored, ...]:
    await mem0.stop()
    remora.stop()
    await mem0.start()
    kept = [stored(MEM0, gathered.acknowledged[MEM0], await mem0.stored())]
    remora.start()
    kept.append(stored(REMORA, gathered.acknowledged[REMORA], await remora.stored()))
    return tuple(kept)


def _turned(systems: Sequence[System], number: int) -> list[System]:
    """Another one begins in each round: what ran before must not always favour the same."""
    first = number % len(systems)
    return [*systems[first:], *systems[:first]]
