"""All actors of a runtime: shards, embedders, the language model; started side by side, shown, stopped in order."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Mapping
from typing import Any

import ray

from actors import life, nodes
from actors.embedder import EmbedderActor
from actors.handles import EmbedderHandle, LanguageModelHandle
from actors.language_model import LanguageModelActor
from actors.life import Maker
from actors.options import Address, Part, embedders, every_address, language_model
from actors.shard import Shard
from engine.concurrency import TaskSet
from engine.config import Settings
from engine.ports import EmbedderInfo
from engine.types import Json

_log = logging.getLogger(__name__)

Progress = Callable[[str], None]


class Fleet:
    """The actors, seen by whoever starts and stops them. Ray itself is `head`'s business."""

    def __init__(self, settings: Settings, progress: Progress) -> None:
        self._settings = settings
        self._progress = progress
        self._ready = 0

    @property
    def _joined(self) -> bool:
        return self._settings.runtime.address is not None

    async def start(self) -> None:
        """Bring all actors up; those that run already are taken over.

        Raises:
            Conflict: an actor of another version has the name.
            RemoraError: an actor can't do its work, its own error; or, in a cluster, there is no place for one.
        """
        chosen = await nodes.spots(self._settings) if self._joined else {}
        places = {address: nodes.options(spot) for address, spot in chosen.items()}
        self._progress(f"loading {' and '.join(filter(None, (self._settings.embed.model, self._settings.llm.local)))}")
        maker = Maker(self._settings, _gpus())
        tasks = TaskSet()
        try:
            asked = language_model(self._settings)
            models = (
                [] if asked is None else [tasks.start(self._model(maker, asked, places.get(asked)), name=asked.name)]
            )
            first, *more = [
                tasks.start(self._embedder(maker, one, places.get(one)), name=one.name)
                for one in embedders(self._settings)
            ]
            shards = [Shard(maker, shard, places) for shard in range(self._settings.shards)]
            # As tasks of ours: when one fails, the others must not go on making what is then stopped.
            starts = [tasks.start(self._shard(shard, first), name="shard") for shard in shards]
            await asyncio.gather(first, *more, *models, *starts)
        finally:
            await tasks.close()
        if self._joined:
            nodes.remember(self._settings, chosen)

    async def _embedder(self, maker: Maker, address: Address, place: Mapping[str, Any] | None) -> EmbedderInfo:
        await maker.make(address, EmbedderActor, place=place)
        info = await EmbedderHandle(address, self._settings.runtime.start_deadline_s).info()
        if address.index == 0:
            self._progress("opening stores")
        return info

    async def _model(self, maker: Maker, address: Address, place: Mapping[str, Any] | None) -> None:
        """Wrong settings end the start. A server that is away may be there later: nothing is asked of it."""
        deadline_s = self._settings.runtime.start_deadline_s
        await maker.make(address, LanguageModelActor, place=place)
        await LanguageModelHandle(address, deadline_s).told()
        for notice in (await life.describe(address, deadline_s)).get("notices", []):
            self._progress(notice)
            _log.warning("%s: %s", address.name, notice)

    async def _shard(self, shard: Shard, info: asyncio.Future[EmbedderInfo]) -> None:
        await shard.start(info)
        self._ready += 1
        if self._settings.shards > 1:
            self._progress(f"shard {self._ready} of {self._settings.shards} ready")

    async def describe(self, deadline_s: float = 5.0) -> list[Json]:
        """What each actor says of itself; one that doesn't answer is named with its error."""
        calls = [life.describe(one, deadline_s) for one in every_address(self._settings)]
        return list(await asyncio.gather(*calls))

    async def stop(self) -> None:
        """Let orchestrators finish and stores close, then end the actors. Those that don't answer are ended.

        Those of another data directory, for which a start was refused, are not ours to end.
        """
        if self._joined and await self._are_anothers():
            return
        await self._close(Part.ORCHESTRATOR)
        await self._close(Part.VECTOR_STORE, Part.GRAPH_STORE)
        await self._close(Part.LEDGER)
        life.kill(every_address(self._settings))

    async def _are_anothers(self) -> bool:
        owners = {one.get("data_dir") for one in await self.describe() if "incarnation" in one}
        return bool(owners - {str(self._settings.data_dir)})

    async def _close(self, *parts: Part) -> None:
        await life.close([one for one in every_address(self._settings) if one.part in parts])


def _gpus() -> float:
    resources: dict[str, float] = ray.cluster_resources()  # type: ignore[no-untyped-call]
    return resources.get("GPU", 0)
