"""Rows to values and back. Pure."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import msgpack
import numpy as np
from sqlalchemy import Row

from engine.ledger_port import Operation, OperationKind
from engine.types import (
    SCOPE_FIELDS,
    Doubt,
    Entity,
    Flag,
    FloatArray,
    MemoryVersion,
    OperationState,
    Relation,
    Scope,
)


def pack(value: Any) -> bytes:
    """JSON-like values as msgpack."""
    packed: bytes = msgpack.packb(value)
    return packed


def unpack(raw: bytes | None) -> Any:
    """What `pack` made, or None."""
    return None if raw is None else msgpack.unpackb(raw, strict_map_key=False)


def vector_bytes(vector: FloatArray) -> bytes:
    """A float32 (d,) vector as little-endian bytes."""
    return np.ascontiguousarray(vector, dtype="<f4").tobytes()


def stack(raw: list[bytes]) -> FloatArray:
    """Vectors of equal length as one float32 (n, d) block; no vectors: (0, 0)."""
    if not raw:
        return np.zeros((0, 0), dtype=np.float32)
    return np.frombuffer(b"".join(raw), dtype="<f4").reshape(len(raw), -1).astype(np.float32, copy=False)


def version_row(version: MemoryVersion, vector: bytes, fingerprint: bytes | None) -> dict[str, Any]:
    """A version as a row of `versions`."""
    entities = version.entities
    extra: dict[str, Any] = {
        "metadata": dict(version.metadata),
        "categories": list(version.categories),
        "entities": None if entities is None else [(entity.name, entity.kind) for entity in entities],
        "relations": [
            (edge.source, edge.relationship, edge.target, edge.valid_at_us, edge.invalid_at_us)
            for edge in version.relations
        ],
    }
    if version.origin is not None:
        extra["origin"] = list(version.origin)
    if version.sources:
        extra["sources"] = list(version.sources)
    if version.flag is not None:
        extra["flag"] = [version.flag.doubt.value, version.flag.memory_id]
    return {
        "memory_id": version.memory_id,
        "version": version.version,
        "project": version.project,
        **{name: getattr(version.scope, name) for name in SCOPE_FIELDS},
        "text": version.text,
        "role": version.role,
        "name": version.name,
        "created_at_us": version.created_at_us,
        "updated_at_us": version.updated_at_us,
        "expiration_date": version.expiration_date,
        "extra": pack(extra),
        "vector": vector,
        "fingerprint": fingerprint,
        "live_from": version.live_from,
        "live_to": version.live_to,
        "operation_id": version.operation_id,
    }


def version_of(row: Row[Any]) -> MemoryVersion:
    """A row of `versions` as a version."""
    extra = unpack(row.extra)
    entities = extra["entities"]
    return MemoryVersion(
        memory_id=row.memory_id,
        project=row.project,
        scope=Scope(row.user_id, row.agent_id, row.app_id, row.run_id),
        text=row.text,
        version=row.version,
        live_from=row.live_from,
        created_at_us=row.created_at_us,
        updated_at_us=row.updated_at_us,
        role=row.role,
        name=row.name,
        metadata=extra["metadata"],
        categories=tuple(extra["categories"]),
        expiration_date=row.expiration_date,
        entities=None if entities is None else tuple(Entity(*entity) for entity in entities),
        relations=tuple(Relation(*edge) for edge in extra["relations"]),
        live_to=row.live_to,
        operation_id=row.operation_id,
        origin=tuple(extra["origin"]) if "origin" in extra else None,
        sources=tuple(extra.get("sources", ())),
        flag=_flag(extra["flag"]) if "flag" in extra else None,
    )


def _flag(raw: list[str]) -> Flag:
    return Flag(Doubt(raw[0]), raw[1])


BLANK_VERSION: dict[str, Any] = {
    "text": "",
    "role": None,
    "name": None,
    **dict.fromkeys(SCOPE_FIELDS),
    "expiration_date": None,
    "extra": pack({"metadata": {}, "categories": [], "entities": None, "relations": []}),
    "vector": b"",
    "fingerprint": None,
}
"""What is left of a purged version, beside ids, positions and times."""


def operation_row(operation: Operation) -> dict[str, Any]:
    """A new operation as a row of `operations`; its `seq` is the database's to give."""
    return {
        "id": operation.id,
        "project": operation.project,
        "kind": operation.kind.value,
        "lane": operation.lane,
        "state": operation.state.value,
        "request": pack(operation.request),
        "request_hash": operation.request_hash,
        "idempotency_key": operation.idempotency_key,
        "created_at_us": operation.created_at_us,
    }


def operation_of(row: Row[Any]) -> Operation:
    """A row of `operations` as an operation."""
    return replace(asked_of(row), result=unpack(row.result), error=unpack(row.error))


def asked_of(row: Row[Any]) -> Operation:
    """An operation without what became of it, for a row that lacks that."""
    return Operation(
        id=row.id,
        project=row.project,
        kind=OperationKind(row.kind),
        lane=row.lane,
        request=unpack(row.request),
        created_at_us=row.created_at_us,
        idempotency_key=row.idempotency_key,
        request_hash=row.request_hash,
        seq=row.seq,
        state=OperationState(row.state),
        completed_at_us=row.completed_at_us,
    )
