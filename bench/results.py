"""What a run of the comparison gives, as values that go to JSON and back. How it is shown is not here."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Literal, TypeAlias

from pydantic import BaseModel, ConfigDict

from bench.closed_loop import Window

Verb: TypeAlias = Literal["add", "search"]

VERBS: tuple[Verb, ...] = ("add", "search")
MEM0 = "mem0"
HANDLE = "Remora, handle"
HTTP = "Remora, HTTP"


class _Value(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", ser_json_inf_nan="constants")


class Point(_Value):
    """One measuring window. `found`: share of searches whose answer held the memory asked for; None for adds.

    Latencies are of calls that were answered: NaN if none was.
    """

    system: str
    verb: Verb
    concurrency: int
    round: int
    calls: int
    per_s: float
    p50_ms: float
    p95_ms: float
    errors: dict[str, int]
    found: float | None


class Limit(_Value):
    """How many texts per second an embedder alone takes in batches of a size, in one round."""

    system: str
    batch: int
    round: int
    per_s: float


class Stored(_Value):
    """What is there after a restart, against what was acknowledged."""

    system: str
    acknowledged: int
    stored: int
    lost: int
    """Acknowledged, and not there."""
    unacknowledged: int
    """There, though nobody was told: a call that raised, or came back without its id."""


class Comparison(_Value):
    """One run against mem0. `dtype`: in what Remora's model computed; mem0's computes in float32.

    `versions`: what ran in mem0's environment.
    """

    dtype: str
    versions: dict[str, str]
    points: tuple[Point, ...]
    limits: tuple[Limit, ...]
    stored: tuple[Stored, ...]


class Results(_Value):
    """All of it. `machine`, `versions` and `options` say under which circumstances."""

    started: str
    machine: dict[str, str]
    versions: dict[str, str]
    options: dict[str, int | float]
    comparisons: tuple[Comparison, ...]


def percentile(values: Sequence[float], share: float) -> float:
    """The smallest value that at least `share` (0 < share ≤ 1) of the values do not exceed; NaN of none."""
    if not values:
        return math.nan
    return sorted(values)[max(0, math.ceil(share * len(values)) - 1)]


def point(
    window: Window, *, system: str, verb: Verb, concurrency: int, round_number: int, wanted: Mapping[int, str]
) -> Point:
    """A window in numbers. `wanted`: for a search, the id of the memory that the question with a number is about."""
    times_ms = [answer.seconds * 1000 for answer in window.answers]
    hits = [wanted[answer.number % len(wanted)] in answer.ids for answer in window.answers] if verb == "search" else []
    return Point(
        system=system,
        verb=verb,
        concurrency=concurrency,
        round=round_number,
        calls=len(times_ms),
        per_s=len(times_ms) / window.seconds,
        p50_ms=percentile(times_ms, 0.5),
        p95_ms=percentile(times_ms, 0.95),
        errors=window.errors,
        found=sum(hits) / len(hits) if hits else None,
    )


def stored(system: str, acknowledged: Sequence[str], there: Sequence[str]) -> Stored:
    """Ids that were acknowledged against ids that are there."""
    told, kept = set(acknowledged), set(there)
    return Stored(
        system=system,
        acknowledged=len(told),
        stored=len(kept),
        lost=len(told - kept),
        unacknowledged=len(kept - told),
    )
