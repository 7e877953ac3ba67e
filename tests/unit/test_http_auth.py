"""Who comes in: the holders of the key, or without a key only this machine."""

from __future__ import annotations

import functools
from typing import Any

import httpx
import pytest
from fastapi import FastAPI
from pydantic import SecretStr

from engine.config import Settings
from engine.errors import InvalidInput
from serve_app.application import create_app
from serve_app.auth import admin_key, check_bind, is_loopback, refusal

KEY = "k3y-ü-of-the-admin"
OPEN = ["/healthz", "/readyz", "/docs", "/docs/start.js", "/openapi.json", "/docs/", "/healthz/"]


class Ready:
    """As much of a memory system as answers for its health and lists nothing."""

    async def status(self) -> dict[str, Any]:
        return {"ready": True, "state": "ready"}

    async def list(self, **_: Any) -> dict[str, Any]:
        return {"count": 0, "page": 1, "page_size": 10, "results": []}


@functools.cache
def app_with(key: str | None) -> FastAPI:
    """Built once for each key: declaring the routes takes longer than most tests here."""
    return create_app(Ready(), Settings(admin_key=SecretStr(key) if key else None))  # type: ignore[arg-type]


def http(key: str | None = None, peer: str = "127.0.0.1", host: str = "127.0.0.1:8000") -> httpx.AsyncClient:
    app = app_with(key)
    return httpx.AsyncClient(transport=httpx.ASGITransport(app, client=(peer, 5)), base_url=f"http://{host}")


def raw(value: str) -> bytes:
    return value.encode()


def encoded(headers: dict[str, bytes]) -> dict[bytes, bytes]:
    return {name.encode(): value for name, value in headers.items()}


# --- with a key ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "headers",
    [
        {"authorization": raw(f"Token {KEY}")},
        {"authorization": raw(f"Bearer {KEY}")},
        {"authorization": raw(f"bearer   {KEY} ")},
        {"x-api-key": raw(KEY)},
        {"x-api-key": raw(KEY), "authorization": b"Bearer of another service"},
    ],
)
async def test_the_key_opens_however_it_is_sent(headers: dict[str, bytes]) -> None:
    async with http(KEY) as client:
        assert (await client.get("/v1/ping/", headers=encoded(headers))).status_code == 200


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"authorization": b""},
        {"authorization": b"Token"},
        {"authorization": b"Token wrong"},
        {"authorization": raw(KEY)},
        {"authorization": raw(f"Basic {KEY}")},
        {"authorization": raw(f"Token {KEY}x")},
        {"authorization": raw(f"Token {KEY[:-1]}")},
        {"authorization": raw(f"Token {KEY.upper()}")},
        {"x-api-key": b""},
        {"x-api-key": b"\xff\xfe"},
        {"cookie": raw(f"key={KEY}")},
    ],
)
@pytest.mark.parametrize("path", ["/v1/ping/", "/v1/memories/?user_id=u", "/v1/status/", "/nothing/", "//v1/ping/"])
async def test_without_the_right_key_nothing_answers(headers: dict[str, bytes], path: str) -> None:
    async with http(KEY) as client:
        reply = await client.get(path, headers=encoded(headers))
    assert reply.status_code == 401
    assert reply.headers["www-authenticate"]
    body = reply.json()
    assert body["code"] == "unauthorized"
    assert isinstance(body["detail"], str)
    assert KEY not in reply.text


@pytest.mark.parametrize("path", OPEN)
async def test_health_and_documentation_need_no_key(path: str) -> None:
    async with http(KEY) as client:
        assert (await client.get(path)).status_code == 200


async def test_with_a_key_any_host_and_any_machine_may_ask() -> None:
    async with http(KEY, peer="192.0.2.7", host="memory.example.org") as client:
        reply = await client.get("/v1/ping/", headers=encoded({"x-api-key": raw(KEY)}))
    assert reply.status_code == 200


@pytest.mark.parametrize("blank", ["", "   "])
def test_a_blank_key_is_no_key(blank: str) -> None:
    assert admin_key(Settings(admin_key=SecretStr(blank))) is None


# --- without a key ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("host", ["127.0.0.1:8000", "localhost:8000", "LOCALHOST", "[::1]:8000", "remora.localhost"])
async def test_without_a_key_this_machine_is_answered(host: str) -> None:
    async with http(host=host) as client:
        assert (await client.get("/v1/ping/")).status_code == 200


@pytest.mark.parametrize("host", ["evil.example", "127.0.0.1.evil.example", "192.0.2.7:8000", "localhost.evil.example"])
async def test_a_name_that_was_rebound_to_this_machine_is_refused(host: str) -> None:
    async with http(host=host) as client:
        reply = await client.get("/v1/memories/?user_id=u")
    assert (reply.status_code, reply.json()["code"]) == (403, "forbidden")
    assert "REMORA_ADMIN_KEY" in reply.json()["detail"]


@pytest.mark.parametrize(
    "headers", [{"origin": "https://evil.example"}, {"origin": "null"}, {"sec-fetch-site": "cross-site"}]
)
async def test_a_page_of_another_site_is_refused(headers: dict[str, str]) -> None:
    async with http() as client:
        reply = await client.post("/v1/memories/", content=b'{"messages": "x", "user_id": "u"}', headers=headers)
        assert reply.status_code == 403
        assert (await client.get("/docs", headers=headers)).status_code == 200


async def test_a_page_of_this_machine_is_let_in() -> None:
    async with http() as client:
        headers = {"origin": "http://localhost:8000", "sec-fetch-site": "same-origin"}
        assert (await client.get("/v1/ping/", headers=headers)).status_code == 200


@pytest.mark.parametrize("path", ["/v1/memories/?user_id=u", "/docs", "/healthz"])
async def test_another_machine_is_refused_even_when_a_proxy_listens_everywhere(path: str) -> None:
    async with http(peer="192.0.2.7") as client:
        assert (await client.get(path)).status_code == 403


def test_a_request_from_this_machines_own_address_is_from_here() -> None:
    scope = {"headers": [], "path": "/v1/ping/", "client": ("192.0.2.7", 5), "server": ("192.0.2.7", 80)}
    assert refusal(scope) is None
    assert refusal(scope | {"server": ("192.0.2.8", 80)}) is not None


# --- the bind --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("host", ["127.0.0.1", "127.9.9.9", "localhost", "::1", "[::1]", "::ffff:127.0.0.1"])
def test_loopback_needs_no_key(host: str) -> None:
    assert is_loopback(host)
    check_bind(host, None)


@pytest.mark.parametrize("host", ["", "0.0.0.0", "::", "192.0.2.7", "memory.example.org", "localhost.example.org", "*"])
def test_any_other_bind_needs_a_key(host: str) -> None:
    for blank in (None, "", "  "):
        with pytest.raises(InvalidInput, match="REMORA_ADMIN_KEY"):
            check_bind(host, blank)
    check_bind(host, KEY)
