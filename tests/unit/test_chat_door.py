"""The chat door over real HTTP: a language model's answers pass through, with memory in front and behind.

The client is the `openai` SDK or plain HTTP, the model's server is scripted, the memory is one of this process.
"""

from __future__ import annotations

import asyncio
import gzip
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import httpx
import openai
import pytest
from fastapi import FastAPI
from pydantic import SecretStr

from engine.config import ChatSettings, LimitSettings, LlmSettings, Settings
from engine.errors import InvalidInput, Unavailable
from engine.in_process import in_process
from engine.memory import Memory
from serve_app.application import create_app
from tests.provider import DONE, Provider, Reply, chunk, provider, served

WAIT_S = 20.0
BALCONY = "The flat in Lisbon has a balcony."
HELLO = {"role": "user", "content": "Does the flat in Lisbon have a balcony?"}
BRIEF: Any = {"role": "system", "content": "Be brief."}
UPSTREAM_KEY, OWN_KEY = "sk-upstream", "sk-own"


class Fickle:
    """A memory of this process whose verbs can be held up or made to fail."""

    def __init__(self, memory: Memory) -> None:
        self._memory = memory
        self.open = asyncio.Event()
        self.open.set()
        self.errors: dict[str, list[Exception]] = {}
        self.added: list[tuple[list[dict[str, Any]], dict[str, Any]]] = []
        self.came = asyncio.Event()
        self.settles = False
        """Whether a search waits until all is done that was accepted before it."""

    def __getattr__(self, verb: str) -> Any:
        return getattr(self._memory, verb)

    async def search(self, query: str, **fields: Any) -> Any:
        await self._met("search")
        if self.settles:
            await self.settled()
        return await self._memory.search(query, **fields)

    async def add(self, messages: Any, **fields: Any) -> Any:
        self.added.append((messages, fields))
        self.came.set()
        await self._met("add")
        return await self._memory.add(messages, **fields)

    async def settled(self) -> None:
        """Returns when all that was accepted is done."""
        for state in ("PENDING", "RUNNING"):
            while (await self._memory.operations(state=state))["count"]:
                await asyncio.sleep(0)

    async def _met(self, verb: str) -> None:
        await self.open.wait()
        if errors := self.errors.get(verb):
            raise errors.pop(0)


@dataclass
class World:
    """A door, its model's server and its memory."""

    url: str
    memory: Fickle
    upstream: Provider
    app: FastAPI
    client: openai.AsyncOpenAI = field(init=False)
    http: httpx.AsyncClient = field(init=False)

    async def chat(self, **fields: Any) -> Any:
        given = {"model": "m", "messages": [HELLO], **fields}
        return await self.client.chat.completions.create(**given)

    async def post(self, **fields: Any) -> httpx.Response:
        return await self.http.post("/v1/chat/completions", json={"model": "m", "messages": [HELLO], **fields})

    async def remembered(self, user: str = "ana") -> list[tuple[str, str]]:
        """What is kept of a user, once all that was handed over is done."""
        async with asyncio.timeout(WAIT_S):
            while self.turns["gate"]["pending"]:
                await asyncio.sleep(0)
            await self.memory.settled()
        found = await self.memory.list(user_id=user)
        return sorted((one["role"], one["memory"]) for one in found["results"])

    @property
    def turns(self) -> Any:
        return self.app.state.chats.figures()["turns"]


@asynccontextmanager
async def world(
    *replies: Reply, key: str | None = None, llm: dict[str, Any] | None = None, **chat: Any
) -> AsyncIterator[World]:
    limits = chat.pop("limits", LimitSettings())
    async with provider(*replies) as upstream:
        told = {"base_url": upstream.url, "model": "own", "api_key": UPSTREAM_KEY} if llm is None else llm
        settings = Settings(
            llm=LlmSettings(**told),
            chat=ChatSettings(**({"memory_deadline_s": WAIT_S} | chat)),
            limits=limits,
            admin_key=SecretStr(key) if key else None,
        )
        memory = in_process(settings)
        await memory.start()
        fickle = Fickle(memory)
        whole: Any = fickle
        app = create_app(whole, settings)
        async with served(app, lifespan=True) as url:
            one = World(url, fickle, upstream, app)
            one.client = openai.AsyncOpenAI(base_url=f"{url}/v1", api_key=key or OWN_KEY, max_retries=0)
            one.http = httpx.AsyncClient(base_url=url, timeout=WAIT_S, trust_env=False)
            try:
                yield one
            finally:
                fickle.open.set()
                await one.client.close()
                await one.http.aclose()
        await memory.close()


# --- what is sent to the model, and what comes back ------------------------------------------------------------------


async def test_memories_go_into_the_prompt_and_the_turn_is_remembered() -> None:
    async with world(Reply("Yes, to the south.")) as one:
        await one.memory.add(BALCONY, user_id="ana")
        raw = await one.client.chat.completions.with_raw_response.create(
            model="m", seed=7, messages=[BRIEF, {"role": "user", "content": HELLO["content"]}],
            extra_body={"user_id": "ana", "metadata": {"k": 1}, "unknown": {"deep": [1]}},
        )  # fmt: skip
        assert raw.parse().choices[0].message.content == "Yes, to the south."
        assert raw.headers["x-remora-memories"] == "1"
        sent = one.upstream.asked[0]
        assert sent["messages"][0]["content"].startswith("Be brief.\n\nWhat is known")
        assert BALCONY in sent["messages"][0]["content"]
        assert sent["messages"][1] == HELLO
        assert {name: sent[name] for name in sent if name != "messages"} == {
            "model": "m",
            "seed": 7,
            "unknown": {"deep": [1]},
        }
        operation = await one.memory.operation(raw.headers["x-remora-operation"])
        assert operation["event_type"] == "ADD"
        assert await one.remembered() == [
            ("assistant", "Yes, to the south."), ("user", HELLO["content"]), ("user", BALCONY),
        ]  # fmt: skip
        kept = (await one.memory.list(user_id="ana", filters={"metadata": {"k": 1}}))["count"]
        assert kept == 2


async def test_as_much_goes_into_the_prompt_as_the_settings_say() -> None:
    async with world(Reply("Yes."), memory_tokens=40) as one:
        await one.memory.add(
            [{"role": "user", "content": f"The flat {n} in Lisbon has a balcony."} for n in range(9)], user_id="ana"
        )
        few, best = await one.post(user_id="ana"), await one.post(user_id="ana", top_k=1)
        assert 1 < int(few.headers["x-remora-memories"]) < 9
        assert best.headers["x-remora-memories"] == "1"


async def test_what_was_said_stands_in_a_prompt_in_its_order() -> None:
    async with world(Reply("Flat, yes; balcony: Lisbon.")) as one:
        await one.post(user_id="ana")
        await one.remembered()
        await one.post(user_id="ana", messages=[{"role": "user", "content": "Lisbon, flat, balcony?"}])
        prompt = one.upstream.asked[1]["messages"][0]["content"]
        assert prompt.index(HELLO["content"]) < prompt.index("Flat, yes; balcony: Lisbon.")


async def test_a_non_streamed_answer_is_remembered_before_it_is_given() -> None:
    async with world(Reply("Yes.")) as one:
        reply = await one.post(user_id="ana")
        operation = await one.memory.operation(reply.headers["x-remora-operation"])
        assert operation["status"] in {"PENDING", "RUNNING", "SUCCEEDED"}


async def test_without_a_scope_the_model_answers_alone() -> None:
    async with world(Reply("Yes.")) as one:
        raw = b'{"model": "m",  "messages":[{"role":"user","content":"x"}], "metadata": {"a": "b"}, "top_k": 40}'
        reply = await one.http.post("/v1/chat/completions/", content=raw)
        assert one.upstream.bodies == [raw]
        assert not [name for name in reply.headers if name.startswith("x-remora")]
        assert one.memory.added == []


async def test_the_keys_are_told_apart() -> None:
    async with world(Reply("Yes."), key="the-door-key") as one:
        await one.chat(
            user="ana", extra_headers={"OpenAI-Organization": "org", "X-API-Key": "the-door-key", "Cookie": "c"}
        )
        sent = one.upstream.headers[0]
        assert sent["authorization"] == f"Bearer {UPSTREAM_KEY}"
        assert sent["accept-encoding"] == "identity"
        assert "the-door-key" not in json.dumps(sent)
        assert not {"openai-organization", "cookie", "x-api-key"} & set(sent)
        assert one.upstream.asked[0]["user"] == "ana"


async def test_a_model_that_is_not_named_is_that_of_the_settings() -> None:
    async with world(Reply("Yes.")) as one:
        await one.http.post("/v1/chat/completions", json={"messages": [HELLO]})
        assert one.upstream.asked[0]["model"] == "own"


async def test_the_scope_may_come_by_headers() -> None:
    async with world(Reply("Yes.")) as one:
        await one.chat(extra_headers={"X-Remora-User-Id": "ana", "X-Remora-Run-Id": "r"}, user="somebody")
        assert await one.remembered() == [("assistant", "Yes."), ("user", HELLO["content"])]
        assert (await one.memory.list(run_id="r", user_id="ana"))["count"] == 2


async def test_an_answer_passes_through_byte_for_byte_with_its_headers() -> None:
    odd = '{"choices":[{"index":0,"message":{"content":"caf\\u00e9"}}],\n\n  "x":1e3 }'
    headers = {
        "x-request-id": "req_1", "x-ratelimit-remaining-requests": "9", "openai-processing-ms": "5",
        "set-cookie": "a=b", "content-type": "application/json; charset=utf-8",
    }  # fmt: skip
    async with world(Reply(body=odd, headers=headers)) as one:
        reply = await one.post(user_id="ana")
        assert reply.content == odd.encode()
        assert reply.headers["content-type"] == "application/json; charset=utf-8"
        assert reply.headers["x-upstream-request-id"] == "req_1"
        assert reply.headers["x-ratelimit-remaining-requests"] == "9"
        assert reply.headers["openai-processing-ms"] == "5"
        assert "set-cookie" not in reply.headers
        assert ("assistant", "café") in await one.remembered()


@pytest.mark.parametrize(
    ("status", "raised"),
    [(400, openai.BadRequestError), (429, openai.RateLimitError), (500, openai.InternalServerError)],
)
@pytest.mark.parametrize("stream", [False, True])
async def test_an_error_of_the_model_passes_through_and_nothing_is_remembered(
    status: int, raised: type[openai.APIStatusError], stream: bool
) -> None:
    refused = Reply(status=status, error="no such thing", headers={"retry-after": "7"})
    async with world(refused) as one:
        with pytest.raises(raised) as error:
            await one.chat(user="ana", stream=stream)
        body: Any = error.value.body
        assert body == {"message": "no such thing", "type": "test", "code": None, "param": None}
        assert error.value.response.headers["retry-after"] == "7"
        assert error.value.response.headers["x-remora-memories"] == "0"
        assert "x-remora-operation" not in error.value.response.headers
        assert one.memory.added == []


async def test_a_tool_call_passes_through_and_only_what_was_said_is_remembered() -> None:
    call = {"id": "1", "type": "function", "function": {"name": "warmth", "arguments": "{}"}}
    choice = {
        "index": 0,
        "message": {"role": "assistant", "content": None, "tool_calls": [call]},
        "finish_reason": "tool_calls",
    }
    asking = Reply(
        body=json.dumps({"id": "1", "object": "chat.completion", "created": 1, "model": "m", "choices": [choice]})
    )
    async with world(asking, Reply("20 degrees.")) as one:
        tools: Any = [{"type": "function", "function": {"name": "warmth", "parameters": {"type": "object"}}}]
        answer = await one.chat(user="ana", tools=tools)
        assert answer.choices[0].message.tool_calls[0].function.name == "warmth"
        assert one.upstream.asked[0]["tools"] == tools
        assert await one.remembered() == [("user", HELLO["content"])]
        then = [HELLO, choice["message"], {"role": "tool", "tool_call_id": "1", "content": "20"}]
        await one.chat(user="ana", tools=tools, messages=then)
        assert [(said["role"], said["content"]) for said in one.memory.added[-1][0]] == [("assistant", "20 degrees.")]


async def test_a_call_of_tools_again_has_nothing_to_remember() -> None:
    call: Any = {"role": "assistant", "content": None, "tool_calls": []}
    body = json.dumps({"choices": [{"index": 0, "message": call}]})
    async with world(Reply(body=body)) as one:
        reply = await one.post(user_id="ana", messages=[HELLO, call, {"role": "tool", "content": "x"}])
        assert "x-remora-operation" not in reply.headers
        assert one.memory.added == []


async def test_an_answer_that_is_packed_though_it_was_not_asked_for_is_heard() -> None:
    made = json.dumps({"choices": [{"index": 0, "message": {"content": "Yes."}}]})
    packed = gzip.compress(made.encode()).decode("latin-1")

    class Packed(Reply):
        pass

    async with world(
        Packed(
            stream=[packed.encode("latin-1")], headers={"content-encoding": "gzip", "content-type": "application/json"}
        )
    ) as one:
        reply = await one.post(user_id="ana")
        assert reply.json() == json.loads(made)
        assert ("assistant", "Yes.") in await one.remembered()


# --- streams ---------------------------------------------------------------------------------------------------------

STREAM = [chunk("Yes, ", role="assistant"), chunk("to the "), chunk("south. \U0001f600"), chunk(finish="stop"), DONE]


async def test_a_stream_passes_through_byte_for_byte_and_is_remembered() -> None:
    raw = b"".join(STREAM)
    cut = [raw[at : at + 7] for at in range(0, len(raw), 7)]
    async with world(Reply(stream=cut)) as one:
        reply = await one.post(user_id="ana", stream=True)
        assert reply.content == raw
        assert reply.headers["content-type"] == "text/event-stream; charset=utf-8"
        await one.memory.operation(reply.headers["x-remora-operation"])
        assert await one.remembered() == [("assistant", "Yes, to the south. \U0001f600"), ("user", HELLO["content"])]


async def test_the_sdk_reads_a_stream() -> None:
    async with world(Reply(stream=STREAM)) as one:
        said = [part.choices[0].delta.content async for part in await one.chat(user="ana", stream=True)]
        assert said == ["Yes, ", "to the ", "south. \U0001f600", None]


async def test_every_piece_comes_as_it_comes_and_only_the_last_waits_for_the_memory() -> None:
    gates = {number: asyncio.Event() for number in (1, 3)}
    async with world(Reply(stream=STREAM, gates=gates)) as one:
        one.memory.errors["add"] = []
        asking = one.http.stream(
            "POST", "/v1/chat/completions", json={"messages": [HELLO], "user": "ana", "stream": True}
        )
        async with asyncio.timeout(WAIT_S), asking as reply:
            pieces = reply.aiter_raw()
            assert await anext(pieces) == STREAM[0]
            gates[1].set()
            so_far = b""
            while len(so_far) < len(STREAM[1] + STREAM[2]):
                so_far += await anext(pieces)
            one.memory.open.clear()
            gates[3].set()
            while not so_far.endswith(STREAM[3]):
                so_far += await anext(pieces)
            await one.memory.came.wait()
            one.memory.open.set()
            assert b"".join([piece async for piece in pieces]) == DONE
        await one.memory.operation(reply.headers["x-remora-operation"])


async def test_a_stream_without_its_last_event_is_safe_before_it_ends() -> None:
    async with world(Reply(stream=STREAM[:-1])) as one:
        reply = await one.post(user_id="ana", stream=True)
        assert reply.content == b"".join(STREAM[:-1])
        await one.memory.operation(reply.headers["x-remora-operation"])


async def test_a_stream_that_breaks_off_ends_broken_and_what_was_said_is_remembered() -> None:
    async with world(Reply(stream=[*STREAM[:2], b'data: {"choices": [{"index": 0, "del'], breaks=True)) as one:
        said: list[Any] = []
        with pytest.raises((openai.APIError, httpx.HTTPError)):
            await gathered(await one.chat(user="ana", stream=True), said)
        assert said == ["Yes, ", "to the "]
        assert await one.remembered() == [("assistant", "Yes, to the"), ("user", HELLO["content"])]


async def gathered(stream: Any, said: list[Any]) -> None:
    """All that comes, into `said`: what came before it broke counts too."""
    async for part in stream:
        said.append(part.choices[0].delta.content)  # noqa: PERF401 - an extension would keep nothing


async def test_an_error_inside_a_stream_reaches_the_sdk() -> None:
    async with world(Reply(stream=[STREAM[0], b'data: {"error": {"message": "too long"}}\n\n', DONE])) as one:
        with pytest.raises(openai.APIError, match="too long"):
            _ = [part async for part in await one.chat(user="ana", stream=True)]
        assert ("assistant", "Yes,") in await one.remembered()


@pytest.mark.parametrize("said", [0, 2])
async def test_a_client_that_hangs_up_ends_the_call_and_what_was_said_is_remembered(said: int) -> None:
    never = {said: asyncio.Event()}
    async with world(Reply(stream=STREAM, gates=never)) as one:
        body = {"messages": [HELLO], "user": "ana", "stream": True}
        async with asyncio.timeout(WAIT_S), one.http.stream("POST", "/v1/chat/completions", json=body) as reply:
            pieces = reply.aiter_raw()
            for _ in range(said):
                await anext(pieces)
        async with asyncio.timeout(WAIT_S):
            await one.upstream.gone.wait()
            await one.memory.came.wait()
        heard = [("assistant", "Yes, to the")] if said else []
        assert await one.remembered() == [*heard, ("user", HELLO["content"])]


async def test_a_client_that_hangs_up_before_the_model_says_anything_ends_the_call() -> None:
    async with world(Reply("late", gate=asyncio.Event())) as one:
        asking = asyncio.ensure_future(one.post(user_id="ana"))
        async with asyncio.timeout(WAIT_S):
            await one.upstream.came.wait()
            asking.cancel()
            await one.upstream.gone.wait()
        while one.app.state.chats.figures()["gate"]["pending"]:
            await asyncio.sleep(0)
        assert one.memory.added == []


# --- when the memory is away -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("error", [Unavailable("away"), RuntimeError("a bug"), InvalidInput("odd")])
async def test_a_memory_that_fails_fails_no_chat(error: Exception) -> None:
    async with world(Reply("Yes.")) as one:
        one.memory.errors["search"] = [error]
        reply = await one.post(user_id="ana")
        assert (reply.status_code, reply.headers["x-remora-memories"]) == (200, "unavailable")
        assert one.upstream.asked[0]["messages"] == [HELLO]
        assert len(await one.remembered()) == 2


@pytest.mark.parametrize("stream", [False, True])
async def test_a_memory_that_hangs_holds_no_chat_and_the_turn_is_remembered_when_it_is_back(stream: bool) -> None:
    async with world(Reply(stream=STREAM) if stream else Reply("Yes."), memory_deadline_s=0.05) as one:
        one.memory.open.clear()
        async with asyncio.timeout(WAIT_S):
            reply = await one.post(user_id="ana", stream=stream)
        assert (reply.status_code, reply.headers["x-remora-memories"]) == (200, "unavailable")
        assert one.turns["gate"]["pending"] == 1
        one.memory.open.set()
        assert len(await one.remembered()) == 2
        assert one.turns["accepted"] == 1


async def test_a_turn_is_handed_over_again_until_the_memory_takes_it_under_one_name() -> None:
    async with world(Reply("Yes.")) as one:
        one.memory.errors["add"] = [Unavailable("away"), Unavailable("away")]
        reply = await one.post(user_id="ana")
        assert len(await one.remembered()) == 2
        names = {fields["idempotency_key"] for _, fields in one.memory.added}
        assert (len(one.memory.added), names) == (3, {reply.headers["x-remora-operation"]})
        assert (one.turns["accepted"], one.turns["retries"]) == (1, 2)


async def test_turns_beyond_the_bound_are_refused_and_counted() -> None:
    async with world(Reply("Yes."), turns=1, memory_deadline_s=0.05) as one:
        one.memory.open.clear()
        first, second = await one.post(user_id="ana"), await one.post(user_id="bob")
        assert first.headers["x-remora-operation"]
        assert (second.status_code, "x-remora-operation" in second.headers) == (200, False)
        assert one.turns["gate"]["refused"] == 1
        text = (await one.http.get("/metrics")).text
        assert 'remora_gate_refused_total{gate="http turns"' in text.replace(f'replica="{_pid(text)}",', "")
        one.memory.open.set()
        assert len(await one.remembered("ana")) == 2
        assert await one.remembered("bob") == []


def _pid(text: str) -> str:
    return text.split('remora_chat_turns_accepted_total{replica="')[1].split('"', maxsplit=1)[0]


async def test_what_the_memory_refuses_for_good_is_counted() -> None:
    async with world(Reply("Yes.")) as one:
        one.memory.errors["add"] = [InvalidInput("odd")]
        assert (await one.post(user_id="ana")).status_code == 200
        assert await one.remembered() == []
        assert one.turns["failed"] == 1


async def test_a_door_that_closes_gives_turns_a_moment() -> None:
    async with world(Reply("Yes."), memory_deadline_s=0.05) as one:
        one.memory.open.clear()
        await one.post(user_id="ana")
        closing = asyncio.ensure_future(one.app.state.chats.close())
        one.memory.open.set()
        await closing
        assert len(await one.remembered()) == 2


# --- when the model's server is away ---------------------------------------------------------------------------------


async def test_a_local_model_answers_no_chats_and_that_is_said() -> None:
    async with world(llm={"local": "/models/one.gguf"}) as one:
        for stream in (False, True):
            reply = await one.post(user_id="ana", stream=stream)
            assert (reply.status_code, reply.headers["x-should-retry"]) == (503, "false")
            assert "llm.local" in reply.json()["error"]["message"]
            assert "REMORA_LLM_BASE_URL" in reply.json()["error"]["message"]


async def test_without_a_model_a_chat_is_told_what_to_set() -> None:
    async with world(llm={}) as one:
        reply = await one.post(user_id="ana")
        error = reply.json()["error"]
        assert (reply.status_code, reply.headers["x-should-retry"]) == (503, "false")
        assert "llm.base_url" in error["message"]
        assert "llm.model" in error["message"]
        assert set(error) == {"message", "type", "param", "code"}
        with pytest.raises(openai.InternalServerError):
            await one.chat()


async def test_a_server_that_cannot_be_reached_is_a_502() -> None:
    async with world(llm={"base_url": "http://127.0.0.1:1/v1", "model": "m"}) as one:
        reply = await one.post(user_id="ana")
        assert (reply.status_code, reply.json()["error"]["type"]) == (502, "server_error")
        assert one.memory.added == []


async def test_a_server_that_says_nothing_is_a_504() -> None:
    async with world(Reply(gate=asyncio.Event()), upstream_deadline_s=0.1) as one:
        reply = await one.post(user_id="ana")
        assert (reply.status_code, reply.json()["error"]["code"]) == (504, "deadline_exceeded")


async def test_a_stream_that_falls_silent_ends_broken() -> None:
    async with world(Reply(stream=STREAM, gates={1: asyncio.Event()}), upstream_deadline_s=0.2) as one:
        with pytest.raises(httpx.RemoteProtocolError):
            await one.post(user_id="ana", stream=True)
        assert ("assistant", "Yes,") in await one.remembered()


# --- bad input, and too much -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("raw", "status", "param"),
    [
        (b"{", 400, "body"),
        (b"[]", 400, "body"),
        (b'{"messages": [], "user_id": ""}', 400, "user_id"),
        (b'{"messages": [], "filters": {}}', 400, "filters"),
        (b'{"x": "' + b"x" * 20_000 + b'"}', 413, None),
    ],
)
async def test_a_wrong_request_is_refused_in_openai_s_shape(raw: bytes, status: int, param: str | None) -> None:
    async with world(Reply("Yes."), limits=LimitSettings(body_bytes=10_000)) as one:
        reply = await one.http.post("/v1/chat/completions", content=raw)
        error = reply.json()["error"]
        assert (reply.status_code, error["param"], error["type"]) == (status, param, "invalid_request_error")
        assert one.upstream.asked == []


async def test_chats_take_no_places_of_others_and_have_their_own_bound() -> None:
    gate = asyncio.Event()
    async with world(Reply("Yes.", gate=gate), pending=2, limits=LimitSettings(pending_requests=1)) as one:
        asking = [asyncio.ensure_future(one.post(user_id=f"u{n}")) for n in range(2)]
        async with asyncio.timeout(WAIT_S):
            while len(one.upstream.asked) < 2:
                await asyncio.sleep(0)
        assert (await one.http.get("/v1/memories/", params={"user_id": "ana"})).status_code == 200
        third = await one.post(user_id="ana")
        assert (third.status_code, third.json()["error"]["type"]) == (429, "rate_limit_error")
        assert int(third.headers["retry-after"]) >= 1
        gate.set()
        assert [reply.status_code for reply in await asyncio.gather(*asking)] == [200, 200]
