"""A program with nothing but the `mcp` SDK, of either major version: uses the memory and prints what it saw as JSON.

Arguments: an address, then headers as `Name=value`; or `--stdio`, a command and its arguments.
"""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from importlib.metadata import version
from typing import Any

import mcp
from mcp.client import streamable_http
from mcp.client.stdio import StdioServerParameters, stdio_client

IS_FIRST = version("mcp").startswith("1.")


@asynccontextmanager
async def connected(arguments: list[str]) -> AsyncIterator[tuple[Any, str]]:
    """A session, or what is as good as one, and the version of the protocol."""
    where, *rest = arguments
    if where == "--stdio":
        way: Any = stdio_client(StdioServerParameters(command=rest[0], args=rest[1:]))
        async with by_way(way) as session:
            yield session
        return
    headers = dict(pair.split("=", 1) for pair in rest)
    library: Any = __import__("httpx" if IS_FIRST else "httpx2")
    async with (
        library.AsyncClient(headers=headers, timeout=60) as http,
        by_way(streamable_http.streamable_http_client(where, http_client=http)) as session,
    ):
        yield session


@asynccontextmanager
async def by_way(way: Any) -> AsyncIterator[tuple[Any, str]]:
    package: Any = mcp
    if IS_FIRST:
        async with way as streams, package.ClientSession(*streams[:2]) as session:
            began = await session.initialize()
            yield session, str(began.protocolVersion)
        return
    async with package.Client(way) as client:
        yield client, client.protocol_version


async def main(arguments: list[str]) -> None:
    async with connected(arguments) as (session, protocol):
        errors: dict[str, Any] = {}

        async def call(tool: str, **given: Any) -> Any:
            answer = await session.call_tool(tool, given)
            (text,) = answer.content
            said = json.loads(text.text)
            if answer.isError if IS_FIRST else answer.is_error:
                errors[tool] = said
            return said

        tools = [tool.name for tool in (await session.list_tools()).tools]
        added = await call("add_memory", text="Ana lives in Lisbon.", user_id="ana")
        memory_id = added["results"][0]["id"]
        found = await call("search_memories", query="Where does Ana live?", filters={"user_id": "ana"})
        changed = await call("update_memory", memory_id=memory_id, text="Ana lives in Porto.")
        one = await call("get_memory", memory_id=memory_id)
        event = await call("get_event_status", event_id=added["event_id"])
        await call("delete_all_memories")
        gone = await call("delete_all_memories", user_id="ana") if "delete_all_memories" in errors else None
        listed = await call("get_memories", filters={"user_id": "ana"})
        prompt = await session.get_prompt("memory_assistant")
        read = await session.read_resource("remora://users/ana/memories")
    saw = {
        "sdk": version("mcp"),
        "protocol": protocol,
        "tools": tools,
        "found": [row["memory"] for row in found["results"]],
        "changed": changed["memory"],
        "one": one["memory"],
        "event": event["status"],
        "errors": {tool: error["code"] for tool, error in errors.items()},
        "gone": gone and gone["count"],
        "left": listed["count"],
        "prompt": len(prompt.messages),
        "resource": json.loads(read.contents[0].text)["count"],
    }
    sys.stdout.write(json.dumps(saw))


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1:]))
