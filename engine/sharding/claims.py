"""Claims of idempotency keys: taken in one shard for all, where a request may go to any."""

from __future__ import annotations

import secrets

from engine import ids, ingest
from engine.api import WriteFields
from engine.ledger_port import OperationKind
from engine.requests import Call
from engine.sharding import routing
from engine.sharding.parts import Parts
from engine.types import Json


async def claim(parts: Parts, kind: OperationKind, body: Json, call: Call, target: int | None) -> str:
    """Take the caller's idempotency key where every shard asks for it; the claim's id.

    Nothing to do without a key, for one that nobody else can have, and when the request goes there anyway.
    """
    key = call.idempotency_key
    if key is None or ids.is_made_up(key):
        return ""
    home = routing.home_of(ids.key_home(call.project, key), parts.count)
    if home == target:
        return ""
    digest = ingest.request_hash(kind, body).hex()
    fields: WriteFields = {"project": call.project, "deadline_s": call.deadline_s, "idempotency_key": key}
    return await parts.shards[home].claim(digest, **fields)


async def whole_id(parts: Parts, kind: OperationKind, body: Json, call: Call) -> str:
    """The id of an operation over all shards: the same again for the same idempotency key and request."""
    key = call.idempotency_key
    if key is None:
        return ids.operation_id(ids.first_slot(parts.own, parts.count), secrets.token_bytes(16))
    if ids.is_made_up(key):
        return ids.whole_id(call.project, f"{key}/{ingest.request_hash(kind, body).hex()}")
    return ids.whole_id(call.project, await claim(parts, kind, body, call, None))
