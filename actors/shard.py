"""Makes, checks and ends the actors of one shard, in a Ray that is connected. Ray itself is `head`'s business."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence
from typing import Any

import ray

from actors.calls import Remote
from actors.embedder import EmbedderActor
from actors.extractor import ExtractorActor
from actors.graph_store import GraphStoreActor
from actors.handles import EmbedderHandle, ExtractorHandle, GraphStoreHandle, VectorStoreHandle
from actors.ledger import LedgerActor
from actors.options import CLASS_OPTIONS, VERSION, Address, Part, actor_options, addresses
from actors.orchestrator import OrchestratorActor
from actors.shell import Shell
from actors.vector_store import VectorStoreActor
from engine.config import Settings
from engine.errors import Conflict, RemoraError
from engine.ports import EmbedderInfo
from engine.types import Json

_log = logging.getLogger(__name__)

Progress = Callable[[str], None]
_CLOSE_S = 10.0


class Shard:
    """The actors of a shard, seen by whoever starts and stops them."""

    def __init__(self, settings: Settings, progress: Progress, shard: int = 0) -> None:
        self._settings = settings
        self._progress = progress
        self._addresses = addresses(settings, shard)
        self._deadline_s = settings.runtime.start_deadline_s

    async def start(self) -> None:
        """Bring all actors up, side by side where they don't need each other; those that run already are taken over.

        Raises:
            Conflict: an actor of another version has the name.
            RemoraError: an actor can't do its work; its own error.
        """
        self._progress(f"loading {self._settings.embed.model}")
        await asyncio.gather(
            # Asked by the orchestrator: only a shard's owner may open a ledger.
            self._make(Part.LEDGER, LedgerActor),
            self._graph(),
            self._embedder_and_what_follows(),
        )
        self._progress("catching up")
        await self._orchestrator()

    async def _graph(self) -> None:
        address = await self._make(Part.GRAPH_STORE, GraphStoreActor)
        await GraphStoreHandle(address, self._deadline_s).status()

    async def _embedder_and_what_follows(self) -> None:
        embedder = await self._make(Part.EMBEDDER, EmbedderActor)
        info = await EmbedderHandle(embedder, self._deadline_s).info()
        self._progress("opening stores")
        await asyncio.gather(self._vectors(info), self._extractor(info))

    async def _vectors(self, info: EmbedderInfo) -> None:
        address = await self._make(Part.VECTOR_STORE, VectorStoreActor, info)
        await VectorStoreHandle(address, self._deadline_s).status()

    async def _extractor(self, info: EmbedderInfo) -> None:
        address = await self._make(Part.EXTRACTOR, ExtractorActor, info.max_tokens)
        await ExtractorHandle(address, self._deadline_s).entities([])

    async def _orchestrator(self) -> None:
        address = await self._make(Part.ORCHESTRATOR, OrchestratorActor)
        remote: Remote[OrchestratorActor] = Remote(address, self._deadline_s)
        await remote.ask(lambda actor: actor.start.remote())

    async def _make(self, part: Part, shell: type[Shell[Any]], *more: Any) -> Address:
        address = self._addresses[part]
        options = actor_options(address, self._settings, cuda=_has_gpu())
        kept = ray.remote(**CLASS_OPTIONS)(shell).options(**options).remote(address, self._settings, *more)
        described = await self._describe(address)
        del kept
        if described["version"] != VERSION:
            raise Conflict(
                f"{address.name} runs version {described['version']}, this is {VERSION}: stop the old runtime first",
                {"actor": address.name, "version": described["version"]},
            )
        return address

    async def _describe(self, address: Address, deadline_s: float | None = None) -> Json:
        remote: Remote[Shell[Any]] = Remote(address, deadline_s or self._deadline_s)
        return await remote.ask(lambda actor: actor.describe.remote())

    async def describe(self, deadline_s: float = 5.0) -> list[Json]:
        """What each actor says of itself; one that doesn't answer is named with its error."""
        return list(await asyncio.gather(*(self._described(one, deadline_s) for one in self._addresses.values())))

    async def _described(self, address: Address, deadline_s: float) -> Json:
        try:
            return await self._describe(address, deadline_s)
        except RemoraError as error:
            return {"name": address.name, "ready": False, "error": str(error)}

    async def stop(self) -> None:
        """Let the orchestrator finish and the stores close, then end the actors. Those that don't answer are ended."""
        await self._close([Part.ORCHESTRATOR])
        await self._close([Part.VECTOR_STORE, Part.GRAPH_STORE])
        await self._close([Part.LEDGER])
        for address in self._addresses.values():
            _kill(address)

    async def _close(self, parts: Sequence[Part]) -> None:
        calls: list[Awaitable[None]] = []
        for part in parts:
            remote: Remote[LedgerActor] = Remote(self._addresses[part], _CLOSE_S)
            calls.append(remote.ask(lambda actor: actor.close.remote(), again=False))
        for part, outcome in zip(parts, await asyncio.gather(*calls, return_exceptions=True), strict=True):
            if isinstance(outcome, Exception):
                _log.warning("%s did not close: %s", self._addresses[part].name, outcome)


def _has_gpu() -> bool:
    resources: dict[str, float] = ray.cluster_resources()  # type: ignore[no-untyped-call]
    return resources.get("GPU", 0) >= 1


def _kill(address: Address) -> None:
    try:
        ray.kill(ray.get_actor(address.name, namespace=address.namespace), no_restart=True)
    except ValueError:
        _log.debug("%s is gone already", address.name)
