"""The upkeep of a shard's indexes as its verbs use it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from engine.concurrency import TaskSet
from engine.ledger_port import Ledger
from engine.types import Json
from engine.upkeep.comparison import difference_object
from engine.upkeep.erasure import Erasure
from engine.upkeep.rebuild import Rebuild
from engine.upkeep.subject import Subject
from engine.upkeep.verify import Stretch, Verification

_ASKED = "asked for"


class Upkeep:
    """Compares, mends and rebuilds; after `start` also unasked.

    Args:
        ledger: the truth.
        subjects: the indexes.
        shard: which one this is, for answers.
    """

    def __init__(self, ledger: Ledger, subjects: Sequence[Subject], *, shard: int = 0) -> None:
        self._ledger = ledger
        self._shard = shard
        self._tasks = TaskSet()
        self._verification = Verification(ledger, subjects)
        self._rebuilds: Mapping[str, Rebuild] = {one.name: Rebuild(ledger, one, self._tasks) for one in subjects}
        self._erasures = {one.name: Erasure(one.feed, self._rebuilds[one.name]) for one in subjects}

    def start(self) -> None:
        """Watch the indexes from now on."""
        for name, erasure in self._erasures.items():
            self._tasks.start(erasure.watch(), name=f"erasure of the {name} index")

    async def close(self) -> None:
        """Stop watching, and end what runs: a rebuild that isn't done leaves the index as it was."""
        await self._tasks.close()

    async def verify(self, after: str, limit: int, *, repair: bool) -> Json:
        """See `MemoryApi.verify`."""
        problems = [] if after else await self._ledger.check()
        stretch = await self._verification.stretch(after, limit, repair=repair)
        total = (await self._ledger.status()).get("memories", 0)
        return {
            "checked": stretch.checked,
            "total": total,
            "differences": self._differences(stretch),
            "problems": problems,
            "repaired": sum(len(one.differences) - len(one.left) for one in stretch.verdicts),
            "next": stretch.after,
        }

    def _differences(self, stretch: Stretch) -> list[Json]:
        return [
            difference_object(one, shard=self._shard, index=verdict.index, repaired=one.memory_id not in verdict.left)
            for verdict in stretch.verdicts
            for one in verdict.differences
        ]

    def rebuild(self, index: str, *, start: bool) -> Json:
        """See `MemoryApi.rebuild`; the index is one of ours."""
        rebuild = self._rebuilds[index]
        if start:
            rebuild.start(_ASKED)
        figures = rebuild.progress.figures()
        return {"index": index, **figures, "shards": [{"shard": self._shard, **figures}]}

    def status(self) -> Json:
        """Per index its latest rebuild and why there was one; `due`: why there has to be another."""
        return {
            name: {
                **rebuild.progress.figures(),
                "reason": rebuild.progress.reason,
                "due": self._erasures[name].due(),
            }
            for name, rebuild in self._rebuilds.items()
        }
