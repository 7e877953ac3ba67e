"""How often a key may ask, and from which web pages: over HTTP, with a clock that tests turn."""

from __future__ import annotations

from typing import Any

import httpx
import pytest
from pydantic import SecretStr
from starlette.requests import Request
from starlette.responses import PlainTextResponse
from starlette.types import Receive, Scope, Send

from engine.config import AccessSettings, RuntimeSettings, Settings
from engine.errors import RateLimited
from serve_app.application import create_app
from serve_app.auth import KEY
from serve_app.boundary import Boundary
from serve_app.rates import RateLimit, Rates
from tests.unit.test_http_auth import Ready

PAGE = "https://app.example.com"
SECRET = "a-long-secret"


class Clock:
    def __init__(self) -> None:
        self.now_s = 100.0

    def __call__(self) -> float:
        return self.now_s


@pytest.fixture
def clock() -> Clock:
    return Clock()


def asking(clock: Clock, key: bytes = b"one", per_minute: float = 3) -> httpx.AsyncClient:
    """A client with a key whose requests are counted."""

    async def answers(scope: Scope, receive: Receive, send: Send) -> None:
        await PlainTextResponse(Request(scope).url.path)(scope, receive, send)

    limited = RateLimit(answers, Rates(per_minute, clock))

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await limited({**scope, KEY: key}, receive, send)

    return httpx.AsyncClient(transport=httpx.ASGITransport(Boundary(app)), base_url="http://remora.test")


def left(reply: httpx.Response) -> tuple[str, str, str]:
    return tuple(reply.headers[f"x-ratelimit-{name}"] for name in ("limit", "remaining", "reset"))  # type: ignore[return-value]


async def test_a_minute_s_worth_may_come_at_once_and_fills_evenly(clock: Clock) -> None:
    async with asking(clock) as http:
        assert [left(await http.get("/v1/memories/")) for _ in range(3)] == [
            ("3", "2", "20"),
            ("3", "1", "40"),
            ("3", "0", "60"),
        ]
        clock.now_s += 4.5
        refused = await http.get("/v1/memories/")
        assert (refused.status_code, refused.json()["code"]) == (429, "rate_limited")
        assert (refused.headers["retry-after"], left(refused)) == ("16", ("3", "0", "56"))
        clock.now_s += 16
        assert (await http.get("/v1/memories/")).status_code == 200


async def test_health_and_pings_are_not_counted(clock: Clock) -> None:
    async with asking(clock, per_minute=1) as http:
        for path in ("/healthz", "/readyz", "/docs", "/v1/ping/", "/metrics") * 2:
            reply = await http.get(path)
            assert (reply.status_code, "x-ratelimit-limit" in reply.headers) == (200, False), path


def test_each_key_has_its_own(clock: Clock) -> None:
    rates = Rates(1, clock)
    rates.take(b"one")
    rates.take(b"two")
    with pytest.raises(RateLimited):
        rates.take(b"one")


def test_the_key_that_asked_longest_ago_is_forgotten(clock: Clock, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("serve_app.rates._MOST_KEYS", 2)
    rates = Rates(2, clock)
    for key in (b"one", b"two", b"one", b"three"):
        rates.take(key)
    with pytest.raises(RateLimited):
        rates.take(b"one")
    rates.take(b"two")
    rates.take(b"two")


def client(access: AccessSettings, key: str | None = SECRET, replicas: int = 1) -> httpx.AsyncClient:
    runtime = RuntimeSettings(replicas=replicas)
    settings = Settings(admin_key=SecretStr(key) if key else None, access=access, runtime=runtime)
    memory: Any = Ready()
    app = create_app(memory, settings)
    return httpx.AsyncClient(
        transport=httpx.ASGITransport(app, client=("127.0.0.1", 5)), base_url="http://127.0.0.1:8000"
    )


async def test_processes_share_the_rate_and_made_up_keys_have_none() -> None:
    async with client(AccessSettings(requests_per_minute=4), replicas=2) as http:
        for number in range(2):
            headers = {"x-api-key": f"made up {number}", "authorization": f"Bearer {SECRET}"}
            assert (await http.get("/v1/memories/?user_id=u", headers=headers)).headers["x-ratelimit-limit"] == "2"
        headers = {"x-api-key": "made up 3", "authorization": f"Bearer {SECRET}"}
        assert (await http.get("/v1/memories/?user_id=u", headers=headers)).status_code == 429
        assert (await http.get("/v1/memories/?user_id=u", headers={"x-api-key": "unknown"})).status_code == 401


async def test_unless_it_is_set_nothing_is_counted_and_no_page_may_ask() -> None:
    async with client(AccessSettings()) as http:
        reply = await http.get("/v1/memories/?user_id=u", headers={"origin": PAGE, "x-api-key": SECRET})
        assert (reply.status_code, [name for name in reply.headers if "rate" in name or "allow" in name]) == (200, [])
        preflight = {"origin": PAGE, "access-control-request-method": "POST"}
        assert (await http.options("/v1/memories/", headers=preflight)).status_code == 401


@pytest.mark.parametrize("key", [SECRET, None])
async def test_pages_that_are_named_may_ask_and_read_errors_too(key: str | None) -> None:
    async with client(AccessSettings(cors_origins=(PAGE,)), key) as http:
        asks = {"access-control-request-method": "POST", "access-control-request-headers": "authorization"}
        preflight = await http.options("/v1/memories/", headers={"origin": PAGE, **asks})
        assert (preflight.status_code, preflight.headers["access-control-allow-origin"]) == (200, PAGE)
        assert "authorization" in preflight.headers["access-control-allow-headers"].lower()
        page = {"origin": PAGE, "sec-fetch-site": "cross-site", **({"x-api-key": key} if key else {})}
        reply = await http.get("/v1/memories/?user_id=u", headers=page)
        assert (reply.status_code, reply.headers["access-control-allow-origin"]) == (200, PAGE)
        wrong = await http.get("/v1/nothing/", headers=page)
        assert (wrong.status_code, wrong.headers["access-control-allow-origin"]) == (404, PAGE)
        other = await http.get("/v1/memories/?user_id=u", headers=page | {"origin": "https://evil.example"})
        assert "access-control-allow-origin" not in other.headers
        assert other.status_code == (200 if key else 403)
