"""The client of an OpenAI-compatible server, by the official SDK against real HTTP."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any

import pytest

from engine.config import LlmSettings
from engine.errors import InvalidInput, Overloaded, Unavailable
from engine.llm import build
from engine.ports import LanguageModel, Prompt
from tests.provider import Provider, Reply, provider

PROMPT = Prompt("Write facts.", "Ana paints.", {"type": "object"})
DEADLINE_S = 20.0


@asynccontextmanager
async def asking(*replies: Reply, **settings: Any) -> AsyncIterator[tuple[LanguageModel, Provider]]:
    async with provider(*replies) as server:
        model = build(LlmSettings(base_url=server.url, model="m", **settings))
        assert model is not None
        try:
            yield model, server
        finally:
            await model.close()


def test_without_settings_there_is_none() -> None:
    assert build(LlmSettings()) is None
    with pytest.raises(InvalidInput, match=r"llm\.model"):
        build(LlmSettings(base_url="http://127.0.0.1:1/v1"))
    with pytest.raises(InvalidInput, match=r"llm\.base_url"):
        build(LlmSettings(model="m"))


async def test_an_answer_comes_with_what_it_cost() -> None:
    async with asking(Reply('{"facts": []}'), answer_tokens=99) as (model, server):
        answer = await model.complete(PROMPT, DEADLINE_S)
        assert (answer.text, answer.whole, answer.calls) == ('{"facts": []}', True, 1)
        assert (answer.prompt_tokens, answer.completion_tokens) == (11, 7)
        assert answer.ms > 0
        sent = server.asked[0]
        assert [one["role"] for one in sent["messages"]] == ["system", "user"]
        assert (sent["model"], sent["max_tokens"], sent["temperature"]) == ("m", 99, 0)
        assert sent["response_format"]["json_schema"]["schema"] == PROMPT.schema
        assert model.figures()["completion_tokens"] == 7


async def test_one_that_broke_off_says_so() -> None:
    async with asking(Reply('{"facts": [', finish="length")) as (model, _):
        assert not (await model.complete(PROMPT, DEADLINE_S)).whole


def _form(asked: dict[str, Any]) -> str | None:
    found: dict[str, str] = asked.get("response_format", {})
    return found.get("type")


NO_SCHEMA = Reply(status=400, error="response_format.type json_schema is not supported")
NO_FORM = Reply(status=422, error="response_format: unknown field")


async def test_a_server_that_knows_no_schema_is_asked_for_less_from_then_on() -> None:
    async with asking(NO_SCHEMA, NO_FORM, Reply("one"), Reply("two")) as (model, server):
        first, second = await model.complete(PROMPT, DEADLINE_S), await model.complete(PROMPT, DEADLINE_S)
        assert (first.text, first.calls, second.text, second.calls) == ("one", 3, "two", 1)
        assert [_form(one) for one in server.asked] == ["json_schema", "json_object", None, None]
        assert (model.figures()["structured"], model.figures()["calls"]) == ("none", 4)


async def test_a_refusal_that_no_lesser_form_helps_is_not_remembered() -> None:
    odd = Reply(status=400, error="odd schema")
    async with asking(odd, odd, odd, Reply("two")) as (model, server):
        with pytest.raises(InvalidInput, match="odd schema"):
            await model.complete(PROMPT, DEADLINE_S)
        assert (await model.complete(PROMPT, DEADLINE_S)).text == "two"
        assert [_form(one) for one in server.asked] == ["json_schema", "json_object", None, "json_schema"]
        assert model.figures()["structured"] == "json_schema"


async def test_what_is_asked_otherwise_is_paid_for_like_any_call() -> None:
    async with asking(NO_SCHEMA, Reply("one"), requests_per_minute=1) as (model, server):
        with pytest.raises(Unavailable, match="budget"):
            await model.complete(PROMPT, DEADLINE_S)
        assert len(server.asked) == 1


async def test_a_reasoning_model_is_asked_as_it_wants_from_then_on() -> None:
    limit = "Unsupported parameter: 'max_tokens' is not supported with this model. Use 'max_completion_tokens' instead."
    warmth = "Unsupported value: 'temperature' does not support 0 with this model. Only the default (1) is supported."
    refusals = Reply(status=400, error=limit), Reply(status=400, error=warmth)
    async with asking(*refusals, Reply("one"), Reply("two"), answer_tokens=99) as (model, server):
        assert (await model.complete(PROMPT, DEADLINE_S)).calls == 3
        assert (await model.complete(PROMPT, DEADLINE_S)).calls == 1
        for asked in server.asked[2:]:
            assert asked["max_completion_tokens"] == 99
            assert not asked.keys() & {"max_tokens", "temperature"}
            assert _form(asked) == "json_schema"


async def test_an_answer_that_the_server_refuses_as_no_json_is_an_answer() -> None:
    told = {"message": "Failed to generate JSON.", "code": "json_validate_failed", "failed_generation": "{facts:"}
    async with asking(Reply(status=400, body=json.dumps({"error": told}))) as (model, server):
        answer = await model.complete(PROMPT, DEADLINE_S)
        assert (answer.text, answer.calls, len(server.asked)) == ("{facts:", 1, 1)
        assert model.figures()["structured"] == "json_schema"


async def test_images_are_shown_to_a_model_that_takes_them() -> None:
    seen = replace(PROMPT, images=("https://example.org/a.png",))
    async with asking(images=True) as (model, server):
        assert (await model.complete(seen, DEADLINE_S)).images == 1
        assert [part["type"] for part in server.asked[0]["messages"][1]["content"]] == ["text", "image_url"]


async def test_a_model_that_refuses_images_is_asked_without_them_and_that_is_said() -> None:
    seen = replace(PROMPT, images=("https://example.org/a.png",))
    refused = Reply(status=400, error="this model has no vision: unknown variant `image_url`")
    async with asking(refused, Reply("one"), images=True) as (model, server):
        answer = await model.complete(seen, DEADLINE_S)
        assert (answer.text, answer.images, answer.calls) == ("one", 0, 2)
        assert server.asked[1]["messages"][1]["content"] == "Ana paints."


async def test_images_are_not_shown_where_the_settings_don_t_say_so() -> None:
    async with asking() as (model, server):
        answer = await model.complete(replace(PROMPT, images=("https://example.org/a.png",)), DEADLINE_S)
        assert (answer.images, server.asked[0]["messages"][1]["content"]) == (0, "Ana paints.")


@pytest.mark.parametrize(
    "passing",
    [
        Reply(status=429, headers={"retry-after-ms": "1"}),
        Reply(status=500),
        Reply(status=503, headers={"retry-after": "0"}),
        Reply(body="{this is no JSON"),
        Reply(body='{"choices": []}'),
        Reply(body='{"choices": [null]}'),
        Reply(body='{"choices": [{"message": "x"}]}'),
        Reply(body='{"choices": [{"message": {"content": 7}}]}'),
        Reply(body="[]"),
    ],
)
async def test_what_passes_is_tried_again(passing: Reply) -> None:
    async with asking(passing, Reply("at last")) as (model, server):
        answer = await model.complete(PROMPT, DEADLINE_S)
        assert (answer.text, answer.calls, len(server.asked)) == ("at last", 2, 2)
        assert model.figures()["retries"] == 1


async def test_text_in_parts_and_no_usage_are_an_answer_too() -> None:
    parts = '{"choices": [{"message": {"content": [{"type": "text", "text": "a"}, {"text": "b"}]}}], "usage": {}}'
    async with asking(Reply(body=parts)) as (model, _):
        answer = await model.complete(PROMPT, DEADLINE_S)
        assert (answer.text, answer.whole, answer.prompt_tokens) == ("ab", True, 0)


async def test_a_try_that_takes_too_long_is_followed_by_another() -> None:
    gate = asyncio.Event()
    async with asking(Reply(gate=gate), Reply("next"), call_deadline_s=0.2) as (model, _):
        answer = await model.complete(PROMPT, DEADLINE_S)
        assert (answer.text, answer.calls) == ("next", 2)
        gate.set()


async def test_what_is_no_text_is_refused_before_it_is_sent() -> None:
    async with asking() as (model, server):
        with pytest.raises(InvalidInput, match="surrogates"):
            await model.complete(Prompt("a", "\ud83d", {}), DEADLINE_S)
        assert server.asked == []


async def test_a_pause_that_is_longer_than_anybody_waits_is_told_at_once() -> None:
    async with asking(Reply(status=429, headers={"retry-after": "100"})) as (model, server):
        with pytest.raises(Unavailable, match="429") as told:
            await model.complete(PROMPT, DEADLINE_S)
        assert told.value.details["retry_after_s"] >= 100
        assert len(server.asked) == 1


@pytest.mark.parametrize(
    ("refusal", "error", "says"),
    [
        (Reply(status=401, error="bad key"), Unavailable, r"llm\.api_key.*bad key"),
        (Reply(status=404, error="no such model"), Unavailable, r"'m'.*llm\.model"),
        (Reply(status=400, error="context length exceeded"), InvalidInput, "context length exceeded"),
        (Reply(status=413), InvalidInput, "413"),
        (Reply(status=402, error="no credit"), Unavailable, "no credit"),
    ],
)
async def test_what_won_t_pass_isn_t_tried_again(refusal: Reply, error: type[Exception], says: str) -> None:
    async with asking(refusal) as (model, server):
        with pytest.raises(error, match=says):
            await model.complete(PROMPT, DEADLINE_S)
        assert len(server.asked) == 1
        assert model.figures()["failures"] == 1


async def test_nobody_there_is_said_when_the_time_is_up() -> None:
    model = build(LlmSettings(base_url="http://127.0.0.1:9/v1", model="m"))
    assert model is not None
    with pytest.raises(Unavailable, match=r"can't be reached|no answer"):
        await model.complete(PROMPT, 0.5)
    await model.close()


async def test_a_silent_server_costs_the_deadline_and_nobody_else_s_turn() -> None:
    gate = asyncio.Event()
    async with asking(Reply(gate=gate), Reply("next"), concurrency=1) as (model, server):
        with pytest.raises(Unavailable, match="within"):
            await model.complete(PROMPT, 0.3)
        gate.set()
        assert (await model.complete(PROMPT, DEADLINE_S)).text == "next"
        assert len(server.asked) == 2
        assert (model.figures()["in_flight"], model.figures()["waiting"]) == (0, 0)


async def test_no_more_calls_at_once_than_are_allowed_and_no_more_wait_than_may() -> None:
    gate = asyncio.Event()
    async with asking(Reply("one", gate=gate), concurrency=2, queue_calls=3) as (model, server):
        calls = [asyncio.ensure_future(model.complete(PROMPT, DEADLINE_S)) for _ in range(5)]
        async with asyncio.timeout(10):
            while len(server.asked) < 2:
                await server.came.wait()
                server.came.clear()
        assert model.figures()["waiting"] == 3
        with pytest.raises(Overloaded):
            await model.complete(PROMPT, DEADLINE_S)
        gate.set()
        assert [one.text for one in await asyncio.gather(*calls)] == ["one"] * 5
        assert server.most == 2


async def test_a_spent_budget_is_said_with_when_to_come_back() -> None:
    async with asking(Reply("one"), requests_per_minute=1) as (model, server):
        await model.complete(PROMPT, DEADLINE_S)
        with pytest.raises(Unavailable, match="budget") as told:
            await model.complete(PROMPT, DEADLINE_S)
        assert 50 < told.value.details["retry_after_s"] <= 60
        assert len(server.asked) == 1


async def test_the_budget_of_tokens_is_charged_what_the_server_counts() -> None:
    long = replace(PROMPT, user="word " * 600)  # guessed at a thousand tokens, counted as 11, and 7 of the answer
    async with asking(Reply("one"), tokens_per_minute=1200) as (model, server):
        for _ in range(3):
            await model.complete(long, DEADLINE_S)
        assert len(server.asked) == 3


async def test_a_caller_who_goes_away_takes_the_call_along() -> None:
    async with provider(Reply(gate=asyncio.Event())) as server:
        model = build(LlmSettings(base_url=server.url, model="m", concurrency=1))
        assert model is not None
        call = asyncio.ensure_future(model.complete(PROMPT, DEADLINE_S))
        await server.came.wait()
        call.cancel()
        with pytest.raises(asyncio.CancelledError):
            await call
        assert model.figures()["in_flight"] == 0
        async with asyncio.timeout(DEADLINE_S):
            await server.gone.wait()
        await model.close()


async def test_a_deadline_hangs_up_too() -> None:
    async with provider(Reply(gate=asyncio.Event())) as server:
        model = build(LlmSettings(base_url=server.url, model="m"))
        assert model is not None
        with pytest.raises(Unavailable, match="within"):
            await model.complete(PROMPT, 0.3)
        async with asyncio.timeout(DEADLINE_S):
            await server.gone.wait()
        await model.close()
