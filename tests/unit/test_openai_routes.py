"""Models, embeddings and errors of OpenAI's routes, by the `openai` SDK and by plain HTTP."""

from __future__ import annotations

import base64
from collections.abc import AsyncIterator
from importlib import import_module
from typing import Any

import httpx
import numpy as np
import openai
import pytest
from fastapi import FastAPI
from pydantic import SecretStr

from engine.config import LimitSettings, LlmSettings, Settings
from engine.in_process import in_process
from serve_app.application import create_app
from tests.provider import provider

KEY = "the-key"
OWN = "hashing-384"


def settings(base_url: str | None = None) -> Settings:
    llm = LlmSettings(base_url=base_url, model="named" if base_url else None)
    return Settings(admin_key=SecretStr(KEY), llm=llm, limits=LimitSettings(body_bytes=10_000))


@pytest.fixture
async def app() -> AsyncIterator[FastAPI]:
    """Without a language model."""
    memory = in_process()
    await memory.start()
    yield create_app(memory, settings())
    await memory.close()


@pytest.fixture
async def http(app: FastAPI) -> AsyncIterator[httpx.AsyncClient]:
    headers = {"authorization": f"Bearer {KEY}"}
    transport = httpx.ASGITransport(app)
    async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1:8000", headers=headers) as client:
        yield client


@pytest.fixture
async def sdk(app: FastAPI) -> AsyncIterator[openai.AsyncOpenAI]:
    async with sdk_over(app) as client:
        yield client


def sdk_over(app: FastAPI) -> openai.AsyncOpenAI:
    """The SDK, by its own HTTP library into an application of this process."""
    library = import_module(openai.DefaultAsyncHttpxClient.__mro__[1].__module__.partition(".")[0])
    client = library.AsyncClient(transport=library.ASGITransport(app))
    return openai.AsyncOpenAI(base_url="http://127.0.0.1:8000/v1", api_key=KEY, max_retries=0, http_client=client)


# --- embeddings ------------------------------------------------------------------------------------------------------


async def test_vectors_come_packed_or_as_numbers_and_are_the_same(sdk: openai.AsyncOpenAI) -> None:
    texts = ["I live in Lisbon.", "I like tea."]
    packed = await sdk.embeddings.create(model="any", input=texts)
    plain = await sdk.embeddings.create(model="any", input=texts, encoding_format="float")
    assert [one.index for one in plain.data] == [0, 1]
    assert (plain.model, plain.usage.prompt_tokens, plain.usage.total_tokens) == (OWN, 9, 9)
    assert [one.embedding for one in packed.data] == [one.embedding for one in plain.data]
    assert np.linalg.norm(packed.data[0].embedding) == pytest.approx(1, abs=1e-3)


async def test_what_is_packed_are_little_endian_floats(http: httpx.AsyncClient) -> None:
    body = {"input": "I like tea."}
    packed = (await http.post("/v1/embeddings", json={**body, "encoding_format": "base64"})).json()
    plain = (await http.post("/v1/embeddings", json=body)).json()
    raw = base64.b64decode(packed["data"][0]["embedding"])
    assert np.frombuffer(raw, dtype="<f4").tolist() == plain["data"][0]["embedding"]


async def test_a_single_text_is_one_vector(sdk: openai.AsyncOpenAI) -> None:
    alone = await sdk.embeddings.create(model="any", input="I like tea.", dimensions=384)
    both = await sdk.embeddings.create(model="any", input=["I like tea."])
    assert [one.embedding for one in alone.data] == [one.embedding for one in both.data]


@pytest.mark.parametrize(
    ("body", "param"),
    [
        ({}, "input"),
        ({"input": ""}, "input"),
        ({"input": []}, "input"),
        ({"input": ["a", ""]}, "input"),
        ({"input": 7}, "input"),
        ({"input": [1, 2]}, "input"),
        ({"input": [[1, 2]]}, "input"),
        ({"input": [None]}, "input"),
        ({"input": "x " * 400}, "input"),
        ({"input": "a", "dimensions": 7}, "dimensions"),
        ({"input": "a", "encoding_format": "int8"}, "encoding_format"),
    ],
)
async def test_wrong_input_is_refused_by_name(http: httpx.AsyncClient, body: Any, param: str) -> None:
    reply = await http.post("/v1/embeddings/", json={"model": "any", **body})
    error = reply.json()["error"]
    assert (reply.status_code, error["type"], error["param"]) == (400, "invalid_request_error", param)
    assert "texts[" not in error["message"]


async def test_too_many_texts_are_too_large(http: httpx.AsyncClient) -> None:
    reply = await http.post("/v1/embeddings", json={"input": ["a"] * 1001})
    assert (reply.status_code, reply.json()["error"]["code"]) == (413, "too_large")


# --- models ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("slash", ["", "/"])
async def test_without_a_language_model_there_is_our_own_model(http: httpx.AsyncClient, slash: str) -> None:
    listed = (await http.get(f"/v1/models{slash}")).json()
    assert (listed["object"], [one["id"] for one in listed["data"]]) == ("list", [OWN])
    own = (await http.get(f"/v1/models/{OWN}{slash}")).json()
    assert own == listed["data"][0] == {"id": OWN, "object": "model", "created": 0, "owned_by": "remora"}
    missing = await http.get(f"/v1/models/gpt{slash}")
    assert (missing.status_code, missing.json()["error"]["param"]) == (404, "model")


async def test_the_language_model_s_models_stand_beside_our_own() -> None:
    memory = in_process()
    await memory.start()
    async with provider() as upstream:
        app = create_app(memory, settings(upstream.url))
        async with sdk_over(app) as client:
            assert [one.id async for one in client.models.list()] == ["org/scripted", OWN]
            assert (await client.models.retrieve("org/scripted")).owned_by == "test"
            assert (await client.models.retrieve(OWN)).owned_by == "remora"
            with pytest.raises(openai.NotFoundError) as missing:
                await client.models.retrieve("gpt")
            assert "no gpt" in str(missing.value)
            assert all(KEY not in str(headers) for headers in upstream.headers)
            assert all("authorization" not in headers for headers in upstream.headers)
        await app.state.chats.close()
    await memory.close()


async def test_a_server_whose_models_cannot_be_had_is_a_502() -> None:
    memory = in_process()
    await memory.start()
    app = create_app(memory, settings("http://127.0.0.1:1/v1"))
    headers = {"x-api-key": KEY}
    transport = httpx.ASGITransport(app)
    async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1", headers=headers) as client:
        reply = await client.get("/v1/models")
    assert (reply.status_code, reply.json()["error"]["type"]) == (502, "server_error")
    await app.state.chats.close()
    await memory.close()


# --- errors ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "path", ["/v1/chat/completions", "/v1/models", "/v1/embeddings", "/v1/models/x", "/v1//models"]
)
async def test_without_a_key_openai_s_clients_are_told_so_in_their_shape(http: httpx.AsyncClient, path: str) -> None:
    reply = await http.post(path, headers={"authorization": "Bearer wrong"})
    assert reply.status_code == 401
    assert set(reply.json()["error"]) == {"message", "type", "param", "code"}
    assert reply.json()["error"]["type"] == "authentication_error"


async def test_no_such_path_and_no_such_method_are_told_in_their_shape(http: httpx.AsyncClient) -> None:
    missing, method = await http.post("/v1/chat/nothing"), await http.get("/v1/chat/completions")
    assert (missing.status_code, missing.json()["error"]["code"]) == (404, "not_found")
    assert (method.status_code, method.json()["error"]["code"]) == (405, "method_not_allowed")
    ours = await http.get("/v1/chatter")
    assert isinstance(ours.json()["error"], str)


async def test_a_bug_says_nothing_of_what_is_inside_and_is_not_asked_again(http: httpx.AsyncClient) -> None:
    class Broken:
        async def embed(self, *_args: Any, **_fields: Any) -> None:
            raise RuntimeError("a secret")

    broken: Any = Broken()
    app = create_app(broken, Settings())
    transport = httpx.ASGITransport(app, raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1") as client:
        reply = await client.get("/v1/models")
    assert (reply.status_code, reply.headers["x-should-retry"]) == (500, "false")
    assert "secret" not in reply.text
    assert reply.json()["error"]["type"] == "server_error"
