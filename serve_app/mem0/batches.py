"""Many changes of Mem0's in one request: checked as a whole before any of them begins, and told as a whole. Pure."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from typing import Any

from engine import ids
from engine.config import LimitSettings
from engine.errors import InvalidInput, RemoraError
from engine.requests import parse_update
from engine.types import Json

_UPDATE = ("text", "metadata", "expiration_date", "timestamp")
_MOST_TOLD = 20


def updates_of(body: Json, limits: LimitSettings) -> dict[str, Json]:
    """What is to be changed, by memory.

    Raises:
        InvalidInput: an item is wrong, or two name the same memory: which one should win?
        TooLarge: an item is over a limit.
    """
    found: dict[str, Json] = {}
    for index, item in enumerate(_items(body, limits)):
        memory_id = _id_of(item, index)
        if memory_id in found:
            raise InvalidInput(f"memories[{index}] names a memory that comes before it", {"field": "memories"})
        found[memory_id] = {name: item[name] for name in _UPDATE if name in item}
        try:
            parse_update(memory_id, found[memory_id], limits)
        except RemoraError as error:
            raise type(error)(f"memories[{index}]: {error.message}", error.details) from error
    return found


def deletions_of(body: Json, limits: LimitSettings) -> list[str]:
    """The memories that shall go, each once; raises as `updates_of` does."""
    return list(dict.fromkeys(_id_of(item, index) for index, item in enumerate(_items(body, limits))))


def key_of(key: str, *what: str) -> str:
    """The idempotency key of one of the changes of a request with this key."""
    return "mem0-" + hashlib.sha256(json.dumps([key, *what]).encode()).hexdigest()


def told(done: str, outcomes: Mapping[str, Json | RemoraError]) -> Json:
    """The answer for all.

    Raises:
        RemoraError: one failed; it is the first, and says how many took effect and which didn't.
    """
    failed = {name: outcome for name, outcome in outcomes.items() if isinstance(outcome, RemoraError)}
    made = len(outcomes) - len(failed)
    if not failed:
        return {"message": f"Successfully {done} {made} memories", "count": made}
    first = next(iter(failed.values()))
    names = [*failed][:_MOST_TOLD]
    raise type(first)(
        f"{done} {made} of {len(outcomes)} memories; not {', '.join(names)}: {first.message}",
        {**first.details, "count": made, "failed": names},
    ) from first


def _items(body: Json, limits: LimitSettings) -> Sequence[Any]:
    items = body.get("memories")
    if not isinstance(items, list) or not items:
        raise InvalidInput("memories should be a list of objects with a memory_id", {"field": "memories"})
    if len(items) > limits.batch_items:
        raise InvalidInput(
            f"{len(items)} memories, at most {limits.batch_items} in one request: send the rest in another",
            {"field": "memories", "limit": limits.batch_items},
        )
    return items


def _id_of(item: Any, index: int) -> str:
    where = f"memories[{index}].memory_id"
    if not isinstance(item, Mapping) or "memory_id" not in item:
        raise InvalidInput(f"{where} is needed", {"field": where})
    return ids.canonical_id(item["memory_id"], where)
