"""An embedder with a cross-encoder beside it, in one process: each has a thread of its own."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from engine.errors import Overloaded
from engine.ports import Embedder, EmbedderInfo, Encoded, Output, Priority, Reranker, Span
from engine.types import Json

_MOST_WAITING = 32
"""Calls: each has one question and its best texts, and takes a good part of a second."""


class RerankingEmbedder:
    """Passes on what the embedder is asked, and reranks.

    Args:
        embedder: the one that makes vectors; closed with this one.
        load: makes what scores a question's texts, blocking; called in the thread that it then runs in.

    Raises:
        InvalidInput, Unavailable: what loading raises.
    """

    def __init__(self, embedder: Any, load: Callable[[], Callable[[str, Sequence[str]], list[float]]]) -> None:
        self._embedder = embedder
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="reranker")
        self._waiting = 0
        self._reranked = 0
        try:
            self._score = self._thread.submit(load).result()
        except BaseException:
            self._thread.shutdown(wait=False)
            raise

    async def info(self) -> EmbedderInfo:
        """See `Embedder.info`."""
        info: EmbedderInfo = await self._embedder.info()
        return info

    async def encode(
        self,
        windows: Sequence[str],
        spans: Sequence[Sequence[Span]] | None = None,
        outputs: frozenset[Output] = frozenset({Output.POOLED}),
        priority: Priority = Priority.ADD,
    ) -> Encoded:
        """See `Embedder.encode`."""
        encoded: Encoded = await self._embedder.encode(windows, spans, outputs, priority)
        return encoded

    async def score(self, query: str, texts: Sequence[str]) -> list[float]:
        """See `Reranker.score`. Raises Overloaded when too many questions wait."""
        if self._waiting >= _MOST_WAITING:
            raise Overloaded("too many searches wait to be reranked", {"queue": "reranker", "retry_after_s": 1})
        self._waiting += 1
        try:
            scores = await asyncio.get_running_loop().run_in_executor(self._thread, self._score, query, texts)
        finally:
            self._waiting -= 1
        self._reranked += len(texts)
        return scores

    def counters(self) -> Mapping[str, int]:
        """Those of the embedder, and how many texts were reranked."""
        return {**self._embedder.counters(), "reranked": self._reranked}

    def queues(self) -> Json:
        """Those of the embedder."""
        queues: Json = self._embedder.queues() if hasattr(self._embedder, "queues") else {}
        return queues

    async def close(self) -> None:
        """Close the embedder and let the thread go."""
        await self._embedder.close()
        self._thread.shutdown(wait=False, cancel_futures=True)


def _is_both(one: RerankingEmbedder) -> tuple[Embedder, Reranker]:
    return one, one
