"""Calls to the models, merged: what many requests want encoded or named travels together."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from engine.batch_queue import BatchQueue
from engine.errors import RemoraError
from engine.extract.verbatim import verbatim
from engine.ports import Embedder, EmbedderInfo, Encoded, Extractor, Fragment, Output, Priority, Span
from engine.prompts import prefixed
from engine.ranking import codes
from engine.types import Entity, FloatArray, Json, Message

_IN_FLIGHT = 1
"""What comes while a call is under way travels in the next one: a second one to the same model would halve both."""
_BATCH_CHARS = 8192
"""So much text goes in one call: a person who asks waits for the call that is under way, however long its texts are."""
_CALL_S = 0.25
"""And about as much as is done in such a time, down to a quarter of that: on a busy machine calls get smaller."""
_COMPANY_S = 0.005
"""How long a call for entities waits for more texts: they are needed no sooner than the vectors, which take longer."""


@dataclass(frozen=True, slots=True)
class Asked:
    """A question as the embedder sees it: its vector float32 (d,), its tokens (see `VectorQuery`), if there are any."""

    vector: FloatArray
    tokens: FloatArray | None = None


@dataclass(frozen=True, slots=True)
class _Text:
    text: str
    priority: Priority


def _chars(item: _Text) -> int:
    return len(item.text)


class Models:
    """The embedder and the extractor as the paths use them: one text in, one answer out; many callers, few calls.

    `in_flight`: calls to the embedder at once, as many as there are copies of the model.
    """

    def __init__(
        self,
        embedder: Embedder,
        extractor: Extractor,
        *,
        batch_texts: int,
        queue_texts: int,
        in_flight: int = _IN_FLIGHT,
    ) -> None:
        self._embedder = embedder
        self._extractor = extractor
        self._info: EmbedderInfo | None = None
        self._part = max(1, queue_texts // 8)
        self._encoding: BatchQueue[_Text, FloatArray] = BatchQueue(
            self._encode_batch,
            name="embedder",
            max_items=batch_texts,
            max_cost=_BATCH_CHARS,
            cost=_chars,
            longest_s=_CALL_S,
            in_flight=in_flight,
            capacity=queue_texts,
        )
        self._asking: BatchQueue[str, Asked] = BatchQueue(
            self._ask_batch,
            name="questions",
            max_items=batch_texts,
            max_cost=_BATCH_CHARS,
            cost=len,
            longest_s=_CALL_S,
            in_flight=in_flight,
            capacity=queue_texts,
        )
        self._naming: BatchQueue[_Text, tuple[Entity, ...]] = BatchQueue(
            self._name_batch,
            name="extractor",
            max_items=batch_texts,
            max_cost=_BATCH_CHARS,
            cost=_chars,
            longest_s=_CALL_S,
            in_flight=_IN_FLIGHT,
            capacity=queue_texts,
            linger_s=_COMPANY_S,
        )

    async def info(self) -> EmbedderInfo:
        """Which embedder it is; asked once."""
        if self._info is None:
            self._info = await self._embedder.info()
        return self._info

    async def vectors(self, texts: Sequence[str], priority: Priority, *, question: bool = False) -> FloatArray:
        """One row a text, float32 (n, d). `question`: they are asked, not remembered; some models tell them apart."""
        if not texts:
            return np.zeros((0, 0), dtype=np.float32)
        info = await self.info()
        prefix = info.query_prefix if question else info.text_prefix
        if prefix:
            texts = [prefix + text for text in texts]
        rows: list[FloatArray] = []
        for part in self._parts(texts):
            rows += await self._encoding.submit_many([_Text(text, priority) for text in part], priority=priority)
        return np.stack(rows)

    async def question(self, text: str) -> Asked:
        """The vector and the tokens of what somebody asks."""
        return await self._asking.submit(text, priority=Priority.READ)

    async def windows(
        self, texts: Sequence[str], spans: Sequence[Sequence[Span]], priority: Priority = Priority.SIGNAL
    ) -> Encoded:
        """Of each span of each window the vector, and the token states if the model gives them.

        Goes by itself, not together with what others want encoded: these are never kept waiting for it here.
        """
        info = await self.info()
        outputs = {Output.POOLED, Output.TOKENS} if info.tokens else {Output.POOLED}
        texts, spans = prefixed(texts, spans, info.text_prefix)
        return await self._embedder.encode(texts, spans, frozenset(outputs), priority)

    @property
    def asked(self) -> int:
        """How many texts were given to the embedder or wait for it, windows aside: it grows while others want it."""
        return sum(queue.stats.items + len(queue) for queue in (self._encoding, self._asking))

    async def entities(self, texts: Sequence[str], priority: Priority) -> list[tuple[Entity, ...]]:
        """What each text names."""
        found: list[tuple[Entity, ...]] = []
        for part in self._parts(texts):
            found += await self._naming.submit_many([_Text(text, priority) for text in part], priority=priority)
        return found

    def _parts(self, texts: Sequence[str]) -> Iterator[Sequence[str]]:
        """Pieces that leave others room in the queue, however much there is."""
        for start in range(0, len(texts), self._part):
            yield texts[start : start + self._part]

    async def count_tokens(self, texts: Sequence[str]) -> list[int]:
        """How many tokens each text has for the embedder."""
        return await self._extractor.count_tokens(texts)

    async def fragments(self, messages: Sequence[Message]) -> list[Fragment]:
        """The memories to be; the extractor is asked only when something has to be cut."""
        whole = verbatim(messages, (await self.info()).max_tokens)
        if whole is not None:
            return list(whole)
        return (await self._extractor.extract([messages]))[0]

    async def _encode_batch(self, items: list[_Text]) -> list[FloatArray | Exception]:
        priority = min(item.priority for item in items)
        encoded = await self._embedder.encode([item.text for item in items], priority=priority)
        return list(encoded.pooled)

    async def _ask_batch(self, texts: list[str]) -> list[Asked | Exception]:
        info = await self.info()
        before = len(info.query_prefix)
        # The whole window for the vector; of the tokens only those of the question itself.
        spans = [[(0, before + len(text)), (before, before + len(text))] for text in texts]
        outputs = frozenset({Output.POOLED, Output.TOKENS} if info.tokens else {Output.POOLED})
        windows = [info.query_prefix + text for text in texts]
        encoded = await self._embedder.encode(windows, spans, outputs, Priority.READ)
        vectors = encoded.pooled[0::2]
        if not info.tokens:
            return [Asked(vector) for vector in vectors]
        tokens = [codes.question(states[: codes.MOST_ASKED]) for states in encoded.tokens[1::2]]
        return [Asked(vector, found) for vector, found in zip(vectors, tokens, strict=True)]

    async def _name_batch(self, items: list[_Text]) -> list[tuple[Entity, ...] | Exception]:
        return list(await self._extractor.entities([item.text for item in items]))

    def stats(self) -> Json:
        """Texts and calls so far."""
        return {
            "texts": self._encoding.stats.items,
            "calls": self._encoding.stats.batches,
            "largest_batch": self._encoding.stats.largest,
            "waiting": len(self._encoding),
        }

    def queues(self) -> Json:
        """Figures of the queues in front of the models."""
        return {
            "embedder": self._encoding.figures(),
            "questions": self._asking.figures(),
            "extractor": self._naming.figures(),
        }

    async def close(self) -> None:
        """Refuse what comes, end what is under way."""
        await self._encoding.close()
        await self._asking.close()
        await self._naming.close()


async def entities_or_none(
    models: Models, texts: Sequence[str], priority: Priority
) -> list[tuple[Entity, ...]] | list[None]:
    """Entities, or None for each text when they can't be had now: the graph's feed asks again."""
    try:
        return await models.entities(texts, priority)
    except RemoraError:
        return [None] * len(texts)
