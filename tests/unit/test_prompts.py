"""What a model wants before a text: spans follow, and the calls put it there."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.embed.hashing import HashingEmbedder
from engine.embed.tokenizer import TokenCounter
from engine.extract.extractor import VerbatimExtractor
from engine.extract.recogniser import NoEntities
from engine.models import Models
from engine.ports import EmbedderInfo, Encoded, Output, Priority, Span
from engine.prompts import prefixed


@given(st.text(min_size=1), st.text(), st.data())
def test_a_span_names_the_same_characters_after_the_prefix(window: str, prefix: str, data: st.DataObject) -> None:
    start = data.draw(st.integers(0, len(window)))
    end = data.draw(st.integers(start, len(window)))
    (longer,), ((span,),) = prefixed([window], [[(start, end)]], prefix)
    whole = (start, end) == (0, len(window))
    assert longer[slice(*span)] == (prefix if whole else "") + window[start:end]


def test_without_spans_the_whole_window_is_one() -> None:
    assert prefixed(["text"], None, "query: ") == (["query: text"], [[(0, 11)]])


class Prompted(HashingEmbedder):
    """An embedder that wants prefixes and remembers what it was given."""

    def __init__(self) -> None:
        super().__init__()
        self.given: list[str] = []

    async def info(self) -> EmbedderInfo:
        return EmbedderInfo("prompted", 384, 100, query_prefix="query: ", text_prefix="passage: ")

    async def encode(
        self,
        windows: Sequence[str],
        spans: Sequence[Sequence[Span]] | None = None,
        outputs: frozenset[Output] = frozenset({Output.POOLED}),
        priority: Priority = Priority.ADD,
    ) -> Encoded:
        self.given += windows
        return await super().encode(windows, spans, outputs, priority)


@pytest.mark.parametrize(("question", "given"), [(True, "query: where?"), (False, "passage: where?")])
async def test_a_question_gets_another_prefix_than_a_memory(question: bool, given: str) -> None:
    embedder = Prompted()
    models = Models(embedder, VerbatimExtractor(NoEntities(), TokenCounter(None), 100), batch_texts=4, queue_texts=8)
    vectors = await models.vectors(["where?"], Priority.READ, question=question)
    assert embedder.given == [given]
    assert np.allclose(vectors, (await HashingEmbedder().encode([given])).pooled)
    await models.close()
