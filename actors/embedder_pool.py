"""Several embedders as one: each call goes to the one with the least to do, and on to another when that one is down."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Sequence
from typing import Protocol, TypeVar

from actors.calls import Down, pauses
from actors.choice import by_load
from engine.errors import DeadlineExceeded, Unavailable
from engine.ports import Embedder, EmbedderInfo, Encoded, Output, Priority, Reranker, Span

AnswerT = TypeVar("AnswerT")

_DOWN_S = 1.0
"""How long an embedder that was found down is asked last."""


class RerankingPort(Embedder, Reranker, Protocol):
    """An embedder that can be asked to rerank as well."""


class EmbedderPool(Embedder, Reranker):
    """Equal embedders behind one port. Encoding twice does no harm, so a call that meets a death goes elsewhere.

    Args:
        embedders: they say at once when they are down.
        first: whom to ask first while all have nothing to do; each shard another, so that they don't crowd.
        deadline_s: for a call, all tries together.
    """

    def __init__(self, embedders: Sequence[RerankingPort], *, first: int, deadline_s: float) -> None:
        self._embedders = embedders
        self._first = first % len(embedders)
        self._deadline_s = deadline_s
        self._busy = [0] * len(embedders)
        self._down_until_s = [0.0] * len(embedders)

    @property
    def outstanding(self) -> list[int]:
        """How many texts each has been sent and not answered."""
        return list(self._busy)

    async def info(self) -> EmbedderInfo:
        return await self._ask(1, lambda embedder: embedder.info())

    async def encode(
        self,
        windows: Sequence[str],
        spans: Sequence[Sequence[Span]] | None = None,
        outputs: frozenset[Output] = frozenset({Output.POOLED}),
        priority: Priority = Priority.ADD,
    ) -> Encoded:
        return await self._ask(len(windows), lambda embedder: embedder.encode(windows, spans, outputs, priority))

    async def score(self, query: str, texts: Sequence[str]) -> list[float]:
        return await self._ask(len(texts), lambda embedder: embedder.score(query, texts))

    async def _ask(self, texts: int, call: Callable[[RerankingPort], Awaitable[AnswerT]]) -> AnswerT:
        """The answer of the first that can; while all are down, tried again until the deadline.

        Raises:
            Unavailable: all are down and stay so, or none can do its work.
            DeadlineExceeded: one is there and did not answer in time.
        """
        refusals: list[Unavailable] = []
        try:
            async with asyncio.timeout(self._deadline_s):
                for pause_s in pauses():
                    for one in self._order():
                        try:
                            return await self._counted(one, texts, call)
                        except Unavailable as error:
                            refusals.append(error)
                    if not isinstance(refusals[-1], Down):
                        raise refusals[-1]
                    await asyncio.sleep(pause_s)
        except TimeoutError as error:
            raise refusals[-1] if refusals else self._late() from error
        raise self._late()

    def _order(self) -> list[int]:
        return by_load(self._busy, self._down_until_s, time.monotonic(), self._first)

    def _late(self) -> DeadlineExceeded:
        return DeadlineExceeded(f"no embedder answered within {self._deadline_s} s", {"actor": "embedder"})

    async def _counted(self, one: int, texts: int, call: Callable[[RerankingPort], Awaitable[AnswerT]]) -> AnswerT:
        self._busy[one] += texts
        try:
            return await call(self._embedders[one])
        except Unavailable:
            self._down_until_s[one] = time.monotonic() + _DOWN_S
            raise
        finally:
            self._busy[one] -= texts
