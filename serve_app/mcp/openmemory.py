"""OpenMemory's tools, by its names and arguments: all about one user."""

from __future__ import annotations

import asyncio
from typing import Any

from engine.api import MemoryApi
from engine.errors import InvalidInput, NotFound
from engine.types import Json
from serve_app.mcp.answers import Told
from serve_app.mcp.tool import FLAG, NUMBER, TEXT, Tool
from serve_app.mcp.tools import add, list_page, search

_MOST_IDS = 100


async def _delete_any(api: MemoryApi, arguments: Json, _user: str) -> Any:
    return await _delete_each(api, _ids_in(arguments), None)


async def _delete_theirs(api: MemoryApi, arguments: Json, user: str) -> Any:
    return await _delete_each(api, _ids_in(arguments), user)


async def _delete_all(api: MemoryApi, _arguments: Json, user: str) -> Any:
    return await api.delete_all(user_id=user)


async def _delete_each(api: MemoryApi, memory_ids: list[str], owner: str | None) -> Json:
    """Delete them side by side; `{deleted: [id], failed: [{id, error, code}]}`. `owner`: nobody else's."""
    outcomes = await asyncio.gather(*[_delete(api, one, owner) for one in memory_ids])
    named = zip(memory_ids, outcomes, strict=True)
    failed = [{"id": one, **outcome} for one, outcome in named if outcome is not None]
    gone = [one for one, outcome in zip(memory_ids, outcomes, strict=True) if outcome is None]
    return {"message": f"Deleted {len(gone)} of {len(memory_ids)} memories", "deleted": gone, "failed": failed}


async def _delete(api: MemoryApi, memory_id: str, owner: str | None) -> Json | None:
    """What went wrong; None: it is gone."""
    try:
        if owner is not None and (await api.get(memory_id))["user_id"] != owner:
            raise NotFound(f"no memory {memory_id}", {"memory_id": memory_id})
        await api.delete(memory_id)
    except Exception as error:  # one of many: those told apart by code are answered beside the others, all else goes on
        if not isinstance(error, Told):
            raise
        return {"error": error.message, "code": error.code}
    return None


def _ids_in(arguments: Json) -> list[str]:
    given = arguments["memory_ids"]
    if not isinstance(given, list) or not given or not all(isinstance(one, str) for one in given):
        raise InvalidInput("memory_ids should be a list of ids", {"field": "memory_ids"})
    if len(given) > _MOST_IDS:
        raise InvalidInput(
            f"{len(given)} memory_ids, at most {_MOST_IDS} in one call; nothing was deleted",
            {"field": "memory_ids", "limit": _MOST_IDS},
        )
    return list(dict.fromkeys(given))


_MEMORY_IDS: Json = {"memory_ids": {"type": "array", "items": TEXT, "description": f"At most {_MOST_IDS} ids."}}

_ADD = Tool(
    "add_memories",
    "Remember something about the user for later conversations (add_memory by OpenMemory's name).",
    add,
    {"text": {**TEXT, "description": "What to remember."}, "infer": {**FLAG, "description": "False: word for word."}},
    required=("text",),
)
_SEARCH = Tool(
    "search_memory",
    "Find what is remembered about the user, best first (search_memories by OpenMemory's name).",
    search,
    {"query": {**TEXT, "description": "What you want to know."}},
    required=("query",),
    reads=True,
)
_LIST = Tool(
    "list_memories",
    "List what is remembered about the user, newest first (get_memories by OpenMemory's name).",
    list_page,
    {"page": {**NUMBER, "description": "From 1."}},
    reads=True,
)

ALIASES = (
    _ADD,
    _SEARCH,
    _LIST,
    Tool(
        "delete_memories",
        "Delete memories by their ids (OpenMemory's name).",
        _delete_any,
        _MEMORY_IDS,
        required=("memory_ids",),
        destroys=True,
    ),
)
"""Beside Mem0's tools, for instructions that name them."""

BOUND = (
    _ADD,
    _SEARCH,
    _LIST,
    Tool(
        "delete_memories",
        "Delete some of the user's memories by their ids.",
        _delete_theirs,
        _MEMORY_IDS,
        required=("memory_ids",),
        destroys=True,
    ),
    Tool(
        "delete_all_memories",
        "Delete every memory of the user. Only when the user asks for it.",
        _delete_all,
        {},
        destroys=True,
    ),
)
"""Where the address names the user: about that user, and nobody else."""
