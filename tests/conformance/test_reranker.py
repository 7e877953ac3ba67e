"""The cross-encoder beside the embedder, with a tiny one whose weights are random: no real one can be had offline."""

from __future__ import annotations

import asyncio
import importlib
import math
import threading
from collections.abc import AsyncIterator, Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
import torch

from engine import embed
from engine.config import EmbedSettings, RerankSettings
from engine.embed.hashing import HashingEmbedder
from engine.embed.reranking import RerankingEmbedder
from engine.errors import InvalidInput, Overloaded, Unavailable

transformers: Any = importlib.import_module("transformers")

WORDS = [
    "[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "where", "does", "ann", "live", "in", "lisbon", "tea", "is", "good",
    "the", "sea",
]  # fmt: skip


def saved(directory: Path, labels: int = 1) -> Path:
    """A cross-encoder of one small layer."""
    directory.mkdir()
    (directory / "vocab.txt").write_text("\n".join(WORDS))
    transformers.BertTokenizerFast(str(directory / "vocab.txt"), model_max_length=32).save_pretrained(directory)
    torch.manual_seed(7)
    config = transformers.BertConfig(
        vocab_size=len(WORDS),
        hidden_size=16,
        num_hidden_layers=1,
        num_attention_heads=2,
        intermediate_size=32,
        max_position_embeddings=32,
        num_labels=labels,
        initializer_range=1.0,
    )
    transformers.BertForSequenceClassification(config).save_pretrained(directory)
    return directory


def built(model: Path | str) -> RerankingEmbedder:
    made = embed.build(EmbedSettings(model="hashing"), RerankSettings(model=str(model), device="cpu", batch_texts=2))
    assert isinstance(made, RerankingEmbedder)
    return made


@pytest.fixture(params=[1, 2], ids=["one label", "two labels"])
async def both(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[RerankingEmbedder]:
    made = built(saved(tmp_path / "model", request.param))
    yield made
    await made.close()


async def test_each_text_gets_a_score_of_its_own_whoever_it_stands_beside(both: RerankingEmbedder) -> None:
    texts = ["ann lives in lisbon", "tea is good", "the sea the sea the sea", "", "lisbon " * 100]

    scores = await both.score("where does ann live", texts)

    assert len(set(scores)) == len(texts)
    assert all(0 <= score <= 1 and math.isfinite(score) for score in scores)
    alone = [(await both.score("where does ann live", [text]))[0] for text in texts]
    assert scores == pytest.approx(alone, abs=1e-5)
    assert await both.score("where does ann live", []) == []


async def test_it_embeds_as_the_embedder_does(both: RerankingEmbedder) -> None:
    plain = HashingEmbedder()

    assert await both.info() == await plain.info()
    assert ((await both.encode(["tea"])).pooled == (await plain.encode(["tea"])).pooled).all()
    await both.score("tea", ["tea", "sea"])
    assert both.counters()["reranked"] == 2


def test_a_model_that_is_missing_is_named_at_the_start(tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match=r"rerank\.model = '/.*nowhere' can't be had"):
        built(tmp_path / "nowhere")


def test_a_model_that_tells_many_kinds_apart_is_no_reranker(tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match="no reranker: it tells 5 kinds"):
        built(saved(tmp_path / "model", 5))


def test_a_directory_without_a_model_is_refused(tmp_path: Path) -> None:
    (tmp_path / "model").mkdir()
    with pytest.raises(InvalidInput, match="no usable cross-encoder"):
        built(tmp_path / "model")


def test_without_one_there_is_only_the_embedder() -> None:
    assert isinstance(embed.build(EmbedSettings(model="hashing"), RerankSettings()), HashingEmbedder)


@pytest.fixture
def held() -> Iterator[tuple[RerankingEmbedder, threading.Event]]:
    go = threading.Event()

    def score(query: str, texts: Sequence[str]) -> list[float]:
        go.wait(10)
        return [0.5 for _ in texts]

    yield RerankingEmbedder(HashingEmbedder(), lambda: score), go
    go.set()


async def test_who_comes_when_too_many_wait_is_told_so(held: tuple[RerankingEmbedder, threading.Event]) -> None:
    both, go = held
    waiting = [asyncio.ensure_future(both.score("q", ["x"])) for _ in range(32)]
    await asyncio.sleep(0)

    with pytest.raises(Overloaded):
        await both.score("q", ["x"])
    go.set()
    assert await asyncio.gather(*waiting) == [[0.5]] * 32
    await both.close()


def test_an_error_while_it_is_loaded_is_the_callers() -> None:
    def load() -> None:
        raise Unavailable("no model")

    with pytest.raises(Unavailable, match="no model"):
        RerankingEmbedder(HashingEmbedder(), load)  # type: ignore[arg-type]
