"""The HTTP layer over a memory system that records its calls: what goes through, what is stopped, what is said."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Mapping
from typing import Any, NoReturn

import httpx
import pytest
from fastapi import FastAPI
from pydantic import SecretStr

from engine import errors
from engine.config import LimitSettings, Settings
from serve_app.application import create_app

ID = "8f3a0c1e-5b7d-8e21-a4c9-0d6f2b913e57"
VERBS = (
    "add", "search", "get", "list", "update", "delete", "delete_all", "history", "entities", "operation", "status",
    "graph_entities", "neighbours", "path", "operations", "retry", "purge", "reinfer", "verify", "rebuild", "context",
    "ranking", "set_ranking", "embed", "preview", "inference", "set_inference",
    "rate", "feedback", "make_export", "export",
    "communities", "merge_entities", "split_entity",
)  # fmt: skip


class Recorder:
    """A memory system that answers what it is told to and remembers every call."""

    def __init__(self) -> None:
        self.calls: list[tuple[str, tuple[Any, ...], dict[str, Any]]] = []
        self.answers: dict[str, Any] = {
            "list": {"count": 0, "page": 1, "page_size": 100, "results": []},
            "entities": {"count": 0, "page": 1, "page_size": 100, "results": []},
            "graph_entities": {"count": 0, "page": 1, "page_size": 100, "results": []},
            "operations": {"count": 0, "page": 1, "page_size": 100, "results": []},
            "feedback": {"count": 0, "page": 1, "page_size": 100, "results": []},
            "history": [],
            "status": {"state": "ready", "ready": True},
        }

    def __getattr__(self, verb: str) -> Any:
        if verb not in VERBS:
            raise AttributeError(verb)

        async def call(*args: Any, **fields: Any) -> Any:
            self.calls.append((verb, args, fields))
            answer = self.answers.get(verb, {"verb": verb})
            if isinstance(answer, Exception):
                raise answer
            return answer

        return call


@pytest.fixture
def api() -> Recorder:
    return Recorder()


def settings(key: str | None = None, body_bytes: int = 100_000) -> Settings:
    return Settings(admin_key=SecretStr(key) if key else None, limits=LimitSettings(body_bytes=body_bytes))


def client_of(api: Recorder, chosen: Settings) -> httpx.AsyncClient:
    transport = httpx.ASGITransport(create_app(api, chosen))
    return httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1:8000")


@pytest.fixture(scope="module")
def app() -> FastAPI:
    """Built once: declaring the routes takes longer than most tests here."""
    return create_app(Recorder(), settings())


@pytest.fixture
async def http(app: FastAPI, api: Recorder) -> AsyncIterator[httpx.AsyncClient]:
    app.state.api = api
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://127.0.0.1:8000") as client:
        yield client


def assert_error(reply: httpx.Response, status: int, code: str) -> dict[str, Any]:
    body: dict[str, Any] = reply.json()
    assert (reply.status_code, body["code"]) == (status, code), body
    assert set(body) == {"detail", "error", "code", "details", "request_id"}
    assert isinstance(body["detail"], str)
    assert body["detail"] == body["error"] != ""
    assert body["request_id"] == reply.headers["x-request-id"]
    return body


# --- routes ----------------------------------------------------------------------------------------------------------

ROUTES = [
    ("POST", "/v1/memories/", {"messages": "I like tea", "user_id": "u"}, ("add", ("I like tea",), {"user_id": "u"})),
    ("POST", "/v1/memories/search/", {"query": "tea", "top_k": 3}, ("search", ("tea",), {"top_k": 3})),
    (
        "POST",
        "/v1/context/",
        {"query": "tea", "user_id": "u", "tokens": 80, "source": "x"},
        ("context", ("tea",), {"user_id": "u", "tokens": 80}),
    ),
    (
        "POST",
        "/v1/memories/preview/",
        {"messages": "x", "user_id": "u", "includes": ["tea"]},
        ("preview", ("x",), {"user_id": "u", "includes": ["tea"]}),
    ),
    ("GET", "/v1/inference/", None, ("inference", (), {})),
    (
        "PUT",
        "/v1/inference/",
        {"inference": {"policy": "append"}, "deadline_s": 2},
        ("set_inference", ({"policy": "append"},), {"deadline_s": 2}),
    ),
    ("DELETE", "/v1/inference/?deadline_s=2", None, ("set_inference", (None,), {"deadline_s": 2})),
    (
        "POST",
        "/v1/feedback/",
        {"memory_id": ID, "feedback": "NEGATIVE", "feedback_reason": "It was tea.", "deadline_s": 2},
        ("rate", (ID, "NEGATIVE", "It was tea."), {"deadline_s": 2}),
    ),
    ("POST", "/v1/feedback/", {"memory_id": ID}, ("rate", (ID, None, None), {})),
    ("GET", "/v1/feedback/?feedback=NEGATIVE&page=2", None, ("feedback", (), {"feedback": "NEGATIVE", "page": 2})),
    ("GET", "/v1/ranking/", None, ("ranking", (), {})),
    ("PUT", "/v1/ranking/", {"weights": {"dense": 2}}, ("set_ranking", ({"dense": 2},), {})),
    ("DELETE", "/v1/ranking/?deadline_s=2", None, ("set_ranking", (None,), {"deadline_s": 2})),
    ("GET", "/v1/memories/?user_id=u", None, ("list", (), {"user_id": "u"})),
    ("GET", f"/v1/memories/{ID}/", None, ("get", (ID,), {})),
    ("PUT", f"/v1/memories/{ID}/", {"text": "I like coffee"}, ("update", (ID,), {"text": "I like coffee"})),
    ("DELETE", f"/v1/memories/{ID}/", None, ("delete", (ID,), {})),
    ("GET", f"/v1/memories/{ID}/history/", None, ("history", (ID,), {})),
    ("DELETE", "/v1/memories/?user_id=u&run_id=r", None, ("delete_all", (), {"user_id": "u", "run_id": "r"})),
    ("GET", "/v1/entities/?page=2", None, ("entities", (), {"page": 2})),
    ("GET", f"/v1/operations/{ID}/", None, ("operation", (ID,), {})),
    (
        "GET",
        "/v1/operations/?state=FAILED&user_id=u&run_id=r&page=2&page_size=5",
        None,
        ("operations", (), {"state": "FAILED", "user_id": "u", "run_id": "r", "page": 2, "page_size": 5}),
    ),
    ("POST", f"/v1/operations/{ID}/retry/", None, ("retry", (ID,), {})),
    (
        "POST",
        f"/v1/operations/{ID}/retry/",
        {"wait": False, "deadline_s": 2},
        ("retry", (ID,), {"wait": False, "deadline_s": 2}),
    ),
    ("POST", "/v1/purge/", {"memory_id": ID}, ("purge", (), {"memory_id": ID})),
    ("POST", "/v1/purge/", {"user_id": "u", "run_id": "r"}, ("purge", (), {"user_id": "u", "run_id": "r"})),
    (
        "POST",
        "/v1/reinfer/",
        {"user_id": "u", "apply": True, "custom_instructions": "x", "limit": 5, "source": "y"},
        ("reinfer", (), {"user_id": "u", "apply": True, "custom_instructions": "x", "limit": 5}),
    ),
    ("POST", "/v1/verify/", None, ("verify", (), {})),
    (
        "POST",
        "/v1/verify/",
        {"cursor": "0:x", "limit": 5, "repair": True},
        ("verify", (), {"cursor": "0:x", "limit": 5, "repair": True}),
    ),
    ("POST", "/v1/rebuild/", {"index": "graph", "start": False}, ("rebuild", ("graph",), {})),
    ("GET", "/v1/rebuild/vector/", None, ("rebuild", ("vector",), {"start": False})),
    (
        "GET",
        "/v1/graph/entities/?user_id=u&name=lis&page=2",
        None,
        ("graph_entities", (), {"user_id": "u", "name": "lis", "page": 2}),
    ),
    (
        "GET",
        "/v1/graph/neighbours/?entity=New%20York&user_id=u&limit=5&depth=2",
        None,
        ("neighbours", ("New York",), {"user_id": "u", "limit": 5, "depth": 2}),
    ),
    (
        "GET",
        "/v1/graph/path/?source=Ana&target=Lisbon&agent_id=a&most_steps=3",
        None,
        ("path", ("Ana", "Lisbon"), {"agent_id": "a", "most_steps": 3}),
    ),
    (
        "GET",
        "/v1/graph/communities/?user_id=u&limit=4&at=2025-05-01",
        None,
        ("communities", (), {"user_id": "u", "limit": 4, "at": "2025-05-01"}),
    ),
    (
        "POST",
        "/v1/graph/merge/",
        {"name": "Nana", "into": "Ana", "user_id": "u"},
        ("merge_entities", ("Nana", "Ana"), {"user_id": "u"}),
    ),
    ("POST", "/v1/graph/split/", {"name": "Nana", "user_id": "u"}, ("split_entity", ("Nana",), {"user_id": "u"})),
    ("GET", "/v1/status/", None, ("status", (), {})),
    ("GET", "/readyz", None, ("status", (), {})),
]


@pytest.mark.parametrize("form", ["as declared", "other slash", "doubled slashes"])
@pytest.mark.parametrize(("method", "path", "body", "call"), ROUTES)
async def test_each_route_calls_its_verb_with_or_without_the_last_slash(
    http: httpx.AsyncClient, api: Recorder, method: str, path: str, body: Any, call: Any, form: str
) -> None:
    bare, mark, query = path.partition("?")
    if form == "other slash":
        bare = bare.removesuffix("/") if bare.endswith("/") else f"{bare}/"
    if form == "doubled slashes":
        bare = "//" + bare.removeprefix("/").replace("v1/", "v1//", 1)
    url = httpx.URL(f"http://127.0.0.1:8000{bare}{mark}{query}")
    reply = await http.request(method, url, json=body)
    assert reply.status_code == 200, reply.text
    assert api.calls == [call]


@pytest.mark.parametrize("path", ["/healthz", "/readyz", "/docs", "/openapi.json", "/v1/ping/"])
async def test_the_open_paths_answer(http: httpx.AsyncClient, path: str) -> None:
    assert (await http.get(path)).status_code == 200


async def test_ping_tells_clients_what_they_need_to_start(http: httpx.AsyncClient) -> None:
    expected = {"status": "ok", "org_id": "org-default", "project_id": "proj-default", "user_email": None}
    assert (await http.get("/v1/ping/")).json() == expected


async def test_unknown_fields_are_ignored_and_a_body_cannot_choose_its_project(
    http: httpx.AsyncClient, api: Recorder
) -> None:
    body = {"messages": "x", "user_id": "u", "source": "CLI", "output_format": "v1.1", "project": "other"}
    await http.post("/v1/memories/", json=body)
    await http.get("/v1/memories/?user_id=u&org_id=o&enable_graph=true&project=other")
    assert [fields for _, _, fields in api.calls] == [{"user_id": "u"}, {"user_id": "u"}]


async def test_known_fields_go_through_untouched(http: httpx.AsyncClient, api: Recorder) -> None:
    body = {"messages": [1], "user_id": 5, "infer": "maybe", "metadata": [], "wait": None, "expiration_date": None}
    await http.post("/v1/memories/", json=body)
    assert api.calls == [("add", ([1],), {k: v for k, v in body.items() if k != "messages"})]


async def test_an_idempotency_key_comes_as_a_header(http: httpx.AsyncClient, api: Recorder) -> None:
    await http.post("/v1/memories/", json={"messages": "x"}, headers={"Idempotency-Key": "k1"})
    assert api.calls[0][2] == {"idempotency_key": "k1"}


@pytest.mark.parametrize(("status", "expected"), [("PENDING", 202), ("RUNNING", 202), ("SUCCEEDED", 200)])
async def test_an_add_that_goes_on_answers_accepted(
    http: httpx.AsyncClient, api: Recorder, status: str, expected: int
) -> None:
    api.answers["add"] = {"status": status, "results": []}
    reply = await http.post("/v1/memories/", json={"messages": "x", "wait": False})
    assert reply.status_code == expected


async def test_the_server_s_operation_id_is_no_name_that_a_request_can_give(
    http: httpx.AsyncClient, api: Recorder
) -> None:
    await http.post("/v1/memories/", json={"messages": "x", "operation_id": ID})
    assert api.calls == [("add", ("x",), {})]


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("POST", "/v1/memories/", {"messages": "x"}),
        ("PUT", f"/v1/memories/{ID}/", {"text": "x"}),
        ("DELETE", f"/v1/memories/{ID}/", None),
        ("DELETE", "/v1/memories/?user_id=u", None),
        ("POST", "/v1/purge/", {"user_id": "u"}),
    ],
)
async def test_every_change_takes_an_idempotency_key_and_never_two(
    http: httpx.AsyncClient, api: Recorder, method: str, path: str, body: Any
) -> None:
    assert (await http.request(method, path, json=body, headers={"Idempotency-Key": "k1"})).status_code == 200
    assert api.calls.pop()[2]["idempotency_key"] == "k1"
    twice = [("Idempotency-Key", "k1"), ("Idempotency-Key", "k2")]
    assert_error(await http.request(method, path, json=body, headers=twice), 400, "invalid_input")
    assert api.calls == []


@pytest.mark.parametrize(("verb", "path"), [("retry", f"/v1/operations/{ID}/retry/"), ("purge", "/v1/purge/")])
@pytest.mark.parametrize(("status", "expected"), [("PENDING", 202), ("SUCCEEDED", 200)])
async def test_a_retry_or_purge_that_goes_on_answers_accepted(
    http: httpx.AsyncClient, api: Recorder, verb: str, path: str, status: str, expected: int
) -> None:
    api.answers[verb] = {"status": status}
    assert (await http.post(path, json={"user_id": "u"})).status_code == expected


@pytest.mark.parametrize(("state", "expected"), [("RUNNING", 202), ("DONE", 200), ("FAILED", 200)])
async def test_a_rebuild_under_way_is_accepted_and_telling_of_it_is_an_answer(
    http: httpx.AsyncClient, api: Recorder, state: str, expected: int
) -> None:
    api.answers["rebuild"] = {"index": "vector", "state": state}
    assert (await http.post("/v1/rebuild/", json={"index": "vector"})).status_code == expected
    assert (await http.get("/v1/rebuild/vector/")).status_code == 200


async def test_a_page_of_operations_names_its_neighbours(http: httpx.AsyncClient, api: Recorder) -> None:
    api.answers["operations"] = {"count": 3, "page": 2, "page_size": 1, "results": []}
    reply = (await http.get("/v1/operations?state=FAILED&page=2&page_size=1")).json()
    base = "http://127.0.0.1:8000/v1/operations/?state=FAILED"
    assert (reply["next"], reply["previous"]) == (f"{base}&page=3&page_size=1", f"{base}&page=1&page_size=1")


@pytest.mark.parametrize("content_type", ["application/json", "text/plain", "application/x-www-form-urlencoded", None])
async def test_json_is_json_whatever_its_content_type_says(
    http: httpx.AsyncClient, api: Recorder, content_type: str | None
) -> None:
    headers = {"content-type": content_type} if content_type else {}
    reply = await http.post("/v1/memories/", content=b'{"messages": "x"}', headers=headers)
    assert reply.status_code == 200
    assert api.calls[0][1] == ("x",)


async def test_an_id_is_decoded_after_routing(http: httpx.AsyncClient, api: Recorder) -> None:
    await http.get("/v1/memories/a%2Fb%20c%40x%C3%A9/history/")
    assert api.calls == [("history", ("a/b c@xé",), {})]


async def test_a_list_names_its_neighbours(http: httpx.AsyncClient, api: Recorder) -> None:
    api.answers["list"] = {"count": 25, "page": 2, "page_size": 10, "results": []}
    reply = (await http.get("/v1/memories/?user_id=a%26b&page=2&page_size=10")).json()
    assert reply["next"] == "http://127.0.0.1:8000/v1/memories/?user_id=a%26b&page=3&page_size=10"
    assert reply["previous"] == "http://127.0.0.1:8000/v1/memories/?user_id=a%26b&page=1&page_size=10"
    api.answers["list"] = {"count": 20, "page": 1, "page_size": 20, "results": []}
    reply = (await http.get("/v1/memories/?user_id=u")).json()
    assert (reply["next"], reply["previous"]) == (None, None)


async def test_list_filters_come_as_json(http: httpx.AsyncClient, api: Recorder) -> None:
    filters = {"AND": [{"user_id": "u"}, {"created_at": {"gte": "2026-01-01"}}]}
    await http.get("/v1/memories/", params={"filters": json.dumps(filters), "page": "3"})
    assert api.calls == [("list", (), {"filters": filters, "page": 3})]


# --- health ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("answer", [{"state": "starting", "ready": False}, errors.Unavailable("no orchestrator"), {}])
async def test_not_ready_is_503_while_the_process_is_alive(http: httpx.AsyncClient, api: Recorder, answer: Any) -> None:
    api.answers["status"] = answer
    reply = await http.get("/readyz")
    assert (reply.status_code, reply.json()["ready"]) == (503, False)
    assert (await http.get("/healthz")).status_code == 200


# --- bad input: a 4xx of one shape, and the memory system is never reached -------------------------------------------

BAD_BODIES: Mapping[str, bytes] = {
    "nothing": b"",
    "blank": b"  ",
    "not JSON": b"{messages: x}",
    "cut off": b'{"messages": "x"',
    "two values": b'{"messages": "x"}{}',
    "a list": b'[{"messages": "x"}]',
    "a text": b'"x"',
    "null": b"null",
    "invalid UTF-8": b'{"messages": "\xff\xfe"}',
    "UTF-16": '{"messages": "x"}'.encode("utf-16"),
    "NaN": b'{"messages": "x", "timestamp": NaN}',
    "Infinity": b'{"messages": "x", "timestamp": -Infinity}',
    "a float too large": b'{"messages": "x", "timestamp": 1e999}',
    "an integer too large": b'{"messages": "x", "timestamp": 123456789012345678901}',
    "an integer just too large": b'{"messages": "x", "timestamp": 9223372036854775808}',
    "an integer of 5,000 digits": b'{"messages": "x", "timestamp": ' + b"9" * 5000 + b"}",
    "a lone surrogate": b'{"messages": "\\ud800"}',
    "a lone surrogate in a key": b'{"messages": "x", "metadata": {"\\udfff": 1}}',
    "deep": b'{"messages": ' + b"[" * 65 + b"]" * 65 + b"}",
    "very deep": b'{"messages": ' + b"[" * 30_000 + b"]" * 30_000 + b"}",
    "deep objects": b'{"a":' * 400 + b"1" + b"}" * 400,
    "no messages": b'{"user_id": "u"}',
    "a deadline in the past": b'{"messages": "x", "deadline_s": -1}',
    "a deadline in words": b'{"messages": "x", "deadline_s": "soon"}',
}


@pytest.mark.parametrize("name", BAD_BODIES)
async def test_a_body_that_is_not_sound_json_is_refused(http: httpx.AsyncClient, api: Recorder, name: str) -> None:
    reply = await http.post("/v1/memories/", content=BAD_BODIES[name], headers={"content-type": "application/json"})
    assert_error(reply, 400, "invalid_input")
    assert api.calls == []


async def test_long_digits_in_a_text_are_no_number(http: httpx.AsyncClient, api: Recorder) -> None:
    body = {"messages": "card 12345678901234567890", "timestamp": 9223372036854775807}
    assert (await http.post("/v1/memories/", json=body)).status_code == 200


async def test_a_large_flat_body_is_not_deep(http: httpx.AsyncClient, api: Recorder) -> None:
    messages = [{"role": "user", "content": f"number {i}"} for i in range(2000)]
    assert (await http.post("/v1/memories/", json={"messages": messages})).status_code == 200
    assert api.calls[0][1] == (messages,)


async def test_a_search_needs_a_query(http: httpx.AsyncClient, api: Recorder) -> None:
    body = assert_error(await http.post("/v1/memories/search/", json={"user_id": "u"}), 400, "invalid_input")
    assert body["details"] == {"field": "query"}
    assert api.calls == []


@pytest.mark.parametrize(
    "query",
    [
        "page=one",
        "page=1.5",
        "page=",
        "page=%D9%A1",
        "page=1_0",
        "page_size=99999999999999999999",
        "deadline_s=nan",
        "deadline_s=0",
        "deadline_s=soon",
        "user_id=u&user_id=v",
        "filters={'user_id': 'u'}",
        "filters=[]",
        'filters={"a": NaN}',
        'filters={"a": "\\ud800"}',
        "filters=" + "[" * 200 + "]" * 200,
    ],
)
async def test_a_query_parameter_of_the_wrong_type_is_refused(
    http: httpx.AsyncClient, api: Recorder, query: str
) -> None:
    assert_error(await http.get(f"/v1/memories/?{query}"), 400, "invalid_input")
    assert api.calls == []


@pytest.mark.parametrize(
    ("path", "field"),
    [
        ("/v1/graph/neighbours/?user_id=u", "entity"),
        ("/v1/graph/path/?user_id=u&target=Lisbon", "source"),
        ("/v1/graph/path/?user_id=u&source=Ana", "target"),
        ("/v1/graph/path/?user_id=u&source=Ana&target=Lisbon&most_steps=far", "most_steps"),
        ("/v1/graph/neighbours/?user_id=u&entity=Ana&limit=1.5", "limit"),
    ],
)
async def test_a_question_to_the_graph_that_lacks_something_is_refused(
    http: httpx.AsyncClient, api: Recorder, path: str, field: str
) -> None:
    assert assert_error(await http.get(path), 400, "invalid_input")["details"] == {"field": field}
    assert api.calls == []


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/v1/memories/", None),
        ("/v1/memories", None),
        ("/v1/memories//", None),
        ("/v1/memories//?user_id=u", None),
        ("/v1/memories/?filters={'user_id': 'u'}", None),
        ("/v1/memories/?filters={'user_id': 'u'}&user_id=u", None),
        ("/v1/memories/?user_id=u&metadata={'k': 'v'}", None),
        ("/v1/memories/?user_id=u&userid=v", None),
        ("/v1/memories/?user_id=u&user_id=v", None),
        ("/v1/memories/?user_id=u", {"run_id": "r"}),
        ("/v1/memories/", {"user_id": "u"}),
    ],
)
async def test_a_deletion_that_could_mean_less_deletes_nothing(
    http: httpx.AsyncClient, api: Recorder, path: str, body: Any
) -> None:
    assert_error(await http.request("DELETE", path, json=body), 400, "invalid_input")
    assert api.calls == []


@pytest.mark.parametrize(
    ("tail", "body"),
    [("?user_id=u", None), ("?if_match=3", None), ("?deadline_s=1&deadline_s=2", None), ("", {"user_id": "u"})],
)
async def test_the_deletion_of_one_memory_takes_no_condition(
    http: httpx.AsyncClient, api: Recorder, tail: str, body: Any
) -> None:
    assert_error(await http.request("DELETE", f"/v1/memories/{ID}/{tail}", json=body), 400, "invalid_input")
    assert api.calls == []


@pytest.mark.parametrize(
    ("query", "raw"),
    [
        ("", b""),
        ("", b"{}"),
        ("", b"[]"),
        ("", b'{"user_id": "u", "metadata": {"k": "v"}}'),
        ("", b'{"user_id": "u", "filters": {"agent_id": "a"}}'),
        ("", b'{"user_id": "u", "memoryId": "x"}'),
        ("", b'{"user_id": "u", "run_id": null}'),
        ("", b'{"user_id": "u", "memory_id": null}'),
        ("", b'{"memory_id": null}'),
        ("", b'{"deadline_s": 3}'),
        ("?run_id=r", b'{"user_id": "u"}'),
        ("?user_id=u", b"{}"),
    ],
)
async def test_a_purge_that_could_mean_less_erases_nothing(
    http: httpx.AsyncClient, api: Recorder, query: str, raw: bytes
) -> None:
    assert_error(await http.post(f"/v1/purge/{query}", content=raw), 400, "invalid_input")
    assert api.calls == []


@pytest.mark.parametrize("path", [f"/v1/operations/{ID}/retry/", "/v1/verify/", "/v1/rebuild/"])
@pytest.mark.parametrize("raw", [b" ", b"[]", b"null", b"{", b'{"deadline_s": 0}'])
async def test_upkeep_with_a_broken_body_is_refused(
    http: httpx.AsyncClient, api: Recorder, path: str, raw: bytes
) -> None:
    assert_error(await http.post(path, content=raw), 400, "invalid_input")
    assert api.calls == []


async def test_a_rebuild_names_its_index(http: httpx.AsyncClient, api: Recorder) -> None:
    assert assert_error(await http.post("/v1/rebuild/", json={}), 400, "invalid_input")["details"] == {"field": "index"}
    assert api.calls == []


async def test_a_deletion_may_carry_what_clients_add_to_every_call(http: httpx.AsyncClient, api: Recorder) -> None:
    reply = await http.delete("/v1/memories/?user_id=u&org_id=o&project_id=p&source=CLI")
    assert reply.status_code == 200
    assert api.calls == [("delete_all", (), {"user_id": "u"})]


async def test_an_id_in_broken_utf8_is_refused(http: httpx.AsyncClient, api: Recorder) -> None:
    assert_error(await http.get("/v1/memories/%FF/"), 400, "invalid_input")
    assert api.calls == []


async def test_an_unknown_path_and_a_wrong_method_have_the_same_body(http: httpx.AsyncClient) -> None:
    assert_error(await http.get("/v9/nothing/"), 404, "not_found")
    reply = await http.patch("/v1/memories/")
    assert_error(reply, 405, "method_not_allowed")
    assert reply.headers["allow"] == "DELETE, GET, POST"


# --- errors ----------------------------------------------------------------------------------------------------------

STATUSES = [
    (errors.InvalidInput("no"), 400),
    (errors.Unauthorized("no"), 401),
    (errors.Forbidden("no"), 403),
    (errors.NotFound("no"), 404),
    (errors.Conflict("no"), 409),
    (errors.Purged("no"), 410),
    (errors.TooLarge("no"), 413),
    (errors.RateLimited("no"), 429),
    (errors.Overloaded("no"), 429),
    (errors.Unavailable("no"), 503),
    (errors.StaleEpoch("no"), 503),
    (errors.DeadlineExceeded("no"), 504),
]


@pytest.mark.parametrize(("error", "status"), STATUSES, ids=[type(error).__name__ for error, _ in STATUSES])
async def test_each_error_has_its_status(
    http: httpx.AsyncClient, api: Recorder, error: errors.RemoraError, status: int
) -> None:
    error.details["because"] = "of this"
    api.answers["get"] = error
    reply = await http.get(f"/v1/memories/{ID}/")
    body = assert_error(reply, status, error.code)
    assert (body["detail"], body["details"]) == ("no", {"because": "of this"})
    assert ("retry-after" in reply.headers) == (status in {429, 503})
    assert ("www-authenticate" in reply.headers) == (status == 401)


def test_every_error_of_the_tree_has_a_status() -> None:
    covered = {type(error) for error, _ in STATUSES} | {errors.InvariantViolated, errors.RemoraError}
    assert set(errors.BY_CODE.values()) == covered


@pytest.mark.parametrize(
    ("wait_s", "header"), [(0.2, "1"), (3.01, "4"), (7, "7"), (None, "1"), ("x", "1"), (float("inf"), "1")]
)
async def test_retry_after_is_whole_seconds(http: httpx.AsyncClient, api: Recorder, wait_s: Any, header: str) -> None:
    api.answers["search"] = errors.Overloaded("full", {"retry_after_s": wait_s})
    reply = await http.post("/v1/memories/search/", json={"query": "x"})
    assert (reply.status_code, reply.headers["retry-after"]) == (429, header)


@pytest.mark.parametrize(
    "error", [RuntimeError("secret path /home/x"), errors.InvariantViolated("secret path /home/x", {"secret": 1})]
)
async def test_an_unexpected_error_is_logged_and_tells_nothing(
    http: httpx.AsyncClient, api: Recorder, error: Exception, caplog: pytest.LogCaptureFixture
) -> None:
    api.answers["get"] = error
    reply = await http.get(f"/v1/memories/{ID}/", headers={"x-request-id": "req-7"})
    assert reply.status_code == 500
    assert "secret" not in reply.text
    assert "req-7" in reply.text
    assert "req-7" in caplog.text
    assert "secret path" in caplog.text


async def test_an_error_that_quotes_broken_text_is_still_an_answer(http: httpx.AsyncClient, api: Recorder) -> None:
    api.answers["get"] = errors.InvalidInput("what is \ud800?", {"value": {"\udfff", 1}})
    assert_error(await http.get(f"/v1/memories/{ID}/"), 400, "invalid_input")


async def test_a_sane_request_id_comes_back_and_another_is_replaced(http: httpx.AsyncClient) -> None:
    assert (await http.get("/healthz", headers={"x-request-id": "abc-1.2:3_4"})).headers[
        "x-request-id"
    ] == "abc-1.2:3_4"
    for bad in ("", "a b", "x" * 129, "<script>"):
        given = (await http.get("/healthz", headers={"x-request-id": bad})).headers["x-request-id"]
        assert given != bad
        assert len(given) == 32


async def test_the_server_in_front_may_tell_the_request_id_instead(api: Recorder) -> None:
    app = create_app(api, settings(), tells_request_id=False)
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://localhost") as http:
        reply = await http.get("/nothing", headers={"x-request-id": "from-the-front"})
    assert "x-request-id" not in reply.headers
    assert reply.json()["request_id"] == "from-the-front"


# --- limits ----------------------------------------------------------------------------------------------------------


async def test_a_body_over_the_limit_is_refused_by_its_announced_length(api: Recorder) -> None:
    async def unread() -> NoReturn:
        raise AssertionError("the body was read")

    sent: list[Any] = []

    async def send(message: Any) -> None:
        sent.append(message)

    app = create_app(api, settings(body_bytes=100))
    scope = {
        "type": "http",
        "method": "POST",
        "path": "/v1/memories/",
        "raw_path": b"/v1/memories/",
        "query_string": b"",
        "headers": [(b"content-length", b"101")],
        "client": ("127.0.0.1", 1),
    }
    await app(scope, unread, send)
    assert sent[0]["status"] == 413


async def test_a_body_without_a_length_is_counted_while_it_is_read(api: Recorder) -> None:
    pulled = 0

    async def chunks() -> AsyncIterator[bytes]:
        nonlocal pulled
        for _ in range(1000):
            pulled += 1
            yield b" " * 50

    async with client_of(api, settings(body_bytes=100)) as http:
        reply = await http.post("/v1/memories/", content=chunks())
    assert_error(reply, 413, "too_large")
    assert reply.json()["details"] == {"limit": "body_bytes", "allowed": 100}
    assert pulled < 5
    assert api.calls == []


async def test_a_body_of_exactly_the_limit_passes(api: Recorder) -> None:
    async with client_of(api, settings(body_bytes=100)) as http:
        reply = await http.post("/v1/memories/", content=b'{"messages": "x"}'.ljust(100))
    assert reply.status_code == 200


async def test_a_large_body_is_parsed_while_other_requests_go_on(http: httpx.AsyncClient, api: Recorder) -> None:
    text = "x" * 90_000
    replies = await asyncio.gather(
        http.post("/v1/memories/", json={"messages": text}), http.get("/healthz"), http.get("/v1/ping/")
    )
    assert [reply.status_code for reply in replies] == [200, 200, 200]
    assert api.calls[0][1] == (text,)


# --- documentation ---------------------------------------------------------------------------------------------------


async def test_the_documentation_needs_nothing_from_elsewhere(http: httpx.AsyncClient) -> None:
    page = await http.get("/docs")
    assert "http" not in page.text.replace("<!doctype html>", "")
    assert "default-src 'none'" in page.headers["content-security-policy"]
    for line in page.text.splitlines():
        if "/docs/" in line:
            asset = line.split('"')[-2]
            assert (await http.get(asset)).status_code == 200, asset
    assert (await http.get("/docs/assets/../../engine/errors.py")).status_code == 404
    assert (await http.get("/docs/assets/__init__.py")).status_code == 404


async def test_the_front_door_leads_to_the_documentation(http: httpx.AsyncClient) -> None:
    reply = await http.get("/")
    assert (reply.status_code, reply.headers["location"]) == (307, "/docs")


async def test_the_description_names_every_route_once_and_every_reference_resolves(http: httpx.AsyncClient) -> None:
    description = (await http.get("/openapi.json")).json()
    assert set(description["paths"]) == {
        "/healthz",
        "/metrics",
        "/readyz",
        "/v1/batch/",
        "/v1/chat/completions",
        "/v1/context/",
        "/v1/embeddings",
        "/v1/audit/",
        "/v1/entities/",
        "/v1/exports/",
        "/v1/exports/get/",
        "/v1/feedback/",
        "/v1/summary/",
        "/v1/event/{event_id}/",
        "/v1/events/",
        "/v1/graph/communities/",
        "/v1/graph/entities/",
        "/v1/graph/merge/",
        "/v1/graph/neighbours/",
        "/v1/graph/path/",
        "/v1/graph/split/",
        "/v1/memories/",
        "/v1/memories/bulk/",
        "/v1/memories/search/",
        "/v1/memories/search/bulk/",
        "/v1/memories/{memory_id}/",
        "/v1/memories/{memory_id}/history/",
        "/v1/models",
        "/v1/models/{name}",
        "/v1/operations/",
        "/v1/operations/{operation_id}/",
        "/v1/operations/{operation_id}/retry/",
        "/v1/ping/",
        "/v1/purge/",
        "/v1/memories/preview/",
        "/v1/inference/",
        "/v1/ranking/",
        "/v1/rebuild/",
        "/v1/rebuild/{index}/",
        "/v1/reinfer/",
        "/v1/status/",
        "/v1/verify/",
        "/api/v1/orgs/organizations/{organisation}/projects/{project}/",
        "/entities",
        "/entities/{entity_type}/{entity_id}",
        "/v1/keys/",
        "/v1/keys/{key_id}/",
        "/v1/keys/{key_id}/rotate/",
        "/memories",
        "/memories/{memory_id}",
        "/memories/{memory_id}/history",
        "/search",
        "/v2/entities/{entity_type}/{entity_id}/",
        "/v3/memories/",
        "/v3/memories/add/",
        "/v3/memories/search/",
    }
    schemas = description["components"]["schemas"]
    references = {part.split('"')[0] for part in json.dumps(description).split('"#/components/schemas/')[1:]}
    assert references <= set(schemas)
    assert {"AddRequest", "SearchRequest", "UpdateRequest", "Error"} <= references
    assert "HTTPValidationError" not in references
