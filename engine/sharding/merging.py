"""What the answers of several shards are together. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from engine.errors import RemoraError
from engine.ledger_port import Keys, ScopeCount
from engine.reinference.shown import totals_of, usage_of
from engine.times import parse_time
from engine.types import Json, OperationState, ScopeField


def page_of(found: Iterable[Keys], offset: int, limit: int) -> tuple[str, ...]:
    """The ids on one page of the lists together: newest first, as one shard would have them."""
    rows = sorted((row for keys in found for row in keys.rows), reverse=True)
    return tuple(memory_id for _, memory_id in rows[offset : offset + limit])


def summed_scopes(found: Iterable[Sequence[ScopeCount]]) -> list[ScopeCount]:
    """Who has memories in any shard: an agent's may lie in many."""
    known: dict[tuple[ScopeField, str], ScopeCount] = {}
    for one in (one for scopes in found for one in scopes):
        other = known.get((one.field, one.value))
        known[one.field, one.value] = one if other is None else _sum(one, other)
    return list(known.values())


def _sum(one: ScopeCount, other: ScopeCount) -> ScopeCount:
    return ScopeCount(
        one.field,
        one.value,
        one.memories + other.memories,
        min(one.created_at_us, other.created_at_us),
        max(one.updated_at_us, other.updated_at_us),
    )


def is_open(answer: Json) -> bool:
    """Whether what a changing call was answered is not done yet."""
    return bool(answer["status"] != OperationState.SUCCEEDED)


def whole_answer(whole: str, parts: Sequence[Json]) -> Json:
    """The answer of a deletion or purge over all shards. It has no position: each part has one of its own."""
    open_ = any(is_open(part) for part in parts)
    common: Json = {
        "status": (OperationState.PENDING if open_ else OperationState.SUCCEEDED).value,
        "operation_id": whole,
        "event_id": whole,
        "position": None,
        "degraded": sorted({leg for part in parts for leg in part["degraded"]}),
    }
    if open_:
        message = next(part["message"] for part in parts if is_open(part))
        return {"results": [], "message": message, **common}
    return {"message": parts[0]["message"], "count": sum(part["count"] for part in parts), **common}


def whole_operation(whole: Json, parts: Sequence[Json]) -> Json:
    """An operation over all shards as it stands: `whole` is the part that carries its id.

    Times are compared as they are spelled: `times.iso` spells them all alike.
    """
    every = [whole, *parts]
    status = _state({part["status"] for part in every})
    done = status in (OperationState.SUCCEEDED, OperationState.FAILED)
    created = min(part["created_at"] for part in every)
    completed = max((part["completed_at"] for part in every if part["completed_at"] is not None), default=None)
    return {
        **whole,
        "status": status.value,
        "results": [row for part in every for row in part["results"]],
        "error": next((part["error"] for part in every if part["error"] is not None), None),
        "created_at": created,
        "started_at": created,
        "updated_at": completed or created,
        "completed_at": completed if done else None,
        "latency": _latency_ms(created, completed) if done and completed is not None else None,
    }


def _state(states: set[str]) -> OperationState:
    for told in (OperationState.FAILED, OperationState.RUNNING):
        if told in states:
            return told
    return OperationState.SUCCEEDED if states == {OperationState.SUCCEEDED} else OperationState.PENDING


def _latency_ms(created: str, completed: str) -> float:
    return (parse_time(completed, "completed_at") - parse_time(created, "created_at")) / 1000


_STATES = ("ready", "degraded", "starting", "unavailable")
"""From good to bad."""


def worst(states: Iterable[str]) -> str:
    """The worst of some states; one that nobody knows is worse than all others."""
    return max(states, key=_badness, default="unavailable")


def _badness(state: str) -> int:
    return _STATES.index(state) if state in _STATES else len(_STATES)


def whole_status(accounts: Sequence[Json]) -> Json:
    """What all shards say of themselves; it is as well as the worst of them."""
    return {
        "state": worst(account.get("state", "unavailable") for account in accounts),
        "ready": bool(accounts) and all(account.get("ready", False) for account in accounts),
        "extractor": next((account["extractor"] for account in accounts if "extractor" in account), None),
        "shards": [{"shard": number, **account} for number, account in enumerate(accounts)],
    }


def rebuilt(index: str, answers: Sequence[Json]) -> Json:
    """How far all shards are with building an index anew. A shard that knows of none leaves the whole without."""
    states = [answer["state"] for answer in answers]
    return {
        "index": index,
        "state": next((state for state in ("FAILED", "RUNNING", "NONE") if state in states), "DONE"),
        "done": sum(answer["done"] for answer in answers),
        "total": sum(answer["total"] for answer in answers),
        "error": next((answer["error"] for answer in answers if answer["error"] is not None), None),
        "shards": [
            {"shard": number, **{name: answer[name] for name in ("state", "done", "total", "error")}}
            for number, answer in enumerate(answers)
        ],
    }


def reinferred(answers: Mapping[int, Json | RemoraError], places: Mapping[int, str | None], *, apply: bool) -> Json:
    """The stretches of several shards as one. A shard that failed is named, and is asked again from where it was."""
    told = {shard: one for shard, one in answers.items() if not isinstance(one, RemoraError)}
    conversations = [one for answer in told.values() for one in answer["conversations"]]
    following = {shard: one["next"] for shard, one in told.items() if one["next"] is not None}
    failed = {shard: one for shard, one in answers.items() if isinstance(one, RemoraError)}
    following |= {shard: places[shard] or "" for shard in failed}
    return {
        "applied": apply,
        "conversations": conversations,
        "totals": totals_of(conversations),
        "usage": usage_of(conversations),
        "under_way": sum(one["under_way"] for one in told.values()),
        "problems": [f"shard {shard}: {error.message}" for shard, error in sorted(failed.items())],
        "next": ",".join(f"{shard}:{one}" for shard, one in sorted(following.items())) or None,
    }
