"""The HTTP client of the command line: what it sends, and what it makes of answers and of none."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import httpx
import pytest

from remora.client import Client
from remora.errors import CallError, exit_code

Handler = Callable[[httpx.Request], httpx.Response]


def client_of(handler: Handler, api_key: str | None = None) -> Client:
    return Client("http://127.0.0.1:1/", api_key, transport=httpx.MockTransport(handler))


def answering(status: int, body: Any = None, headers: dict[str, str] | None = None) -> Handler:
    return lambda _: httpx.Response(status, json=body, headers=headers)


def failure(handler: Handler) -> CallError:
    with client_of(handler) as client, pytest.raises(CallError) as caught:
        client.search("q", user_id="ana")
    return caught.value


def test_an_add_sends_one_message_and_only_what_was_given() -> None:
    seen: list[httpx.Request] = []

    def handler(request: httpx.Request) -> httpx.Response:
        seen.append(request)
        return httpx.Response(200, json={"results": []})

    with client_of(handler, api_key="k1") as client:
        client.add("hello", user_id="ana", agent_id=None, infer=False)
    assert (seen[0].method, seen[0].url.path) == ("POST", "/v1/memories/")
    assert seen[0].headers["authorization"] == "Token k1"
    assert json.loads(seen[0].content) == {
        "messages": [{"role": "user", "content": "hello"}],
        "user_id": "ana",
        "infer": False,
    }


def test_without_a_key_none_is_sent() -> None:
    def handler(request: httpx.Request) -> httpx.Response:
        assert "authorization" not in request.headers
        return httpx.Response(200, json={"results": []})

    with client_of(handler) as client:
        assert client.search("q", user_id="ana") == {"results": []}


def test_an_error_body_keeps_its_code_message_details_and_request_id() -> None:
    body = {"detail": "give a scope", "code": "invalid_input", "details": {"field": "user_id"}, "request_id": "r1"}
    error = failure(answering(400, body))
    assert (error.code, error.message, error.request_id) == ("invalid_input", "give a scope", "r1")
    assert error.details == {"field": "user_id"}


def test_retry_after_is_told() -> None:
    error = failure(answering(429, {"detail": "full", "code": "overloaded"}, {"retry-after": "7"}))
    assert error.details == {"retry_after_s": 7}


@pytest.mark.parametrize(
    ("status", "code"),
    [(400, "invalid_input"), (404, "not_found"), (429, "overloaded"), (502, "unavailable"), (500, "internal")],
)
def test_an_answer_of_something_in_between_is_told_by_its_status(status: int, code: str) -> None:
    error = failure(lambda _: httpx.Response(status, text="<html>no</html>"))
    assert error.code == code
    assert str(status) in error.message


@pytest.mark.parametrize("text", ["<html>welcome</html>", "[1]", ""])
def test_a_success_that_is_no_json_object_is_an_error(text: str) -> None:
    assert failure(lambda _: httpx.Response(200, text=text)).code == "internal"


def test_nobody_there_is_unavailable_and_too_slow_is_a_deadline() -> None:
    def refused(request: httpx.Request) -> httpx.Response:
        raise httpx.ConnectError("refused", request=request)

    def slow(request: httpx.Request) -> httpx.Response:
        raise httpx.ReadTimeout("slow", request=request)

    assert failure(refused).code == "unavailable"
    assert failure(slow).code == "deadline_exceeded"


@pytest.mark.parametrize("url", ["127.0.0.1:8000", "ftp://host", "http://", "http://host:port", ""])
def test_an_address_that_is_none_is_refused(url: str) -> None:
    with pytest.raises(CallError, match="no address"):
        Client(url)


def test_text_that_is_no_unicode_is_invalid_input() -> None:
    with client_of(answering(200, {})) as client, pytest.raises(CallError) as caught:
        client.add("\ud800", user_id="ana")
    assert caught.value.code == "invalid_input"


def test_every_engine_error_has_a_considered_exit_code() -> None:
    from engine.errors import BY_CODE

    assert {code: exit_code(code) for code in BY_CODE} == {
        "internal": 1,
        "unauthorized": 1,
        "forbidden": 1,
        "invariant_violated": 1,
        "invalid_input": 2,
        "too_large": 2,
        "conflict": 2,
        "not_found": 3,
        "purged": 3,
        "unavailable": 4,
        "stale_epoch": 4,
        "deadline_exceeded": 4,
        "overloaded": 5,
        "rate_limited": 5,
    }
