"""The embedder for transformer models: merges concurrent callers, keeps the event loop free. The model is elsewhere."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import torch

from engine.batch_queue import BatchQueue
from engine.config import EmbedSettings
from engine.embed.sentence_model import Job, SentenceModel
from engine.embed.threads import thread_count
from engine.embed.windows import windows_of
from engine.ports import EmbedderInfo, Encoded, Output, Priority, Span
from engine.types import Json

_BYTES_PER_TOKEN = 3
_SPECIAL_TOKENS = 2


class TransformerEmbedder:
    """Any sentence-transformer style model by transformers and torch, in one thread of its own.

    Pooling, maximum length and dense layers are read from the model's own files. A call of the model takes what has
    come in while the last one ran, from all callers, reads first.

    Args:
        settings: what to load and where to run it. Loading takes seconds and happens here, blocking.

    Raises:
        InvalidInput: the settings name something that isn't a model that can be used.
        Unavailable: the model or the device can't be had here and now; the message says what to do.
    """

    def __init__(self, settings: EmbedSettings) -> None:
        # The same thread loads and runs the model: torch keeps its number of threads by thread.
        self._thread = ThreadPoolExecutor(
            max_workers=1,
            thread_name_prefix="embedder",
            initializer=torch.set_num_threads,
            initargs=(thread_count(settings.threads),),
        )
        try:
            self._model = self._thread.submit(SentenceModel, settings).result()
        except BaseException:
            self._thread.shutdown(wait=False)
            raise
        self._queue: BatchQueue[Job, Encoded] = BatchQueue(
            self._run,
            name="embedder",
            max_items=settings.batch_texts,
            max_cost=settings.batch_tokens,
            cost=self._cost,
            capacity=settings.queue_texts,
        )

    async def info(self) -> EmbedderInfo:
        """Which model this is. A model from a directory carries a digest in its name."""
        return self._model.info

    async def encode(
        self,
        windows: Sequence[str],
        spans: Sequence[Sequence[Span]] | None = None,
        outputs: frozenset[Output] = frozenset({Output.POOLED}),
        priority: Priority = Priority.ADD,
    ) -> Encoded:
        """See `Embedder.encode`: one pass of the model serves all spans and outputs of a window.

        A window longer than `max_tokens` is cut there. A span that is the whole window gets the model's own pooling;
        any other the pooled states of the tokens in it, computed with the whole window in sight ("late chunking":
        Günther et al., 2024); one with no token left, the vector of the whole window. Token states are the model's
        last layer, not of unit length, without special tokens. `pooled` has no rows where it isn't asked for.

        Raises:
            InvalidInput: a window isn't valid Unicode, or a span doesn't fit.
            Overloaded: too many texts wait.
            Unavailable: the embedder is closed.
        """
        jobs = [Job(window, outputs) for window in windows_of(windows, spans)]
        answers = await self._queue.submit_many(jobs, priority=priority) if jobs else []
        rows = [answer.pooled for answer in answers]
        empty = np.empty((0, self._model.info.dimensions), np.float32)
        return Encoded(
            pooled=np.concatenate(rows) if rows else empty,
            tokens=tuple(states for answer in answers for states in answer.tokens),
        )

    def counters(self) -> dict[str, int]:
        """Counted since the start: forward passes (`calls`), texts, tokens, and batches of merged callers."""
        counts = self._model.counts
        return {
            "calls": counts.calls,
            "texts": counts.texts,
            "tokens": counts.tokens,
            "batches": self._queue.stats.batches,
        }

    def queues(self) -> Json:
        """Figures of the queue in front of the model."""
        return {"model": self._queue.figures()}

    async def close(self) -> None:
        """Refuse new work and let the thread go."""
        await self._queue.close()
        self._thread.shutdown(wait=False, cancel_futures=True)

    async def _run(self, jobs: list[Job]) -> list[Encoded]:
        return await asyncio.get_running_loop().run_in_executor(self._thread, self._model.encode, jobs)

    def _cost(self, job: Job) -> int:
        # A guess without tokenising, rather high: the model plans its passes by exact counts.
        guess = len(job.window.text.encode()) // _BYTES_PER_TOKEN + _SPECIAL_TOKENS
        return min(guess, self._model.info.max_tokens)
