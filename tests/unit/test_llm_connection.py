"""What a server gets beside the request: nothing of the environment's."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
from pydantic import SecretStr

from engine.config import LlmSettings
from engine.llm import build
from engine.llm.connection import is_loopback
from engine.ports import Prompt
from tests.provider import Provider, provider

PROMPT = Prompt("Write facts.", "Ana paints.", {"type": "object"})
USUAL = {"accept", "accept-encoding", "connection", "content-length", "content-type", "host", "user-agent"}


@pytest.fixture
async def served() -> AsyncIterator[Provider]:
    async with provider() as one:
        yield one


async def _ask(settings: LlmSettings) -> None:
    model = build(settings)
    assert model is not None
    await model.complete(PROMPT, 10.0)
    await model.close()


@pytest.fixture
def ambient(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("API_KEY", "ADMIN_KEY", "ORG_ID", "PROJECT_ID", "WEBHOOK_SECRET"):
        monkeypatch.setenv(f"OPENAI_{name}", "of-openai")
    monkeypatch.setenv("OPENAI_CUSTOM_HEADERS", "X-Secret: of-openai\nAuthorization: Bearer of-openai")


@pytest.mark.usefixtures("ambient")
async def test_with_a_key_that_key_is_sent_and_nothing_else(served: Provider) -> None:
    await _ask(LlmSettings(base_url=served.url, model="m", api_key=SecretStr("mine")))
    [headers] = served.headers
    assert headers["authorization"] == "Bearer mine"
    assert set(headers) == USUAL | {"authorization"}
    assert "of-openai" not in str(headers)


@pytest.mark.usefixtures("ambient")
async def test_without_a_key_none_is_sent(served: Provider) -> None:
    await _ask(LlmSettings(base_url=served.url, model="m"))
    assert set(served.headers[0]) == USUAL


async def test_no_proxy_stands_before_a_server_on_this_machine(
    served: Provider, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    await _ask(LlmSettings(base_url=served.url, model="m"))
    assert len(served.asked) == 1


async def test_a_proxy_is_used_for_others(monkeypatch: pytest.MonkeyPatch) -> None:
    async with provider() as proxy:
        monkeypatch.delenv("no_proxy", raising=False)
        monkeypatch.delenv("NO_PROXY", raising=False)
        monkeypatch.setenv("http_proxy", proxy.url.removesuffix("/v1"))
        await _ask(LlmSettings(base_url="http://model.invalid/v1", model="m"))
        assert len(proxy.asked) == 1


@pytest.mark.parametrize(
    ("url", "loopback"),
    [
        ("http://127.0.0.1:8000/v1", True),
        ("http://127.9.9.9/v1", True),
        ("http://localhost:11434/v1", True),
        ("http://model.localhost/v1", True),
        ("http://[::1]:1/v1", True),
        ("https://api.openai.com/v1", False),
        ("http://10.0.0.7/v1", False),
        ("http://localhost.example.org/v1", False),
        ("not a url", False),
    ],
)
def test_what_is_this_machine(url: str, loopback: bool) -> None:
    assert is_loopback(url) is loopback
