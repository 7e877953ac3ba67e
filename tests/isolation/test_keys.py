"""Every endpoint, with every key, about what isn't the key's: nothing of it is read, changed, counted or told apart."""

from __future__ import annotations

import re
import time
from collections.abc import AsyncIterator, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest
from fastapi import FastAPI
from pydantic import SecretStr

from engine.access.key_file import KeyFile
from engine.access.making import issued
from engine.config import AccessSettings, LlmSettings, Settings
from engine.in_process import in_process
from engine.memory import Memory
from serve_app.application import create_app
from tests.provider import Reply, provider

ROOT = "the-server-s-own"
CANARY = "Zanzibar"
NOBODY = "00000000-0000-8000-8000-000000000000"
KEYS: Mapping[str, dict[str, Any]] = {
    "read": {"role": "read", "project": "mine"},
    "write": {"role": "write", "project": "mine"},
    "admin": {"role": "admin", "project": "mine"},
    "bound to read": {"role": "read", "project": "mine", "user_id": "ann"},
    "bound to write": {"role": "write", "project": "mine", "user_id": "ann"},
    "bound to admin": {"role": "admin", "project": "mine", "user_id": "ann"},
}
WHOLE = frozenset({"/v1/verify/", "/v1/rebuild/", "/v1/rebuild/{index}/", "/v1/status/", "/metrics"})
OPEN = frozenset({"/healthz", "/readyz"})
ELSEWHERE = frozenset({"/v1/chat/completions", "/v1/models", "/v1/models/{name}", "/v1/embeddings", "/v1/ping/"})
"""These have no memory behind them, or no language model here."""


@dataclass
class Foreign:
    """Something of somebody else's."""

    user: str
    memory_id: str
    operation_id: str
    key_id: str


@dataclass
class World:
    app: FastAPI
    memory: Memory
    keys: dict[str, str]
    theirs: Foreign
    bens: Foreign
    mine: Foreign

    def client(self, key: str) -> httpx.AsyncClient:
        headers = {"authorization": f"Bearer {key}", "X-Mem0-Client": "mem0-python/2.2.1"}
        transport = httpx.ASGITransport(self.app, client=("127.0.0.1", 5))
        return httpx.AsyncClient(transport=transport, base_url="http://remora.test", headers=headers)

    async def state(self) -> Any:
        """All that isn't ann's, in both projects."""
        found = []
        for project, user in (("theirs", "ann"), ("theirs", "ben"), ("mine", "ben")):
            page = await self.memory.list(user_id=user, project=project)
            found.append([row for row in page["results"] if CANARY in row["memory"]])
        theirs = await self.memory.inference(project="theirs"), await self.memory.ranking(project="theirs")
        rated = await self.memory.feedback(project="theirs")
        return found, theirs, rated, (await self.memory.entities(project="theirs"))["count"]


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    memory = in_process()
    await memory.start()
    settings = Settings(admin_key=SecretStr(ROOT), access=AccessSettings(keys_file=tmp_path / "keys.json"))
    file = KeyFile(tmp_path / "keys.json", lambda: 0.0)
    made = {name: issued(file, {"name": name, **asked}, None, "default", time.time()) for name, asked in KEYS.items()}
    other = issued(file, {"name": "theirs", "role": "admin", "project": "theirs"}, None, "default", time.time())

    async def foreign(project: str, user: str) -> Foreign:
        added = await memory.add(f"{user} went to {CANARY} for {project}.", user_id=user, project=project)
        return Foreign(user, added["results"][0]["id"], added["operation_id"], other["id"])

    theirs = await foreign("theirs", "ann")
    await memory.rate(theirs.memory_id, "NEGATIVE", f"It was {CANARY} for theirs.", project="theirs")
    await foreign("theirs", "ben")
    bens = await foreign("mine", "ben")
    added = await memory.add("ann lives in Bonn.", user_id="ann", project="mine")
    mine = Foreign("ann", added["results"][0]["id"], added["operation_id"], made["write"]["id"])
    app = create_app(memory, settings)
    yield World(app, memory, {name: one["key"] for name, one in made.items()}, theirs, bens, mine)
    await memory.close()


@dataclass(frozen=True)
class Asked:
    path: str
    method: str
    url: str
    params: dict[str, str]
    body: Any


def requests(app: FastAPI, about: Foreign) -> Iterator[Asked]:
    """Each endpoint of the description, once, about somebody."""
    description = app.openapi()
    for path, methods in description["paths"].items():
        for method, operation in methods.items():
            if path in OPEN | ELSEWHERE:
                continue
            body = example(description, operation)
            names = {one["name"] for one in operation.get("parameters", ()) if one["in"] == "query"}
            yield Asked(path, method, url_of(path, about), params_of(names, about), about_them(body, about))


def example(description: dict[str, Any], operation: dict[str, Any]) -> Any:
    """The body of an operation, as its schema shows it."""
    content = operation.get("requestBody", {}).get("content", {})
    if "application/json" not in content:
        return None
    schema = content["application/json"]["schema"]
    known = description["components"]["schemas"][schema["$ref"].rsplit("/", 1)[1]]
    return {"user_id": "", "memory_id": ""} if not known.get("examples") else dict(known["examples"][0])


def about_them(value: Any, about: Foreign) -> Any:
    """The same about somebody: their user, their memory."""
    if isinstance(value, list):
        return [about_them(one, about) for one in value]
    if not isinstance(value, dict):
        return value
    told = {name: about_them(one, about) for name, one in value.items()}
    told |= {"user_id": about.user} if "user_id" in value else {}
    told |= {"memory_id": about.memory_id} if "memory_id" in value else {}
    told |= {"filters": {"user_id": about.user}} if "filters" in value else {}
    return told


def url_of(path: str, about: Foreign) -> str:
    named = {"memory_id": about.memory_id, "operation_id": about.operation_id, "event_id": about.operation_id}
    named |= {"key_id": about.key_id, "entity_type": "user", "entity_id": about.user, "index": "graph"}
    named |= {"organisation": "org-default", "project": "proj-default"}
    return re.sub(r"\{(\w+)\}", lambda found: named[found[1]], path)


def params_of(names: set[str], about: Foreign) -> dict[str, str]:
    known = {"user_id": about.user, "entity": "Ann", "source": "Ann", "target": "Ben"}
    return {name: value for name, value in known.items() if name in names}


async def answered(http: httpx.AsyncClient, asked: Asked) -> httpx.Response:
    return await http.request(asked.method, asked.url, params=asked.params, json=asked.body)


def told(reply: httpx.Response, about: Foreign) -> tuple[int, str]:
    """What an answer says, without the names that were asked for."""
    text = reply.text
    for name in (about.memory_id, about.operation_id, about.key_id):
        text = text.replace(name, "…")
    return reply.status_code, re.sub(r'"request_id":"[^"]*"|"operation_id":"[^"]*"|"event_id":"[^"]*"', "", text)


def names_one(asked: Asked) -> bool:
    """Whether it is about one thing, by its id."""
    by_id = re.search(r"\{(memory|operation|event|key)_id\}", asked.path)
    return by_id is not None or asked.path in {"/v1/batch/", "/v1/purge/", "/v1/feedback/"}


@pytest.mark.parametrize("name", KEYS)
async def test_what_is_of_another_project_is_as_if_it_were_not(world: World, name: str) -> None:
    before = await world.state()
    nobody = Foreign("zoe", NOBODY, NOBODY, "000000000000")
    theirs = Foreign("zoe", world.theirs.memory_id, world.theirs.operation_id, world.theirs.key_id)
    async with world.client(world.keys[name]) as http:
        for one, other in zip(requests(world.app, theirs), requests(world.app, nobody), strict=True):
            reply = await answered(http, one)
            assert reply.status_code < 500 or reply.status_code in {501, 503}, (one, reply.text)
            assert f"{CANARY} for theirs" not in reply.text, one
            if names_one(one):
                assert told(reply, theirs) == told(await answered(http, other), nobody), one
    assert await world.state() == before


@pytest.mark.parametrize("name", [name for name in KEYS if name.startswith("bound")])
async def test_a_bound_key_sees_and_changes_nobody_else_s(world: World, name: str) -> None:
    before = await world.state()
    async with world.client(world.keys[name]) as http:
        for one in requests(world.app, world.bens):
            reply = await answered(http, one)
            assert reply.status_code < 500 or reply.status_code in {501, 503}, (one, reply.text)
            assert CANARY not in reply.text, one
        unknown = Foreign("ben", NOBODY, NOBODY, "000000000000")
        for one, other in zip(requests(world.app, world.bens), requests(world.app, unknown), strict=True):
            if names_one(one):
                assert told(await answered(http, one), world.bens) == told(await answered(http, other), unknown), one
    assert await world.state() == before


async def test_a_bound_key_works_for_its_own(world: World) -> None:
    async with world.client(world.keys["bound to write"]) as http:
        said = {"messages": [{"role": "user", "content": "I like tea"}]}
        [row] = (await http.post("/v1/memories/", json=said)).json()["results"]
        assert (await http.get(f"/v1/memories/{row['id']}/")).json()["user_id"] == "ann"
        page = (await http.get("/v1/memories/")).json()
        assert {one["user_id"] for one in page["results"]} == {"ann"}
        found = (await http.post("/v1/memories/search/", json={"query": "tea", "filters": {"user_id": "*"}})).json()
        assert {one["user_id"] for one in found["results"]} == {"ann"}
        other = await http.post("/v1/memories/search/", json={"query": CANARY, "filters": {"user_id": "ben"}})
        assert other.json()["results"] == []
        changed = (await http.put(f"/v1/memories/{row['id']}/", json={"text": "I like coffee"})).json()
        assert (await http.get(f"/v1/operations/{changed['operation_id']}/")).json()["status"] == "SUCCEEDED"
        assert len((await http.get(f"/v1/memories/{row['id']}/history/")).json()) == 2
        assert (await http.delete(f"/v1/memories/{row['id']}/")).status_code == 200
        assert len((await http.get(f"/v1/memories/{row['id']}/history/")).json()) == 3
        bulk = {"items": [{"messages": "one", "user_id": "ann"}, {"messages": "two"}]}
        assert (await http.post("/v1/memories/bulk/", json=bulk)).status_code == 200
        theirs = {"items": [{"messages": "one", "user_id": "ben"}]}
        assert (await http.post("/v1/memories/bulk/", json=theirs)).status_code == 403
        other = await http.post("/v1/memories/", json={**said, "user_id": "ben"})
        assert (other.status_code, other.json()["code"]) == (403, "forbidden")


async def test_a_change_of_somebody_else_s_is_no_operation_of_a_bound_key(world: World) -> None:
    changed = await world.memory.update(world.bens.memory_id, text=f"{CANARY} again", project="mine")
    async with world.client(world.keys["bound to write"]) as http:
        assert (await http.get(f"/v1/operations/{changed['operation_id']}/")).status_code == 404
        assert (await http.get(f"/v1/event/{changed['operation_id']}/")).status_code == 404


async def test_names_of_operations_of_a_bound_key_are_its_own(world: World) -> None:
    """Else whoever guesses another's name would be told of their operation."""
    name = {"idempotency-key": "monday"}
    await world.memory.add(f"{CANARY}!", user_id="ben", project="mine", idempotency_key="monday")
    async with world.client(world.keys["bound to write"]) as http:
        assert (await http.get("/v1/operations/monday/")).status_code == 404
        said = {"messages": "I like tea"}
        first = (await http.post("/v1/memories/", json=said, headers=name)).json()
        again = (await http.post("/v1/memories/", json=said, headers=name)).json()
        assert first["results"] == again["results"] != []
        assert (await http.get("/v1/operations/monday/")).json()["id"] == first["operation_id"]


async def test_an_export_is_there_for_who_may_see_what_it_is_of(world: World) -> None:
    asked = {"schema": {"type": "array", "items": {"type": "string"}}, "filters": {"user_id": "ann"}}

    async def fetched(key: str, **wanted: Any) -> httpx.Response:
        async with world.client(key) as http:
            return await http.post("/v1/exports/get/", json=wanted)

    async with world.client(world.keys["write"]) as http:
        export = (await http.post("/v1/exports/", json=asked)).json()["id"]
    assert (await fetched(world.keys["read"], memory_export_id=export)).json() == ["ann lives in Bonn."]
    bound = [key for name, key in world.keys.items() if name.startswith("bound")]
    for key in bound:
        for wanted in ({"memory_export_id": export}, {"filters": {"user_id": "ann"}}):
            assert (await fetched(key, **wanted)).status_code == 404
    assert (await fetched(ROOT, memory_export_id=export)).status_code == 404


NEEDS: dict[tuple[str, str], str] = {
    ("post", "/v1/memories/search/"): "read",
    ("get", "/v1/memories/{memory_id}/"): "read",
    ("get", "/v1/entities/"): "read",
    ("get", "/v1/feedback/"): "read",
    ("post", "/v1/exports/get/"): "read",
    ("post", "/v1/summary/"): "read",
    ("post", "/v1/feedback/"): "write",
    ("post", "/v1/exports/"): "write",
    ("post", "/v1/memories/"): "write",
    ("put", "/v1/memories/{memory_id}/"): "write",
    ("post", "/v3/memories/add/"): "write",
    ("post", "/memories"): "write",
    ("post", "/v1/chat/completions"): "write",
    ("put", "/v1/ranking/"): "admin",
    ("put", "/v1/inference/"): "admin",
    ("post", "/v1/purge/"): "admin",
    ("get", "/v1/keys/"): "admin",
    ("get", "/v1/audit/"): "admin",
    ("post", "/v1/keys/"): "admin",
}


@pytest.mark.parametrize(("call", "role"), NEEDS.items(), ids=str)
async def test_a_role_may_what_it_says(world: World, call: tuple[str, str], role: str) -> None:
    method, path = call
    order = ["read", "write", "admin"]
    for name in order:
        async with world.client(world.keys[name]) as http:
            body = {"messages": [{"role": "user", "content": "x"}]} if "chat" in path else None
            known = [one for one in requests(world.app, world.mine) if (one.method, one.path) == (method, path)]
            reply = await http.request(method, known[0].url, params=known[0].params, json=known[0].body) if known else (
                await http.request(method, path, json=body)
            )  # fmt: skip
            assert (reply.status_code == 403) is (order.index(name) < order.index(role)), (name, reply.text)


@pytest.mark.parametrize("name", KEYS)
async def test_the_whole_server_is_nobody_s_but_its_own_key_s(world: World, name: str) -> None:
    async with world.client(world.keys[name]) as http, world.client(ROOT) as own:
        for one in requests(world.app, world.mine):
            if one.path in WHOLE:
                assert (await answered(http, one)).status_code == 403, one
                assert (await answered(own, one)).status_code != 403, one


async def test_a_chat_of_a_bound_key_is_about_its_user_and_nobody_else(tmp_path: Path) -> None:
    async with provider(Reply("Hello.")) as model:
        settings = Settings(
            admin_key=SecretStr(ROOT),
            access=AccessSettings(keys_file=tmp_path / "keys.json"),
            llm=LlmSettings(base_url=model.url, model="scripted"),
        )
        memory = in_process(settings)
        await memory.start()
        await memory.add("Ben lives in Bonn.", user_id="ben")
        await memory.add("Ann lives in Porto.", user_id="ann")
        file = KeyFile(tmp_path / "keys.json", time.monotonic)
        key = issued(file, {"name": "ann's", "user_id": "ann"}, None, "default", time.time())["key"]
        app = create_app(memory, settings)
        transport = httpx.ASGITransport(app, client=("127.0.0.1", 5))
        said = {"messages": [{"role": "user", "content": "Who lives in Bonn or Porto?"}]}
        async with (
            app.router.lifespan_context(app),
            httpx.AsyncClient(transport=transport, base_url="http://remora.test", headers={"x-api-key": key}) as http,
        ):
            for other in ({"user": "ben"}, {"user_id": "ben"}):
                assert (await http.post("/v1/chat/completions", json=said | other)).status_code == 403
            named = await http.post("/v1/chat/completions", json=said, headers={"x-remora-user-id": "ben"})
            assert (named.status_code, named.json()["error"]["code"]) == (403, "forbidden")
            assert model.asked == []
            reply = await http.post("/v1/chat/completions", json=said)
            assert (reply.status_code, reply.headers["x-remora-memories"]) == (200, "1")
            told = str(model.asked[0]["messages"])
            assert ("Porto." in told, "Ben" in told) == (True, False)
        await memory.close()


async def test_tools_are_held_to_the_key_too(world: World) -> None:
    async with world.app.router.lifespan_context(world.app), world.client(world.keys["bound to write"]) as http:
        http.headers["accept"] = "application/json, text/event-stream"

        async def call(tool: str, **given: Any) -> str:
            params = {"name": tool, "arguments": given}
            asked = {"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": params}
            return (await http.post("/mcp", json=asked)).text

        assert "Bonn" in await call("get_memories", user_id="ann")
        for told_ in (
            await call("get_memories", user_id="ben"),
            await call("search_memories", query=CANARY, filters={"user_id": "ben"}),
            await call("get_memory", memory_id=world.bens.memory_id),
            await call("list_entities"),
            await call("delete_memory", memory_id=world.bens.memory_id),
        ):
            assert CANARY not in told_
    assert (await world.memory.get(world.bens.memory_id, project="mine"))["user_id"] == "ben"
