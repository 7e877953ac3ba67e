"""Mem0's tools, by its names and arguments."""

from __future__ import annotations

from typing import Any

from engine.api import MemoryApi
from engine.errors import InvalidInput
from engine.types import SCOPE_FIELDS, Json
from serve_app.mcp.arguments import asked, owned, scope_in
from serve_app.mcp.tool import FILTERS, FLAG, MEMORY_ID, NUMBER, OBJECT, PAGE, SCOPE, TEXT, Tool

_IDS = ", ".join(SCOPE_FIELDS)


async def add(api: MemoryApi, arguments: Json, user: str) -> Any:
    """Keep a text, or the conversation that is given in its place."""
    more = {name: arguments[name] for name in ("metadata", "infer") if name in arguments}
    if not isinstance(arguments["text"], str):
        raise InvalidInput("text should be a string", {"field": "text"})
    said = arguments["messages"] if "messages" in arguments else arguments["text"]
    return await api.add(said, **owned(arguments, user), **more)


async def search(api: MemoryApi, arguments: Json, user: str) -> Any:
    """The memories that fit best."""
    more = {"threshold": arguments["threshold"]} if "threshold" in arguments else {}
    if "limit" in arguments:
        more["top_k"] = arguments["limit"]
    return await api.search(arguments["query"], **asked(arguments, user), **more)


async def list_page(api: MemoryApi, arguments: Json, user: str) -> Any:
    """A page of memories."""
    return await api.list(**asked(arguments, user), **_page_in(arguments))


async def _get(api: MemoryApi, arguments: Json, _user: str) -> Any:
    return await api.get(arguments["memory_id"])


async def _update(api: MemoryApi, arguments: Json, _user: str) -> Any:
    more = {"metadata": arguments["metadata"]} if "metadata" in arguments else {}
    return await api.update(arguments["memory_id"], text=arguments["text"], **more)


async def _delete(api: MemoryApi, arguments: Json, _user: str) -> Any:
    return await api.delete(arguments["memory_id"])


async def _delete_all(api: MemoryApi, arguments: Json, _user: str) -> Any:
    scope = scope_in(arguments)
    if not scope:
        raise InvalidInput(
            f"say whose memories shall go: at least one of {_IDS} is needed; nothing was deleted",
            {"fields": [*SCOPE_FIELDS]},
        )
    return await api.delete_all(**scope)


async def _delete_entity(api: MemoryApi, arguments: Json, _user: str) -> Any:
    scope = scope_in(arguments)
    if len(scope) != 1:
        raise InvalidInput(
            f"name one entity by one of {_IDS}; nothing was deleted. For memories that have several ids at once there "
            "is delete_all_memories",
            {"fields": [*SCOPE_FIELDS]},
        )
    return await api.delete_all(**scope)


async def _entities(api: MemoryApi, arguments: Json, _user: str) -> Any:
    return await api.entities(**_page_in(arguments))


async def _events(api: MemoryApi, arguments: Json, _user: str) -> Any:
    state = {"state": arguments["status"]} if "status" in arguments else {}
    return await api.operations(**scope_in(arguments), **state, **_page_in(arguments))


async def _event(api: MemoryApi, arguments: Json, _user: str) -> Any:
    return await api.operation(arguments["event_id"])


def _page_in(arguments: Json) -> Any:
    return {name: arguments[name] for name in PAGE if name in arguments}


MEM0 = (
    Tool(
        "add_memory",
        "Remember something for later conversations: a fact, preference, decision or event, in a sentence that can be "
        "understood alone. Use it when the user says something worth knowing next time, or asks you to remember.",
        add,
        {
            "text": {**TEXT, "description": "What to remember."},
            "messages": {
                "type": "array",
                "items": OBJECT,
                "description": "Instead of the text, a conversation: [{role, content}].",
            },
            **SCOPE,
            "metadata": {**OBJECT, "description": "Kept with it; searches can filter by it."},
            "infer": {**FLAG, "description": "False: keep it word for word."},
        },
        required=("text",),
    ),
    Tool(
        "search_memories",
        "Find what is remembered about something, best first. Use it before answering whenever earlier conversations "
        "may matter. Ask in plain language.",
        search,
        {
            "query": {**TEXT, "description": "What you want to know."},
            "filters": FILTERS,
            "limit": {**NUMBER, "description": "At most so many; 10 unless told."},
            "threshold": {"type": "number", "description": "The least score, 0 to 1."},
            **SCOPE,
        },
        required=("query",),
        reads=True,
    ),
    Tool(
        "get_memories",
        "List memories page by page, newest first. Use it to browse; to answer a question, search_memories is better.",
        list_page,
        {"filters": FILTERS, **PAGE, **SCOPE},
        reads=True,
    ),
    Tool(
        "get_memory", "Get one memory by its id.", _get, {"memory_id": MEMORY_ID}, required=("memory_id",), reads=True
    ),
    Tool(
        "update_memory",
        "Correct one memory: its text is replaced. Find its id by search_memories first.",
        _update,
        {
            "memory_id": MEMORY_ID,
            "text": {**TEXT, "description": "What it says from now on."},
            "metadata": {**OBJECT, "description": "Replaces the old."},
        },
        required=("memory_id", "text"),
        destroys=True,
    ),
    Tool(
        "delete_memory",
        "Delete one memory that is wrong or unwanted. Find its id by search_memories first.",
        _delete,
        {"memory_id": MEMORY_ID},
        required=("memory_id",),
        destroys=True,
    ),
    Tool(
        "delete_all_memories",
        "Delete every memory that has all the given ids; at least one is needed. Only when the user asks for it.",
        _delete_all,
        SCOPE,
        destroys=True,
    ),
    Tool(
        "delete_entities",
        "Delete one user, agent, app or run with all its memories. Give one id. Only when the user asks for it.",
        _delete_entity,
        SCOPE,
        destroys=True,
    ),
    Tool("list_entities", "List the users, agents, apps and runs that have memories.", _entities, PAGE, reads=True),
    Tool(
        "list_events",
        "List accepted changes and how far they are, newest first.",
        _events,
        {"status": {**TEXT, "enum": ["PENDING", "RUNNING", "SUCCEEDED", "FAILED"]}, **PAGE, **SCOPE},
        reads=True,
    ),
    Tool(
        "get_event_status",
        "How far one change has come, by the event_id that it answered. Use it when an add is PENDING or RUNNING.",
        _event,
        {"event_id": TEXT},
        required=("event_id",),
        reads=True,
    ),
)
