"""Starts the actors of one shard, in a Ray that is connected. All shards together are `fleet`'s business."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any

from actors.calls import Remote
from actors.extractor import ExtractorActor
from actors.graph_store import GraphStoreActor
from actors.handles import ExtractorHandle, GraphStoreHandle, VectorStoreHandle
from actors.ledger import LedgerActor
from actors.life import Maker
from actors.options import Address, Part, addresses
from actors.orchestrator import OrchestratorActor
from actors.shell import Shell
from actors.vector_store import VectorStoreActor
from engine.ports import EmbedderInfo


class Shard:
    """The actors of a shard. `places`: options that say on which node each runs; what isn't named runs on any."""

    def __init__(self, maker: Maker, shard: int, places: Mapping[Address, Mapping[str, Any]]) -> None:
        self._maker = maker
        self._addresses = addresses(maker.settings, shard)
        self._places = places
        self._deadline_s = maker.settings.runtime.start_deadline_s

    async def start(self, info: asyncio.Future[EmbedderInfo]) -> None:
        """Bring them up, side by side where they don't need each other; those that run already are taken over.

        Raises:
            Conflict: an actor of another version has the name.
            RemoraError: an actor can't do its work; its own error.
        """
        await asyncio.gather(
            # Asked by the orchestrator: only a shard's owner may open a ledger.
            self._make(Part.LEDGER, LedgerActor),
            self._graph(),
            self._vectors(info),
            self._extractor(info),
        )
        await self._orchestrator()

    async def _graph(self) -> None:
        address = await self._make(Part.GRAPH_STORE, GraphStoreActor)
        await GraphStoreHandle(address, self._deadline_s).status()

    async def _vectors(self, info: asyncio.Future[EmbedderInfo]) -> None:
        address = await self._make(Part.VECTOR_STORE, VectorStoreActor, await asyncio.shield(info))
        await VectorStoreHandle(address, self._deadline_s).status()

    async def _extractor(self, info: asyncio.Future[EmbedderInfo]) -> None:
        most_tokens = (await asyncio.shield(info)).max_tokens
        address = await self._make(Part.EXTRACTOR, ExtractorActor, most_tokens)
        await ExtractorHandle(address, self._deadline_s).entities([])

    async def _orchestrator(self) -> None:
        address = await self._make(Part.ORCHESTRATOR, OrchestratorActor)
        remote: Remote[OrchestratorActor] = Remote(address, self._deadline_s)
        await remote.ask(lambda actor: actor.start.remote())

    async def _make(self, part: Part, shell: type[Shell[Any]], *more: Any) -> Address:
        address = self._addresses[part]
        return await self._maker.make(address, shell, *more, place=self._places.get(address))
