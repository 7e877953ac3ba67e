"""Comparing the indexes with the ledger, a stretch of memory ids at a time, while everything runs.

The first look finds suspects: what differs may only be on its way. Each is looked at again between two looks at the
ledger, by an index that has come as far as the first of them: what then differs is wrong.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass

from engine.errors import Unavailable
from engine.ledger_port import Ledger, LedgerAudit
from engine.types import AuditRow, FloatArray, MemoryVersion
from engine.upkeep.comparison import Difference, Expected, Truth, compare
from engine.upkeep.subject import Subject

_PATIENCE_S = 10.0
_READ_AT_ONCE = 1000
_MENDED_AT_ONCE = 500
_LOOKS = 5
"""A memory that changes between the two looks at the ledger so often is left to the next verification."""


@dataclass(frozen=True, slots=True)
class Range:
    """The memories with `after < memory_id <= until`; None: to the end."""

    after: str
    until: str | None


@dataclass(frozen=True, slots=True)
class Verdict:
    """What differed in one index, and the ids of those that still do."""

    index: str
    differences: tuple[Difference, ...]
    left: frozenset[str]


@dataclass(frozen=True, slots=True)
class Stretch:
    """A part of the ledger, compared. `after` None: it was the last."""

    checked: int
    verdicts: tuple[Verdict, ...]
    after: str | None


class Verification:
    """Compares indexes with the ledger.

    Args:
        ledger: the truth.
        subjects: the indexes.
        patience_s: how long an index may take to come as far as the ledger.
    """

    def __init__(self, ledger: Ledger, subjects: Sequence[Subject], *, patience_s: float = _PATIENCE_S) -> None:
        self._ledger = ledger
        self._subjects = subjects
        self._patience_s = patience_s

    async def stretch(self, after: str, limit: int, *, repair: bool) -> Stretch:
        """Compare the next `limit` memories after an id, and all that the indexes hold between them.

        Raises:
            Unavailable: an index can't be compared: it is away, or too far behind.
        """
        listed = await self._ledger.audit(after, limit)
        last = listed.rows[-1].memory_id if len(listed.rows) == limit else None
        part = Range(after, last)
        verdicts = await asyncio.gather(
            *[self._verdict(subject, listed, part, repair=repair) for subject in self._subjects]
        )
        return Stretch(len(listed.rows), tuple(verdicts), last)

    async def _verdict(self, subject: Subject, listed: LedgerAudit, part: Range, *, repair: bool) -> Verdict:
        expected = {row.memory_id: Expected(row.position, subject.listed(row)) for row in listed.rows}
        suspects = compare(expected, await self._held(subject, part, 0))
        differences = await self._confirmed(subject, part, [one.memory_id for one in suspects])
        wrong = [one.memory_id for one in differences]
        if repair and wrong:
            await self._mend(subject, wrong)
            wrong = [one.memory_id for one in await self._confirmed(subject, part, wrong)]
        return Verdict(subject.name, tuple(differences), frozenset(wrong))

    async def _confirmed(self, subject: Subject, part: Range, memory_ids: Sequence[str]) -> list[Difference]:
        """What is wrong about these memories for certain.

        A memory that is the same in both looks may have come and gone between them: a row that is younger than the
        first look is looked at again.
        """
        found: list[Difference] = []
        for _ in range(_LOOKS):
            if not memory_ids:
                break
            before = await self._truth(memory_ids)
            held = await self._held(subject, part, before.position)
            after = await self._truth(memory_ids)
            passing = {row.memory_id for row in held if before.seen_at < row.position <= after.position}
            steady = {one for one in memory_ids if before.since(one) == after.since(one)} - passing
            expected = {
                one: Expected(version.live_from, subject.of(version, vector))
                for one, (version, vector) in after.live.items()
                if one in steady
            }
            found += compare(expected, (row for row in held if row.memory_id in steady))
            memory_ids = [one for one in memory_ids if one not in steady]
        return sorted(found, key=lambda one: one.memory_id)

    async def _truth(self, memory_ids: Sequence[str]) -> Truth:
        positions: list[int] = []
        live: dict[str, tuple[MemoryVersion, FloatArray]] = {}
        for start in range(0, len(memory_ids), _READ_AT_ONCE):
            rows = await self._ledger.rows(memory_ids[start : start + _READ_AT_ONCE])
            positions.append(rows.position)
            live |= {
                version.memory_id: (version, vector)
                for version, vector in zip(rows.versions, rows.vectors, strict=True)
            }
        return Truth(max(positions, default=0), live, min(positions, default=0))

    async def _held(self, subject: Subject, part: Range, position: int) -> tuple[AuditRow, ...]:
        """What the index holds, once it has come to the position and has lost nothing."""
        feed = subject.feed
        async with self._patient(subject):
            await feed.known()
            while True:
                await feed.reached(position)
                since = feed.confirmed
                answer = await subject.index.audit(part.after, part.until)
                if not feed.observe(answer.applied, since):
                    await feed.caught_up()
                elif answer.applied.position >= position:
                    return answer.rows

    async def _mend(self, subject: Subject, memory_ids: Sequence[str]) -> None:
        """Nothing is pushed between what the ledger says and what is made of it: no mending undoes what came later."""
        for start in range(0, len(memory_ids), _MENDED_AT_ONCE):
            some = memory_ids[start : start + _MENDED_AT_ONCE]
            async with self._patient(subject), subject.feed.paused():
                truth = await self._truth(some)
                subject.feed.note(await subject.index.mend(truth.mending(some)))

    @asynccontextmanager
    async def _patient(self, subject: Subject) -> AsyncIterator[None]:
        limit = asyncio.timeout(self._patience_s)
        try:
            async with limit:
                yield
        except TimeoutError as error:
            if not limit.expired():
                raise
            raise Unavailable(
                f"the {subject.name} index can't be compared: it does not come as far as the ledger",
                {"index": subject.name, "position": subject.feed.position, "retry_after_s": 1},
            ) from error
