"""The embedder without a model: what its vectors say. What it shares with others is in the conformance suite."""

from __future__ import annotations

import numpy as np
import pytest

from engine import embed
from engine.config import EmbedSettings
from engine.embed.hashing import HashingEmbedder


async def cosine(first: str, second: str) -> float:
    vectors = (await HashingEmbedder().encode([first, second])).pooled
    return float(vectors[0] @ vectors[1])


async def test_two_embedders_give_the_same_vector() -> None:
    first = (await HashingEmbedder().encode(["the same text"])).pooled
    second = (await HashingEmbedder().encode(["the same text"])).pooled
    assert np.array_equal(first, second)


async def test_a_vector_never_changes_between_versions() -> None:
    vector = (await HashingEmbedder(8).encode(["Remora"])).pooled[0]
    assert vector == pytest.approx([0, 0.756, 0.175, 0.525, 0.175, -0.175, -0.175, 0.175], abs=5e-4)


async def test_common_words_bring_texts_together() -> None:
    related = await cosine("Caroline adopted a dog in Berlin", "Where did Caroline adopt her dog?")
    unrelated = await cosine("Caroline adopted a dog in Berlin", "quarterly revenue grew by nine percent")
    assert related > unrelated + 0.2


async def test_word_parts_bring_forms_of_a_word_together() -> None:
    assert await cosine("painting", "paintings") > 0.3
    assert await cosine("painting", "qwerty") < 0.2


async def test_word_order_counts() -> None:
    assert 0.5 < await cosine("dog bites man today", "man bites dog today") < 0.999


async def test_case_does_not_count() -> None:
    assert await cosine("BERLIN Straße", "berlin STRASSE") == pytest.approx(1)


async def test_the_number_of_dimensions_can_be_chosen_and_is_part_of_the_name() -> None:
    embedder = HashingEmbedder(64)
    info = await embedder.info()
    assert info.dimensions == 64
    assert (await embedder.encode(["x"])).pooled.shape == (1, 64)
    assert info.model != (await HashingEmbedder(32).info()).model


async def test_build_gives_it_by_name_without_loading_a_model() -> None:
    assert (await embed.build(EmbedSettings(model="hashing")).info()).model == "hashing-384"
