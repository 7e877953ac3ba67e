"""The embedding model for callers who want vectors."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Unpack

from engine import requests
from engine.api import CallFields
from engine.memory.calls import read_call
from engine.memory.verbs import Verbs
from engine.ports import Priority
from engine.types import Json
from engine.weighing import texts_load


class EmbeddingVerbs(Verbs):
    """Answered by the models."""

    async def embed(self, texts: Sequence[str], **fields: Unpack[CallFields]) -> Json:
        """Texts as vectors; see `MemoryApi`. They go with what is added, behind what is searched for."""
        call, asked = read_call(fields), requests.parse_texts(texts, self._parts.limits)
        models = self._parts.models
        async with self._parts.door.reading(call, texts_load(asked)):
            info = await models.info()
            counts = await models.count_tokens(asked) if asked else []
            requests.check_lengths(counts, info.max_tokens)
            vectors = await models.vectors(asked, Priority.ADD)
        return {
            "model": info.model,
            "dimensions": info.dimensions,
            "vectors": vectors.tolist(),
            "tokens": sum(counts),
        }
