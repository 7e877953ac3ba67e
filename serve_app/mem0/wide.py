"""Mem0's `"*"` in a deletion: every memory with such an id, or, for all four ids, every memory there is.

Nothing but Mem0's own clients can say it: from anybody else `"*"` is no id, and nothing is deleted.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from functools import partial

from starlette.datastructures import Headers

from engine.api import MemoryApi
from engine.errors import InvalidInput, RemoraError
from engine.types import SCOPE_FIELDS, Json
from serve_app.mem0.batches import key_of
from serve_app.mem0.clients import is_mem0
from serve_app.mem0.scopes import ENTITY_TYPES
from serve_app.mem0.together import Call, together

ANY = "*"


def is_wide(fields: Json, headers: Headers) -> bool:
    """Whether a deletion is about every user, agent, app or run."""
    return is_mem0(headers) and any(fields.get(name) == ANY for name in SCOPE_FIELDS)


async def delete_wide(api: MemoryApi, fields: Json, *, page_size: int, deadline_s: float) -> Json:
    """Delete what a wide deletion means, id by id, until nothing of it is left: messages that were read for facts are
    in no list of entities.

    `page_size`: how much is looked at at once. `deadline_s`: for all of it, unless `fields` have one.

    Raises:
        InvalidInput: two or three ids are `"*"`.
        RemoraError: one of the deletions failed; it says how much is gone.
    """
    wide: list[str] = [name for name in SCOPE_FIELDS if fields.get(name) == ANY]
    if len(wide) not in {1, len(SCOPE_FIELDS)}:
        raise InvalidInput(
            f'one of the ids may be "*" (every memory with such an id), or all four (every memory), not '
            f"{' and '.join(wide)}; nothing was deleted",
            {"fields": wide},
        )
    rest: Json = {name: value for name, value in fields.items() if name in SCOPE_FIELDS and name not in wide}
    key, clock = fields.get("idempotency_key"), asyncio.get_running_loop().time
    until = clock() + (fields.get("deadline_s") or deadline_s)
    done: dict[str, Json | RemoraError] = {}
    owners = await _listed(api, wide, page_size) or await _left(api, wide, rest, page_size)
    while owners and not _failures(done.values()):
        turn = str(len(done))
        calls: dict[str, Call] = {
            f"{turn} {name} {value}": partial(
                api.delete_all, **(rest | {name: value}), idempotency_key=key and key_of(key, turn, name, value)
            )
            for name, value in owners
        }
        done |= await together(calls, until - clock())
        owners = await _left(api, wide, rest, page_size)
    return _told(done)


async def _listed(api: MemoryApi, wide: list[str], page_size: int) -> set[tuple[str, str]]:
    """All ids of these kinds that have memories."""
    found: set[tuple[str, str]] = set()
    page, more = 1, True
    while more:
        answer = await api.entities(page=page, page_size=page_size)
        found |= {(ENTITY_TYPES[one["type"]], one["id"]) for one in answer["results"]}
        more, page = page * page_size < answer["count"], page + 1
    return {(name, value) for name, value in found if name in wide}


async def _left(api: MemoryApi, wide: list[str], rest: Json, page_size: int) -> set[tuple[str, str]]:
    """Some of the ids that still have a memory of those that are meant, messages that no list shows among them."""
    filters = {"AND": [{"OR": [{name: ANY} for name in wide]}, *({name: value} for name, value in rest.items())]}
    answer = await api.list(filters=filters, include_messages=True, page_size=page_size)
    return {next((name, row[name]) for name in wide if row[name] is not None) for row in answer["results"]}


def _failures(outcomes: Iterable[Json | RemoraError]) -> list[RemoraError]:
    return [outcome for outcome in outcomes if isinstance(outcome, RemoraError)]


def _told(outcomes: dict[str, Json | RemoraError]) -> Json:
    done = [outcome for outcome in outcomes.values() if not isinstance(outcome, RemoraError)]
    count = sum(answer["count"] for answer in done)
    for failed in _failures(outcomes.values()):
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
        "degraded": sorted({name for answer in done for name in answer["degraded"]}),
    }
