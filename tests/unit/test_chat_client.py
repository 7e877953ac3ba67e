"""`Remora` and `AsyncRemora`: the OpenAI SDK over a chat door, by real HTTP."""

from __future__ import annotations

import asyncio
from typing import Any

import openai
import pytest

from remora import AsyncRemora, Memory, Remora
from remora.errors import InvalidInput
from tests.provider import DONE, Reply, chunk
from tests.unit.test_chat_door import HELLO, world

STREAM = [chunk("Yes"), chunk(".", finish="stop"), DONE]


async def test_an_answer_is_the_sdk_s_and_the_turn_is_remembered() -> None:
    async with world(Reply("Yes."), key="k") as one, AsyncRemora(one.url, "k", agent_id="helper") as client:
        messages: Any = [HELLO]
        answer = await client.chat.completions.create(
            messages=messages,
            user_id="ana",
            metadata={"k": 1},
            filters={"metadata": {"k": 1}},
            top_k=3,
            infer=False,
            seed=7,
        )
        assert answer.choices[0].message.content == "Yes."
        assert one.upstream.asked[0] == {"messages": [HELLO], "model": "own", "seed": 7}
        assert await one.remembered() == [("assistant", "Yes."), ("user", HELLO["content"])]
        kept = await client.memory.list(agent_id="helper", filters={"metadata": {"k": 1}})
        assert kept["count"] == 2


async def test_a_stream_is_the_sdk_s() -> None:
    async with world(Reply(stream=STREAM)) as one, AsyncRemora(f"{one.url}/v1/", user_id="bob") as client:
        messages: Any = [HELLO]
        stream = await client.chat.completions.create(model="m", messages=messages, stream=True, user_id="ana")
        assert isinstance(stream, openai.AsyncStream)
        assert [part.choices[0].delta.content async for part in stream] == ["Yes", "."]
        assert len(await one.remembered("ana")) == 2
        assert await one.remembered("bob") == []


async def test_errors_are_the_sdk_s() -> None:
    async with world(Reply(status=400, error="no"), key="k") as one:
        async with AsyncRemora(one.url, "wrong", user_id="ana", max_retries=0) as client:
            with pytest.raises(openai.AuthenticationError):
                await client.chat.completions.create(messages=[])
        async with AsyncRemora(one.url, "k") as client:
            with pytest.raises(openai.BadRequestError):
                await client.chat.completions.create(messages=[])


async def test_the_one_that_blocks_does_the_same() -> None:
    async with world(Reply("Yes."), Reply(stream=STREAM)) as one:

        def chats() -> tuple[Any, list[Any]]:
            messages: Any = [HELLO]
            with Remora(one.url, user_id="ana", run_id="r") as client:
                whole = client.chat.completions.create(messages=messages, extra_body={"x": 1})
                stream = client.chat.completions.create(messages=messages, stream=True)
                said = [part.choices[0].delta.content for part in stream]
                assert isinstance(client.memory, Memory)
                assert client.memory.operations(user_id="ana")["count"] == 2
                return whole.choices[0].message.content, said

        assert await asyncio.to_thread(chats) == ("Yes.", ["Yes", "."])
        assert one.upstream.asked[0]["x"] == 1
        await one.remembered()
        assert (await one.memory.list(user_id="ana", run_id="r"))["count"] == 2


async def test_the_key_may_come_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("REMORA_API_KEY", "k")
    async with world(Reply("Yes."), key="k") as one, AsyncRemora(one.url) as client:
        assert (await client.chat.completions.create(messages=[])).choices[0].message.content == "Yes."


def test_an_address_that_is_none_is_refused() -> None:
    with pytest.raises(InvalidInput, match="no address"):
        Remora("localhost")
