"""Mem0's `"*"` in a deletion: every memory with such an id, or, for all four ids, every memory there is.

Nothing but Mem0's own clients can say it: from anybody else `"*"` is no id, and nothing is deleted.
"""

from __future__ import annotations

from functools import partial

from starlette.datastructures import Headers

from engine.api import MemoryApi
from engine.errors import InvalidInput, RemoraError
from engine.types import SCOPE_FIELDS, Json
from serve_app.mem0.batches import key_of
from serve_app.mem0.scopes import ENTITY_TYPES
from serve_app.mem0.together import Call, together

ANY = "*"
_CLIENTS = ("x-mem0-client", "x-mem0-client-language", "mem0-user-id")
"""Each of Mem0's clients sends one of these."""
_PAGE_SIZE = 1000


def is_wide(fields: Json, headers: Headers) -> bool:
    """Whether a deletion is about every user, agent, app or run."""
    return any(name in headers for name in _CLIENTS) and any(fields.get(name) == ANY for name in SCOPE_FIELDS)


async def delete_wide(api: MemoryApi, fields: Json, deadline_s: float) -> Json:
    """Delete what a wide deletion means, by the ids that there are when it begins.

    Raises:
        InvalidInput: two or three ids are `"*"`.
        RemoraError: one of the deletions failed; it says how much is gone.
    """
    wide = [name for name in SCOPE_FIELDS if fields.get(name) == ANY]
    if len(wide) not in {1, len(SCOPE_FIELDS)}:
        raise InvalidInput(
            f'one of the ids may be "*" (every memory with such an id), or all four (every memory), not '
            f"{' and '.join(wide)}; nothing was deleted",
            {"fields": wide},
        )
    rest = {name: value for name, value in fields.items() if name not in {*wide, "idempotency_key", "deadline_s"}}
    calls: dict[str, Call] = {}
    for entity in await _entities(api):
        name = ENTITY_TYPES[entity["type"]]
        if name in wide:
            calls[f"{name}={entity['id']}"] = partial(
                _delete, api, {**rest, name: entity["id"]}, fields.get("idempotency_key")
            )
    outcomes = await together(calls, fields.get("deadline_s") or deadline_s)
    return _told(outcomes)


async def _delete(api: MemoryApi, scope: Json, key: str | None, deadline_s: float) -> Json:
    named = {} if key is None else {"idempotency_key": key_of(key, *map(str, scope.values()))}
    return await api.delete_all(**scope, **named, deadline_s=deadline_s)


async def _entities(api: MemoryApi) -> list[Json]:
    found: list[Json] = []
    page = 1
    while True:
        answer = await api.entities(page=page, page_size=_PAGE_SIZE)
        found += answer["results"]
        if page * _PAGE_SIZE >= answer["count"]:
            return found
        page += 1


def _told(outcomes: dict[str, Json | RemoraError]) -> Json:
    done = [outcome for outcome in outcomes.values() if not isinstance(outcome, RemoraError)]
    count = sum(answer.get("count", 0) for answer in done)
    failed = next((outcome for outcome in outcomes.values() if isinstance(outcome, RemoraError)), None)
    if failed is not None:
        raise type(failed)(
            f"deleted {count} memories, of {len(done)} of {len(outcomes)} ids: {failed.message}",
            {**failed.details, "count": count},
        ) from failed
    operation = done[-1]["operation_id"] if done else None
    return {
        "message": "Memories deleted successfully!",
        "count": count,
        "status": "SUCCEEDED",
        "operation_id": operation,
        "event_id": operation,
        "position": None,
        "degraded": sorted({name for answer in done for name in answer.get("degraded", ())}),
    }
