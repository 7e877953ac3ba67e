"""Several embedders behind one port: who gets the work, and what happens when one is away."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import numpy as np
import pytest

from actors.calls import Down
from actors.embedder_pool import EmbedderPool
from engine.embed.hashing import HashingEmbedder
from engine.errors import DeadlineExceeded, InvalidInput, RemoraError, Unavailable
from engine.ports import Embedder, EmbedderInfo, Encoded, Output, Priority, Reranker, Span


class Copy(Embedder, Reranker):
    """One embedder: it can be away, broken, or slow, and counts what it was asked."""

    def __init__(self) -> None:
        self._model = HashingEmbedder(8)
        self.error: RemoraError | None = None
        self.may_answer = asyncio.Event()
        self.may_answer.set()
        self.calls = 0
        self.texts = 0

    async def info(self) -> EmbedderInfo:
        await self._reached()
        return await self._model.info()

    async def encode(
        self,
        windows: Sequence[str],
        spans: Sequence[Sequence[Span]] | None = None,
        outputs: frozenset[Output] = frozenset({Output.POOLED}),
        priority: Priority = Priority.ADD,
    ) -> Encoded:
        self.texts += len(windows)
        await self._reached()
        return await self._model.encode(windows, spans, outputs, priority)

    async def score(self, query: str, texts: Sequence[str]) -> list[float]:
        await self._reached()
        return [float(len(text)) for text in texts]

    async def _reached(self) -> None:
        self.calls += 1
        if self.error is not None:
            raise self.error
        await self.may_answer.wait()


def pool_of(*copies: Copy, first: int = 0, deadline_s: float = 10.0) -> EmbedderPool:
    return EmbedderPool(copies, first=first, deadline_s=deadline_s)


async def test_a_pool_answers_what_its_embedders_answer() -> None:
    pool = pool_of(Copy(), Copy())

    encoded = await pool.encode(["a text", "another"])

    assert await pool.score("q", ["a", "bb"]) == [1.0, 2.0]

    np.testing.assert_array_equal(encoded.pooled, (await HashingEmbedder(8).encode(["a text", "another"])).pooled)
    assert (await pool.info()).dimensions == 8


async def test_work_goes_to_the_one_with_the_fewest_texts() -> None:
    one, other = Copy(), Copy()
    pool = pool_of(one, other)
    one.may_answer.clear()

    large = asyncio.ensure_future(pool.encode(["text"] * 10))
    await asyncio.sleep(0)
    assert pool.outstanding == [10, 0]
    for _ in range(3):
        await pool.encode(["text"])

    assert (one.texts, other.texts) == (10, 3)
    one.may_answer.set()
    await large
    assert pool.outstanding == [0, 0]


async def test_idle_pools_of_different_shards_begin_with_different_embedders() -> None:
    copies = Copy(), Copy(), Copy()

    for shard in range(6):
        await pool_of(*copies, first=shard).encode(["text"])

    assert [copy.texts for copy in copies] == [2, 2, 2]


async def test_a_call_that_meets_a_death_goes_to_another_embedder() -> None:
    dead, alive = Copy(), Copy()
    dead.error = Down("embedder-0 is down")

    encoded = await pool_of(dead, alive).encode(["text"])

    assert encoded.pooled.shape == (1, 8)
    assert (dead.calls, alive.calls) == (1, 1)


async def test_one_that_was_down_is_not_asked_again_at_once() -> None:
    dead, alive = Copy(), Copy()
    dead.error = Down("embedder-0 is down")
    pool = pool_of(dead, alive)

    for _ in range(5):
        await pool.encode(["text"])

    assert (dead.calls, alive.calls) == (1, 5)


async def test_when_all_are_down_the_first_that_is_back_answers() -> None:
    gone, back = Copy(), Copy()
    gone.error = back.error = Down("down")
    pool = pool_of(gone, back)

    asked = asyncio.ensure_future(pool.encode(["text"]))
    while back.calls < 2:
        await asyncio.sleep(0.005)
    back.error = None

    assert (await asked).pooled.shape == (1, 8)


async def test_when_all_stay_down_it_says_so_at_the_deadline() -> None:
    dead = Copy()
    dead.error = Down("embedder-0 is down")

    with pytest.raises(Down):
        await pool_of(dead, dead, deadline_s=0.1).encode(["text"])


async def test_one_that_hangs_is_a_deadline() -> None:
    hanging = Copy()
    hanging.may_answer.clear()

    with pytest.raises(DeadlineExceeded):
        await pool_of(hanging, Copy(), deadline_s=0.05).encode(["text"])


async def test_a_model_that_no_embedder_can_load_is_said_at_once() -> None:
    broken = Copy()
    broken.error = Unavailable("no such model here")

    with pytest.raises(Unavailable, match="no such model"):
        await pool_of(broken, broken).encode(["text"])

    assert broken.calls == 2


async def test_bad_input_is_not_tried_elsewhere() -> None:
    strict, other = Copy(), Copy()
    strict.error = InvalidInput("too long")

    with pytest.raises(InvalidInput):
        await pool_of(strict, other).encode(["text"])

    assert other.calls == 0
