"""A shard's signals over a real ledger and the hashing embedder, with parts that can be made to fail."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import cast

from engine.config import SignalSettings
from engine.embed.hashing import HashingEmbedder
from engine.errors import RemoraError
from engine.ledger.store import SqlLedger
from engine.ledger_port import Command, WriteAnswer
from engine.models import Models
from engine.ports import Encoded, Extractor, Output, Priority, Span
from engine.signals import SignalFeed
from engine.types import BlockKey, ChangeBatch, Derived
from tests.conformance.ledger_writer import Writer

QUICK = SignalSettings(pause_s=0.02)
BLOCK = BlockKey("p", "user_id", "ann")


class Encoder(HashingEmbedder):
    """Remembers the windows, and fails when it is told to."""

    def __init__(self, model: str = "hashing-384") -> None:
        super().__init__()
        self.windows: list[str] = []
        self.error: RemoraError | None = None
        self.refused: str | None = None
        self.failed = asyncio.Event()
        self._model = model

    async def encode(
        self,
        windows: Sequence[str],
        spans: Sequence[Sequence[Span]] | None = None,
        outputs: frozenset[Output] = frozenset({Output.POOLED}),
        priority: Priority = Priority.ADD,
    ) -> Encoded:
        if self.error is not None and (self.refused is None or any(self.refused in window for window in windows)):
            self.failed.set()
            raise self.error
        self.windows += windows
        return await super().encode(windows, spans, outputs, priority)


class Ledger(SqlLedger):
    """Tells of what it has committed, as the writer does, and fails when it is told to."""

    listener: Callable[[ChangeBatch], None] | None = None
    error: RemoraError | None = None

    async def write(self, epoch: int, commands: Sequence[Command]) -> WriteAnswer:
        answer = await super().write(epoch, commands)
        if self.listener is not None:
            self.listener(answer.changes)
        return answer

    async def put_signals(self, epoch: int, made_by: str, rows: Sequence[Derived]) -> None:
        if self.error is not None:
            raise self.error
        await super().put_signals(epoch, made_by, rows)


class Searches:
    """Stands for the vector store and its feed."""

    def __init__(self) -> None:
        self.got: dict[str, Derived] = {}
        self.error: RemoraError | None = None
        self.failed = asyncio.Event()

    async def reached(self, position: int) -> None:
        return

    async def derive(self, rows: Sequence[Derived]) -> None:
        if self.error is not None:
            self.failed.set()
            raise self.error
        self.got.update((row.memory_id, row) for row in rows)


class World:
    """One life of a shard after the other over the same file."""

    def __init__(self, directory: Path, settings: SignalSettings = QUICK) -> None:
        self.settings = settings
        self.encoder = Encoder()
        self.searches = Searches()
        self.ledger = Ledger(f"sqlite:///{directory / 'ledger.db'}")
        self.made = 0

    async def open(self, model: str | None = None) -> None:
        """Own the ledger, with signals that have not begun; `begin` lets them."""
        ownership = await self.ledger.open()
        self.writer = Writer(self.ledger, ownership)
        self.writer.made = self.made
        if model is not None:
            self.encoder = Encoder(model)
        self.models = Models(self.encoder, cast(Extractor, None), batch_texts=8, queue_texts=64)
        self.feed = SignalFeed(
            ledger=self.ledger,
            models=self.models,
            vector=self.searches,
            reached=self.searches,
            settings=self.settings,
        )
        self.ledger.listener = self.feed.offer

    def begin(self) -> None:
        self.feed.start(self.writer.owner.epoch, self.writer.owner.position)

    async def end(self) -> None:
        """The end of a life: the file stays."""
        self.ledger.listener = None
        self.made = self.writer.made
        await self.feed.close()
        await self.models.close()

    async def complete(self) -> None:
        async with asyncio.timeout(10):
            await self.feed.complete()

    async def known(self) -> dict[str, Derived]:
        """What the ledger has, by memory."""
        return {row.memory_id: row for row in (await self.ledger.block(BLOCK)).derived}

    async def close(self) -> None:
        await self.end()
        await self.ledger.close()
