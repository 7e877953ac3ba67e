"""The client over HTTP: what it sends, and what it makes of answers, of broken ones and of none."""

from __future__ import annotations

import asyncio
import json
import pickle
import time
from collections.abc import Awaitable, Callable
from typing import Any

import httpx
import pytest

from remora.errors import DeadlineExceeded, InvalidInput, NotFound, RemoraError, Unavailable, error_of, exit_code
from remora.http_api import HttpApi

Handler = Callable[[httpx.Request], httpx.Response]
ID = "8f3a0c1e-5b7d-8e21-a4c9-0d6f2b913e57"


def api_of(handler: Any, api_key: str | None = None, timeout_s: float = 60.0) -> HttpApi:
    return HttpApi("http://127.0.0.1:1/", api_key, timeout_s=timeout_s, transport=httpx.MockTransport(handler))


def answering(status: int, body: Any = None, headers: dict[str, str] | None = None) -> Handler:
    return lambda _: httpx.Response(status, json=body, headers=headers)


async def failure(handler: Handler) -> RemoraError:
    async with api_of(handler) as api:
        with pytest.raises(RemoraError) as caught:
            await api.search("q", user_id="ana")
    return caught.value


class Server:
    """Answers `{}` and remembers what was asked; the first `breaks` requests lose their connection instead."""

    def __init__(self, breaks: int = 0, answer: Any = None) -> None:
        self.requests: list[httpx.Request] = []
        self._breaks = breaks
        self._answer = {} if answer is None else answer

    def __call__(self, request: httpx.Request) -> httpx.Response:
        self.requests.append(request)
        if len(self.requests) <= self._breaks:
            raise httpx.RemoteProtocolError("server disconnected", request=request)
        return httpx.Response(200, json=self._answer)


# --- what is sent ----------------------------------------------------------------------------------------------------

Call = Callable[[HttpApi], Awaitable[Any]]
CALLS: list[tuple[Call, str, Any]] = [
    (
        lambda api: api.add("hi", user_id="u", infer=False),
        "POST /v1/memories/",
        {"messages": "hi", "user_id": "u", "infer": False},
    ),
    (
        lambda api: api.search("q", filters={"user_id": "*"}),
        "POST /v1/memories/search/",
        {"query": "q", "filters": {"user_id": "*"}},
    ),
    (
        lambda api: api.context("q", user_id="u", tokens=800),
        "POST /v1/context/",
        {"query": "q", "user_id": "u", "tokens": 800},
    ),
    (lambda api: api.ranking(), "GET /v1/ranking/", None),
    (lambda api: api.set_ranking({"dense": 2}), "PUT /v1/ranking/", {"weights": {"dense": 2}}),
    (lambda api: api.set_ranking(None), "DELETE /v1/ranking/", None),
    (lambda api: api.get(ID), f"GET /v1/memories/{ID}/", None),
    (lambda api: api.list(user_id="a b", page=2), "GET /v1/memories/?user_id=a+b&page=2", None),
    (
        lambda api: api.update(ID, text="x", expiration_date=None),
        f"PUT /v1/memories/{ID}/",
        {"text": "x", "expiration_date": None},
    ),
    (lambda api: api.delete(ID), f"DELETE /v1/memories/{ID}/", None),
    (lambda api: api.delete_all(user_id="u", run_id=None), "DELETE /v1/memories/?user_id=u", None),
    (lambda api: api.entities(page_size=5), "GET /v1/entities/?page_size=5", None),
    (lambda api: api.operation(ID), f"GET /v1/operations/{ID}/", None),
    (lambda api: api.graph_entities(user_id="u", name="li"), "GET /v1/graph/entities/?user_id=u&name=li", None),
    (lambda api: api.neighbours("Ana", user_id="u"), "GET /v1/graph/neighbours/?entity=Ana&user_id=u", None),
    (
        lambda api: api.merge_entities("a", "b", user_id="u"),
        "POST /v1/graph/merge/",
        {"name": "a", "into": "b", "user_id": "u"},
    ),
    (lambda api: api.split_entity("a", user_id="u"), "POST /v1/graph/split/", {"name": "a", "user_id": "u"}),
    (lambda api: api.communities(user_id="u", limit=3), "GET /v1/graph/communities/?user_id=u&limit=3", None),
    (lambda api: api.path("a", "b", user_id="u"), "GET /v1/graph/path/?source=a&target=b&user_id=u", None),
    (
        lambda api: api.operations(state="FAILED", user_id="u", page=2),
        "GET /v1/operations/?state=FAILED&user_id=u&page=2",
        None,
    ),
    (lambda api: api.retry(ID, wait=False), f"POST /v1/operations/{ID}/retry/", {"wait": False}),
    (lambda api: api.purge(memory_id=ID, user_id=None), "POST /v1/purge/", {"memory_id": ID}),
    (
        lambda api: api.reinfer(user_id="u", apply=True, excludes=["health"]),
        "POST /v1/reinfer/",
        {"user_id": "u", "apply": True, "excludes": ["health"]},
    ),
    (lambda api: api.verify(cursor="0:a", repair=True), "POST /v1/verify/", {"cursor": "0:a", "repair": True}),
    (lambda api: api.rebuild("vector", deadline_s=3), "POST /v1/rebuild/", {"index": "vector", "deadline_s": 3}),
    (lambda api: api.rebuild("graph", start=False), "GET /v1/rebuild/graph/", None),
    (lambda api: api.status(), "GET /v1/status/", None),
]


@pytest.mark.parametrize(
    "call",
    [
        lambda api, **key: api.add("x", user_id="u", **key),
        lambda api, **key: api.update(ID, text="x", **key),
        lambda api, **key: api.delete(ID, **key),
        lambda api, **key: api.delete_all(user_id="u", **key),
        lambda api, **key: api.purge(user_id="u", **key),
    ],
)
async def test_an_operation_id_is_another_name_for_the_key(call: Any) -> None:
    server = Server()
    async with api_of(server) as api:
        await call(api, operation_id="mine")
        await call(api, operation_id="mine", idempotency_key="mine")
        with pytest.raises(InvalidInput, match="another name"):
            await call(api, operation_id="mine", idempotency_key="other")
    assert [request.headers["idempotency-key"] for request in server.requests] == ["mine", "mine"]
    assert not any(b"mine" in request.content + request.url.query for request in server.requests)


@pytest.mark.parametrize(("call", "line", "body"), CALLS)
async def test_each_verb_asks_its_route(call: Call, line: str, body: Any) -> None:
    server = Server()
    async with api_of(server) as api:
        assert await call(api) == {}
    sent = server.requests[0]
    assert f"{sent.method} {sent.url.raw_path.decode()}" == line
    assert (json.loads(sent.content) if sent.content else None) == body


async def test_vectors_come_by_openai_s_route() -> None:
    found = {"object": "list", "model": "m", "data": [{"embedding": [0.6, 0.8]}], "usage": {"total_tokens": 3}}
    server = Server(answer=found)
    async with api_of(server) as api:
        answer = await api.embed(["tea"], deadline_s=2)
        with pytest.raises(InvalidInput, match="at least one"):
            await api.embed([])
    assert answer == {"model": "m", "dimensions": 2, "vectors": [[0.6, 0.8]], "tokens": 3}
    assert server.requests[0].url.path == "/v1/embeddings"
    assert json.loads(server.requests[0].content) == {"input": ["tea"], "encoding_format": "float", "deadline_s": 2}


async def test_a_history_is_a_list() -> None:
    server = Server(answer=[{"event": "ADD"}])
    async with api_of(server) as api:
        assert await api.history(ID) == [{"event": "ADD"}]
    assert server.requests[0].url.path == f"/v1/memories/{ID}/history/"


async def test_a_page_is_answered_without_the_addresses_that_only_http_has() -> None:
    body = {"count": 3, "page": 2, "page_size": 1, "results": [], "next": "http://x/?page=3", "previous": None}
    async with api_of(answering(200, body)) as api:
        pages = [await api.list(user_id="u"), await api.entities(), await api.graph_entities(user_id="u")]

    assert pages == [{"count": 3, "page": 2, "page_size": 1, "results": []}] * 3


async def test_a_key_is_sent_when_there_is_one() -> None:
    server = Server()
    for key in ("k1", None):
        async with api_of(server, key) as api:
            await api.status()
    assert [request.headers.get("authorization") for request in server.requests] == ["Token k1", None]


@pytest.mark.parametrize("memory_id", [".", "..", "../entities", "a/b", "?user_id=ana", "#", "é"])
async def test_whatever_an_id_holds_it_stays_one_segment_of_the_path(memory_id: str) -> None:
    server = Server()
    async with api_of(server) as api:
        await api.delete(memory_id)
    path = server.requests[0].url.raw_path.decode()
    assert path.startswith("/v1/memories/")
    assert path.removeprefix("/v1/memories/").count("/") == 1
    assert "." not in path
    assert "?" not in path


@pytest.mark.parametrize(
    "call",
    [
        lambda api: api.get(""),
        lambda api: api.delete(5),
        lambda api: api.get("\ud800"),
        lambda api: api.add("\ud800", user_id="ana"),
        lambda api: api.add("x", user_id="ana", metadata={"score": float("nan")}),
        lambda api: api.add("x", user_id="ana", metadata={"when": object()}),
        lambda api: api.add("x", user_id="ana", idempotency_key="two\nlines"),
        lambda api: api.add("x", user_id="ana", project="other"),
        lambda api: api.delete_all(user_id=True),
        lambda api: api.list(user_id="\ud800"),
        lambda api: api.list(user_id="x" * 70_000),
    ],
)
async def test_what_can_t_be_sent_is_invalid_input_and_nothing_is_sent(call: Call) -> None:
    server = Server()
    async with api_of(server) as api:
        with pytest.raises(InvalidInput):
            await call(api)
    assert server.requests == []


@pytest.mark.parametrize("url", ["127.0.0.1:8000", "ftp://host", "http://", "http://host:port", ""])
def test_an_address_that_is_none_is_refused(url: str) -> None:
    with pytest.raises(InvalidInput, match="no address"):
        HttpApi(url)


@pytest.mark.parametrize("url", ["http://127.0.0.1:8000?key=1", "http://127.0.0.1:8000/#top"])
def test_an_address_ends_with_its_path(url: str) -> None:
    with pytest.raises(InvalidInput, match="leave out"):
        HttpApi(url)


async def test_a_password_in_the_address_is_sent_and_not_told() -> None:
    server = Server(breaks=2)
    async with HttpApi("http://ana:secret@memory.example", transport=httpx.MockTransport(server)) as api:
        with pytest.raises(Unavailable) as caught:
            await api.status()
    assert server.requests[0].headers["authorization"].startswith("Basic ")
    assert "secret" not in f"{caught.value} {caught.value.details} {api.url}"


def test_a_password_in_the_address_would_replace_the_key() -> None:
    with pytest.raises(InvalidInput, match="same header"):
        HttpApi("http://ana:secret@127.0.0.1:8000", "rk-1")


@pytest.mark.parametrize(
    ("variable", "value"),
    [("ALL_PROXY", "socks5://127.0.0.1:1"), ("HTTP_PROXY", "gopher://x"), ("SSL_CERT_FILE", "/nonexistent.pem")],
)
def test_an_environment_that_cannot_be_used_is_invalid_input(
    variable: str, value: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(variable, value)
    with pytest.raises(InvalidInput, match="environment"):
        HttpApi("https://memory.example")


async def test_a_number_is_an_id_in_an_address_as_it_is_in_a_body() -> None:
    server = Server()
    async with api_of(server) as api:
        await api.list(user_id=5)  # type: ignore[arg-type]
    assert [request.url.query for request in server.requests] == [b"user_id=5"]


async def test_only_other_machines_are_reached_through_a_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
    used = {}
    for url in ("http://127.0.0.1:8000", "http://localhost:8000", "http://[::1]:8000", "http://memory.example"):
        async with HttpApi(url) as api:
            used[url] = api._http.trust_env
    assert [url for url, proxied in used.items() if proxied] == ["http://memory.example"]


# --- what is answered ------------------------------------------------------------------------------------------------


async def test_an_error_body_keeps_its_code_message_details_and_request_id() -> None:
    body = {"detail": "give a scope", "code": "invalid_input", "details": {"field": "user_id"}, "request_id": "r1"}
    error = await failure(answering(400, body))
    assert isinstance(error, InvalidInput)
    assert (error.code, error.message, error.request_id) == ("invalid_input", "give a scope", "r1")
    assert error.details == {"field": "user_id"}


async def test_retry_after_is_told() -> None:
    error = await failure(answering(429, {"detail": "full", "code": "overloaded"}, {"retry-after": "7"}))
    assert error.details == {"retry_after_s": 7}


@pytest.mark.parametrize(
    ("status", "code"),
    [(400, "invalid_input"), (404, "not_found"), (429, "overloaded"), (502, "unavailable"), (500, "internal")],
)
async def test_an_answer_of_something_in_between_is_told_by_its_status(status: int, code: str) -> None:
    error = await failure(lambda _: httpx.Response(status, text="<html>no</html>"))
    assert error.code == code
    assert str(status) in error.message


@pytest.mark.parametrize("text", ["<html>welcome</html>", "[1]", ""])
async def test_a_success_that_is_no_json_object_is_an_error(text: str) -> None:
    assert (await failure(lambda _: httpx.Response(200, text=text))).code == "internal"


async def test_a_bulk_answer_holds_answers_and_errors_in_order() -> None:
    answer = {
        "results": [
            {"status_code": 200, "answer": {"results": []}},
            {"status_code": 400, "error": {"detail": "no", "code": "invalid_input", "details": {"field": "query"}}},
        ]
    }
    server = Server(answer=answer)
    async with api_of(server) as api:
        got = await api.search_batch([{"query": "a", "user_id": "u"}, {"query": "", "user_id": "u"}])
    error = {"error": {"code": "invalid_input", "message": "no", "details": {"field": "query"}}}
    assert got == [{"results": []}, error]


async def test_a_bulk_answer_of_another_length_is_an_error() -> None:
    async with api_of(Server(answer={"results": []})) as api:
        with pytest.raises(RemoraError) as caught:
            await api.search_batch([{"query": "a", "user_id": "u"}])
    assert caught.value.code == "internal"


# --- when it goes wrong ----------------------------------------------------------------------------------------------


async def test_nobody_there_says_what_to_do() -> None:
    async with HttpApi("http://127.0.0.1:1") as api:
        with pytest.raises(Unavailable, match=r"http://127.0.0.1:1; is Remora running there\? `remora serve`"):
            await api.status()


async def test_too_slow_is_a_deadline_and_for_a_write_an_unknown_outcome() -> None:
    async def slow(_: httpx.Request) -> httpx.Response:
        await asyncio.Event().wait()
        raise AssertionError("nobody sets it")

    async with api_of(slow, timeout_s=0.05) as api:
        with pytest.raises(DeadlineExceeded):
            await api.search("q", user_id="ana")
        with pytest.raises(Unavailable) as caught:
            await api.add("x", user_id="ana", idempotency_key="k1")
    assert caught.value.details["idempotency_key"] == "k1"


async def test_a_call_s_own_deadline_shortens_the_wait(monkeypatch: pytest.MonkeyPatch) -> None:
    async def slow(_: httpx.Request) -> httpx.Response:
        await asyncio.Event().wait()
        raise AssertionError("nobody sets it")

    monkeypatch.setattr("remora.http_calls._MARGIN_S", 0.0)
    before = time.monotonic()
    async with api_of(slow) as api:
        with pytest.raises(DeadlineExceeded):
            await api.search("q", user_id="ana", deadline_s=0.05)
    assert time.monotonic() - before < 30


async def test_a_write_whose_connection_broke_is_sent_once_more_with_the_same_key() -> None:
    server = Server(breaks=1)
    async with api_of(server) as api:
        await api.add("x", user_id="ana")
    first, second = server.requests
    assert first.headers["idempotency-key"] == second.headers["idempotency-key"] != ""
    assert first.content == second.content


async def test_the_items_of_a_bulk_add_carry_keys_of_their_own() -> None:
    server = Server(breaks=1, answer={"results": [{"status_code": 200, "answer": {}}] * 2})
    async with api_of(server) as api:
        await api.add_batch([{"messages": "a", "user_id": "u"}, {"messages": "b", "user_id": "u", "operation_id": "k"}])
    first, second = (json.loads(request.content)["items"] for request in server.requests)
    assert first == second
    assert first[0]["idempotency_key"]
    assert first[1]["idempotency_key"] == "k"


async def test_a_connection_that_breaks_twice_is_told_with_the_key() -> None:
    server = Server(breaks=9)
    async with api_of(server) as api:
        with pytest.raises(Unavailable) as caught:
            await api.delete(ID)
    assert len(server.requests) == 2
    assert caught.value.details["idempotency_key"] == server.requests[0].headers["idempotency-key"]


@pytest.mark.parametrize("call", [lambda api: api.get(ID), lambda api: api.delete(ID)])
async def test_closing_ends_what_is_under_way(call: Call) -> None:
    asked = asyncio.Event()

    async def silent(_: httpx.Request) -> httpx.Response:
        asked.set()
        await asyncio.Event().wait()
        raise AssertionError

    api = api_of(silent)
    under_way = asyncio.ensure_future(call(api))
    await asked.wait()
    await api.aclose()
    with pytest.raises(Unavailable, match="closed while"):
        await asyncio.wait_for(under_way, 10)


async def test_after_closing_it_says_so() -> None:
    api = api_of(Server())
    await api.aclose()
    with pytest.raises(InvalidInput, match="closed"):
        await api.status()


# --- errors ----------------------------------------------------------------------------------------------------------


def test_every_engine_error_has_its_class_here_and_survives_pickling() -> None:
    from engine.errors import BY_CODE

    for code in BY_CODE:
        error = pickle.loads(pickle.dumps(error_of(code, "no", {"a": 1}, "r1")))
        assert (error.code, error.message, error.details, error.request_id) == (code, "no", {"a": 1}, "r1")
        assert str(error) == "no"


def test_errors_are_the_built_in_ones_that_people_catch() -> None:
    assert isinstance(InvalidInput("no"), ValueError)
    assert isinstance(NotFound("no"), LookupError)
    assert isinstance(DeadlineExceeded("no", {"a": 1}), TimeoutError)


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
