"""The extractor's actor shell. Splitting and entities live in `engine.extract`."""

from __future__ import annotations

from collections.abc import Sequence

import ray

from actors.options import Address
from actors.shell import Shell
from engine import extract
from engine.config import Settings
from engine.ports import Extractor, Fragment
from engine.types import Entity, Message


class ExtractorActor(Shell[Extractor]):
    """Owns the pipeline that names entities."""

    def __init__(self, address: Address, settings: Settings, max_tokens: int) -> None:
        super().__init__(address, settings, lambda: extract.build(settings, max_tokens))

    @ray.method
    async def extract(self, conversations: Sequence[Sequence[Message]]) -> list[list[Fragment]]:
        """As `Extractor.extract`."""
        return await (await self.enter("extract")).extract(conversations)

    @ray.method
    async def entities(self, texts: Sequence[str]) -> list[tuple[Entity, ...]]:
        """As `Extractor.entities`."""
        return await (await self.enter("entities")).entities(texts)

    @ray.method
    async def count_tokens(self, texts: Sequence[str]) -> list[int]:
        """As `Extractor.count_tokens`."""
        return await (await self.enter("count_tokens")).count_tokens(texts)
