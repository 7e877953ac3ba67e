"""The extractor without a language model: messages stay as they are, entities come from a recogniser."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from engine.embed.tokenizer import TokenCounter
from engine.extract.cutting import cut
from engine.extract.recogniser import Recogniser
from engine.extract.verbatim import fragments, verbatim
from engine.ports import Fragment, Priority
from engine.types import Entity, Json, Message, indexed_text


class VerbatimExtractor:
    """One fragment a message, more where a message is longer than the embedder takes.

    Args:
        recogniser: finds the entities.
        count: counts as the embedder's own tokenizer does.
        max_tokens: what the embedder takes in one window, with the tokens that it sets around a text.
    """

    def __init__(self, recogniser: Recogniser, count: TokenCounter, max_tokens: int) -> None:
        self._recogniser = recogniser
        self._count = count
        self._max_tokens = max_tokens

    async def extract(self, conversations: Sequence[Sequence[Message]]) -> list[list[Fragment]]:
        """The fragments of each conversation, in order; system and blank messages give none.

        Texts that may be too long are counted and cut in a worker thread.
        """
        quick = [verbatim(messages, self._max_tokens) for messages in conversations]
        if None not in quick:
            return [found for found in quick if found is not None]
        return await asyncio.to_thread(self._cut_all, conversations)

    async def entities(self, texts: Sequence[str], priority: Priority = Priority.ADD) -> list[tuple[Entity, ...]]:
        """The entities of each text, each once, in order of appearance.

        Raises:
            Overloaded: too many texts wait.
        """
        return await self._recogniser.entities(texts, priority)

    async def count_tokens(self, texts: Sequence[str]) -> list[int]:
        """See `Extractor.count_tokens`; in a worker thread."""
        return await asyncio.to_thread(self._count, texts)

    def counters(self) -> dict[str, int]:
        """Counted since the start: batches of texts searched for entities, and texts."""
        return self._recogniser.counters()

    def queues(self) -> Json:
        """Figures of the recogniser's queue."""
        return self._recogniser.queues()

    async def close(self) -> None:
        """Let the recogniser go."""
        await self._recogniser.close()

    def _cut_all(self, conversations: Sequence[Sequence[Message]]) -> list[list[Fragment]]:
        return [fragments(messages, self._pieces) for messages in conversations]

    def _pieces(self, message: Message) -> list[str]:
        # Who said it is embedded with every piece, and takes its part of the room.
        before = self._count([indexed_text(message.name, "")])[0]
        return cut(message.content, max(1, self._max_tokens - self._count.around - before), self._count)
