"""`/mcp` over real HTTP with the SDK's own client: each tool, what is refused, who may come in, and no sessions."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import httpx
import httpx2
import pytest
from fastapi import FastAPI
from mcp import Client
from mcp.client.streamable_http import streamable_http_client
from mcp.shared.exceptions import MCPError
from pydantic import SecretStr

from engine.config import LimitSettings, McpSettings, Settings
from engine.errors import Overloaded, RemoraError
from engine.in_process import in_process
from engine.memory import Memory
from serve_app.application import create_app
from tests.provider import served

ACCEPT = {"accept": "application/json, text/event-stream", "content-type": "application/json"}
KEY = "a-long-secret"
UNKNOWN = "8f3a0c1e-5b7d-8e21-a4c9-0d6f2b913e57"


@pytest.fixture
async def memory() -> AsyncIterator[Memory]:
    one = in_process()
    await one.start()
    yield one
    await one.close()


@pytest.fixture(scope="module")
def app() -> FastAPI:
    """Built once: declaring the routes takes longer than most tests here."""
    return create_app(in_process(), Settings())


@pytest.fixture
async def url(app: FastAPI, memory: Memory) -> AsyncIterator[str]:
    app.state.api = memory
    async with served(app, lifespan=True) as there:
        yield there


@asynccontextmanager
async def serving(memory: Any, settings: Settings) -> AsyncIterator[str]:
    async with served(create_app(memory, settings), lifespan=True) as url:
        yield url


async def told(client: Client, tool: str, **arguments: Any) -> Any:
    """The JSON that a tool answers."""
    answer = await client.call_tool(tool, arguments)
    assert not answer.is_error, answer.content
    return content(answer)


async def refused(client: Client, tool: str, **arguments: Any) -> Any:
    answer = await client.call_tool(tool, arguments)
    assert answer.is_error, answer.content
    error = content(answer)
    assert isinstance(error["error"], str)
    return error


def content(answer: Any) -> Any:
    (text,) = answer.content
    assert text.type == "text"
    return json.loads(text.text)


def message(method: str, params: Any = None, number: int | None = 1) -> dict[str, Any]:
    said: dict[str, Any] = {"jsonrpc": "2.0", "method": method, "params": params or {}}
    return said if number is None else said | {"id": number}


def hello(version: str) -> dict[str, Any]:
    who = {"name": "test", "version": "1"}
    return message("initialize", {"protocolVersion": version, "capabilities": {}, "clientInfo": who})


# --- the tools -------------------------------------------------------------------------------------------------------


async def test_memories_go_through_each_of_mem0s_tools(url: str) -> None:
    async with Client(f"{url}/mcp") as client:
        added = await told(client, "add_memory", text="Ana lives in Lisbon.", user_id="ana", metadata={"k": "v"})
        memory_id = added["results"][0]["id"]
        await told(
            client, "add_memory", text="-", messages=[{"role": "user", "content": "Ben has a boat."}], user_id="ben"
        )
        found = await told(client, "search_memories", query="Where does Ana live?", filters={"user_id": "ana"}, limit=3)
        listed = await told(client, "get_memories", filters={"user_id": "ben"}, page=1, page_size=10)
        one = await told(client, "get_memory", memory_id=memory_id)
        changed = await told(client, "update_memory", memory_id=memory_id, text="Ana lives in Porto.", metadata={})
        entities = await told(client, "list_entities")
        events = await told(client, "list_events", status="SUCCEEDED", user_id="ana")
        event = await told(client, "get_event_status", event_id=added["event_id"])
        gone = await told(client, "delete_memory", memory_id=memory_id)
        await told(client, "delete_entities", user_id="ben")
        left = await told(client, "list_entities", page=1)

    assert [row["memory"] for row in found["results"]] == ["Ana lives in Lisbon."]
    assert [(row["memory"], row["user_id"]) for row in listed["results"]] == [("Ben has a boat.", "ben")]
    assert (one["memory"], one["metadata"]) == ("Ana lives in Lisbon.", {"k": "v"})
    assert changed["memory"] == "Ana lives in Porto."
    assert {row["id"] for row in entities["results"]} == {"ana", "ben"}
    assert added["event_id"] in {row["id"] for row in events["results"]}
    assert event["status"] == "SUCCEEDED"
    assert gone["message"]
    assert left["results"] == []


async def test_openmemorys_names_are_about_the_default_user(url: str) -> None:
    async with Client(f"{url}/mcp") as client:
        memory_id = (await told(client, "add_memories", text="The cat is Momo.", infer=False))["results"][0]["id"]
        found = await told(client, "search_memory", query="What is the cat called?")
        same = await told(client, "search_memories", query="What is the cat called?")
        listed = await told(client, "list_memories")
        gone = await told(client, "delete_memories", memory_ids=[memory_id, UNKNOWN])
        left = await told(client, "get_memories")

    assert [row["user_id"] for row in found["results"]] == ["mcp"]
    assert [row["id"] for row in same["results"]] == [row["id"] for row in listed["results"]] == [memory_id]
    assert gone["deleted"] == [memory_id]
    assert [(one["id"], one["code"]) for one in gone["failed"]] == [(UNKNOWN, "not_found")]
    assert left["count"] == 0


async def test_the_default_user_is_a_setting(memory: Memory) -> None:
    async with serving(memory, Settings(mcp=McpSettings(default_user="me"))) as url, Client(f"{url}/mcp") as client:
        await told(client, "add_memory", text="I like tea.")
        listed = await told(client, "get_memories", user_id="me")
    assert listed["count"] == 1


async def test_nobodys_memories_are_deleted_without_saying_whose(url: str) -> None:
    async with Client(f"{url}/mcp") as client:
        await told(client, "add_memory", text="I like tea.")
        errors = [
            await refused(client, "delete_all_memories"),
            await refused(client, "delete_all_memories", user_id=None),
            await refused(client, "delete_all_memories", user_id="mcp", metadata={"k": "v"}),
            await refused(client, "delete_entities"),
            await refused(client, "delete_entities", user_id="mcp", agent_id="a"),
        ]
        kept = await told(client, "get_memories")
        gone = await told(client, "delete_all_memories", user_id="mcp")
    assert {error["code"] for error in errors} == {"invalid_input"}
    assert "nothing was deleted" in errors[0]["error"]
    assert (kept["count"], gone["count"]) == (1, 1)


@pytest.mark.parametrize(
    ("tool", "arguments", "code"),
    [
        ("get_memory", {"memory_id": UNKNOWN}, "not_found"),
        ("update_memory", {"memory_id": UNKNOWN, "text": "x"}, "not_found"),
        ("get_event_status", {"event_id": UNKNOWN}, "not_found"),
        ("get_memory", {"memory_id": "x"}, "invalid_input"),
        ("add_memory", {"text": " "}, "invalid_input"),
        ("add_memory", {"text": 5}, "invalid_input"),
        ("search_memories", {}, "invalid_input"),
        ("search_memories", {"query": "x", "limit": "many"}, "invalid_input"),
        ("search_memories", {"query": "x", "filters": {"nonsense": 1}}, "invalid_input"),
        ("get_memories", {"userId": "ana"}, "invalid_input"),
        ("list_events", {"status": "GONE"}, "invalid_input"),
        ("delete_memories", {"memory_ids": []}, "invalid_input"),
        ("delete_memories", {"memory_ids": "all"}, "invalid_input"),
        ("delete_memories", {"memory_ids": [str(n) for n in range(101)]}, "invalid_input"),
    ],
)
async def test_what_goes_wrong_is_an_answer_that_a_model_can_read(
    url: str, tool: str, arguments: dict[str, Any], code: str
) -> None:
    async with Client(f"{url}/mcp") as client:
        assert (await refused(client, tool, **arguments))["code"] == code


@pytest.mark.parametrize(
    "metadata", ['{"a": "\\ud800"}', '{"\\udc00": 1}', '{"a": NaN}', '{"a": 1180591620717411303424}']
)
async def test_what_could_never_be_answered_again_is_not_kept(url: str, metadata: str) -> None:
    said = f"""{{"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": {{"name": "add_memory",
        "_meta": {{"io.modelcontextprotocol/protocolVersion": "2026-07-28",
            "io.modelcontextprotocol/clientCapabilities": {{}}}},
        "arguments": {{"text": "x", "metadata": {metadata}}}}}}}"""
    headers = ACCEPT | {"mcp-protocol-version": "2026-07-28", "mcp-method": "tools/call", "mcp-name": "add_memory"}
    async with httpx.AsyncClient(headers=headers) as http:
        reply = await http.post(f"{url}/mcp", content=said)
    result = reply.json()["result"]
    assert result["isError"] is True
    assert json.loads(result["content"][0]["text"])["details"] == {"field": "metadata"}


class Broken:
    """A memory whose verbs raise what they are told to."""

    def __init__(self, error: Exception) -> None:
        self._error = error

    async def get(self, memory_id: str) -> Any:
        raise self._error

    async def list(self, **fields: Any) -> Any:
        raise self._error


async def test_an_overload_says_when_to_come_back_and_a_bug_says_nothing_of_the_inside() -> None:
    busy = Broken(Overloaded("full", {"retry_after_s": 3}))
    async with serving(busy, Settings()) as url, Client(f"{url}/mcp") as client:
        full = await refused(client, "get_memory", memory_id=UNKNOWN)
    for bug in (ValueError("secret"), RemoraError("secret")):
        async with serving(Broken(bug), Settings()) as url, Client(f"{url}/mcp") as client:
            broken = await refused(client, "get_memory", memory_id=UNKNOWN)
            with pytest.raises(MCPError) as caught:
                await client.read_resource("remora://users/ana/memories")
        assert broken["code"] == "internal"
        assert "secret" not in str(broken) + str(caught.value)
    assert (full["code"], full["details"]) == ("overloaded", {"retry_after_s": 3})


async def test_an_unknown_tool_is_an_error_of_the_protocol(url: str) -> None:
    async with Client(f"{url}/mcp") as client:
        with pytest.raises(MCPError, match="unknown tool 'forget'; there are add_memory"):
            await client.call_tool("forget", {})


async def test_a_users_memories_are_a_resource_and_there_is_a_prompt(url: str) -> None:
    async with Client(f"{url}/mcp") as client:
        await told(client, "add_memory", text="Ana lives in Lisbon.", user_id="ana maria@x/y")
        templates = await client.list_resource_templates()
        read = await client.read_resource("remora://users/ana%20maria%40x%2Fy/memories")
        nobody = await client.read_resource("remora://users/nobody/memories")
        prompts = await client.list_prompts()
        prompt = await client.get_prompt("memory_assistant")
        for uri in ("remora://users//memories", "remora://users/%ff/memories", "remora://agents/a/memories"):
            with pytest.raises(MCPError, match="no resource"):
                await client.read_resource(uri)
        with pytest.raises(MCPError, match="unknown prompt"):
            await client.get_prompt("other")

    assert [one.uri_template for one in templates.resource_templates] == ["remora://users/{user_id}/memories"]
    (held,) = read.contents
    assert isinstance(text := getattr(held, "text", None), str)
    assert [row["memory"] for row in json.loads(text)["results"]] == ["Ana lives in Lisbon."]
    assert json.loads(getattr(nobody.contents[0], "text", ""))["count"] == 0
    assert [one.name for one in prompts.prompts] == ["memory_assistant"]
    assert "search_memories" in str(prompt.messages[0].content)


# --- an address that names the user ----------------------------------------------------------------------------------


async def test_an_address_that_names_a_user_is_about_nobody_else(url: str) -> None:
    async with Client(f"{url}/mcp") as client:
        bens = (await told(client, "add_memory", text="Ben has a boat.", user_id="ben"))["results"][0]["id"]
    async with Client(f"{url}/mcp/cursor/http/ana%20m") as client:
        names = [tool.name for tool in (await client.list_tools()).tools]
        mine = (await told(client, "add_memories", text="Ana has a car."))["results"][0]["id"]
        found = await told(client, "search_memory", query="Who has a boat?")
        listed = await told(client, "list_memories")
        other = await refused(client, "search_memory", query="boat", user_id="ben")
        gone = await told(client, "delete_memories", memory_ids=[bens, mine])
        await told(client, "add_memories", text="Ana has a bike.")
        everything = await told(client, "delete_all_memories")
        with pytest.raises(MCPError, match="unknown tool"):
            await client.call_tool("get_memory", {"memory_id": bens})
    async with Client(f"{url}/mcp/") as client:
        left = await told(client, "list_entities")

    assert names == ["add_memories", "search_memory", "list_memories", "delete_memories", "delete_all_memories"]
    assert {row["user_id"] for row in found["results"] + listed["results"]} == {"ana m"}
    assert other["code"] == "invalid_input"
    assert (gone["deleted"], [one["id"] for one in gone["failed"]]) == ([mine], [bens])
    assert everything["count"] == 1
    assert [row["id"] for row in left["results"]] == ["ben"]


# --- the protocol ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("version", ["2024-11-05", "2025-03-26", "2025-06-18", "2025-11-25"])
@pytest.mark.parametrize("path", ["/mcp", "/mcp/", "//mcp"])
async def test_clients_of_each_version_of_the_protocol_get_theirs_without_a_session(
    url: str, path: str, version: str
) -> None:
    async with httpx.AsyncClient(base_url=url, headers=ACCEPT) as http:
        began = await http.post(f"{url}{path}", json=hello(version))
        ready = await http.post(f"{url}{path}", json=message("notifications/initialized", number=None))
        # The oldest clients don't tell their version again.
        said = {} if version == "2024-11-05" else {"mcp-protocol-version": version}
        listed = await http.post(f"{url}{path}", json=message("tools/list"), headers=said)
    assert began.json()["result"]["protocolVersion"] == version
    assert (began.status_code, ready.status_code, listed.status_code) == (200, 202, 200)
    assert len(listed.json()["result"]["tools"]) == 15
    assert all("mcp-session-id" not in reply.headers for reply in (began, ready, listed))


@pytest.mark.parametrize(("mode", "version"), [("auto", "2026-07-28"), ("legacy", "2025-11-25")])
async def test_the_sdks_client_comes_in_by_both_of_its_ways(url: str, mode: Any, version: str) -> None:
    async with Client(f"{url}/mcp", mode=mode) as client:
        assert client.protocol_version == version
        assert (await told(client, "get_memories"))["count"] == 0


async def test_a_client_may_go_on_with_another_replica(memory: Memory) -> None:
    said = ACCEPT | {"mcp-protocol-version": "2025-06-18", "mcp-session-id": "of-somebody-gone"}
    text = {"name": "add_memory", "arguments": {"text": "I like tea."}}
    async with (
        serving(memory, Settings()) as one,
        serving(memory, Settings()) as other,
        httpx.AsyncClient(headers=said) as http,
    ):
        await http.post(f"{one}/mcp", json=hello("2025-06-18"))
        added = await http.post(f"{other}/mcp", json=message("tools/call", text))
        listed = await http.post(f"{one}/mcp", json=message("tools/call", {"name": "get_memories"}))
    assert added.json()["result"]["isError"] is False
    assert json.loads(listed.json()["result"]["content"][0]["text"])["count"] == 1


@pytest.mark.parametrize("method", ["GET", "DELETE"])
async def test_there_is_no_stream_to_hold_open_and_no_session_to_end(url: str, method: str) -> None:
    async with httpx.AsyncClient(headers=ACCEPT) as http:
        reply = await http.request(method, f"{url}/mcp")
    assert (reply.status_code, reply.headers["allow"]) == (405, "POST")


@pytest.mark.parametrize("said", ["", "{", "[]", "5", '{"jsonrpc": "2.0"}', "[" * 100_000, '{"id": 1e999}'])
async def test_what_is_no_message_is_refused(url: str, said: str) -> None:
    async with httpx.AsyncClient(headers=ACCEPT) as http:
        reply = await http.post(f"{url}/mcp", content=said)
    assert reply.status_code == 400
    assert reply.json()["error"]["code"] in {-32700, -32602, -32600}


async def test_a_large_message_is_refused_as_everywhere(memory: Memory) -> None:
    large = message("tools/call", {"name": "add_memory", "arguments": {"text": "x" * 2000}})
    small = Settings(limits=LimitSettings(body_bytes=1000))
    async with serving(memory, small) as url, httpx.AsyncClient(headers=ACCEPT) as http:
        reply = await http.post(f"{url}/mcp", json=large)
    assert (reply.status_code, reply.json()["code"]) == (413, "too_large")


async def test_without_a_running_application_it_says_so(memory: Memory) -> None:
    transport = httpx.ASGITransport(create_app(memory, Settings()))
    async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1", headers=ACCEPT) as http:
        reply = await http.post("/mcp", json=hello("2025-06-18"))
    assert (reply.status_code, reply.json()["code"]) == (503, "unavailable")


# --- who may come in -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "sent",
    [{"authorization": f"Token {KEY}"}, {"authorization": f"Bearer {KEY}"}, {"x-api-key": KEY}],
)
async def test_with_a_key_a_client_comes_in_by_any_host(memory: Memory, sent: dict[str, str]) -> None:
    headers = sent | {"host": "memory.example.com", "origin": "https://app.example.com"}
    async with (
        serving(memory, Settings(admin_key=SecretStr(KEY))) as url,
        httpx2.AsyncClient(headers=headers) as http,
        Client(streamable_http_client(f"{url}/mcp", http_client=http)) as client,
    ):
        assert (await told(client, "get_memories"))["count"] == 0


@pytest.mark.parametrize("path", ["/mcp", "/mcp/", "/mcp/cursor/http/ana"])
@pytest.mark.parametrize("sent", [{}, {"authorization": "Bearer other"}, {"x-api-key": ""}])
async def test_without_the_key_nobody_comes_in(memory: Memory, path: str, sent: dict[str, str]) -> None:
    locked = Settings(admin_key=SecretStr(KEY))
    async with serving(memory, locked) as url, httpx.AsyncClient(headers=ACCEPT | sent) as http:
        reply = await http.post(f"{url}{path}", json=hello("2025-06-18"))
    assert (reply.status_code, reply.json()["code"]) == (401, "unauthorized")


@pytest.mark.parametrize("sent", [{"host": "memory.example.com"}, {"origin": "https://evil.example"}])
async def test_where_no_key_is_set_only_this_machine_is_answered(url: str, sent: dict[str, str]) -> None:
    async with httpx.AsyncClient(headers=ACCEPT | sent) as http:
        reply = await http.post(f"{url}/mcp", json=hello("2025-06-18"))
    assert (reply.status_code, reply.json()["code"]) == (403, "forbidden")
