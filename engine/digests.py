"""Digests by which the ledger and the indexes are compared, row by row. Pure: equal content, equal digest.

BLAKE2b with 16 bytes over msgpack of the values in a fixed order.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from typing import Any

import msgpack
import numpy as np

from engine.links import linked, linking
from engine.types import FloatArray, MemoryVersion, Relation, Scope

_BYTES = 16


def vector_digest(version: MemoryVersion, vector: FloatArray) -> bytes:
    """Of what the vector index holds of a memory: the whole version, and its vector, float32 (d,), bit for bit."""
    return _digest(
        [
            *_identity(version.memory_id, version.project, version.scope, version.live_from),
            version.text,
            version.version,
            version.created_at_us,
            version.updated_at_us,
            version.role,
            version.name,
            _ordered(version.metadata),
            list(version.categories),
            version.expiration_date,
            None if version.entities is None else [(one.name, one.kind) for one in version.entities],
            [_edge(one) for one in version.relations],
            list(version.sources),
            None if version.flag is None else [version.flag.doubt.value, version.flag.memory_id],
            np.ascontiguousarray(vector, dtype="<f4").tobytes(),
        ]
    )


def graph_digest(version: MemoryVersion) -> bytes | None:
    """Of what the graph holds of a memory. None: nobody has looked for the memory's entities yet."""
    if version.entities is None:
        return None
    return contribution_digest(
        memory_id=version.memory_id,
        project=version.project,
        scope=version.scope,
        position=version.live_from,
        keys=(entity.key for entity in linked(version.entities, version.relations)),
        relations=linking(version.relations),
        created_at_us=version.created_at_us,
        expires=version.expiration_date,
    )


def contribution_digest(
    *,
    memory_id: str,
    project: str,
    scope: Scope,
    position: int,
    keys: Iterable[str],
    relations: Iterable[Relation],
    created_at_us: int,
    expires: str | None,
) -> bytes:
    """The same, of its parts. `keys`: of all entities that are linked, the ends of relations among them."""
    return _digest(
        [
            *_identity(memory_id, project, scope, position),
            sorted(set(keys)),
            sorted(map(_edge, relations), key=repr),
            created_at_us,
            expires,
        ]
    )


def _identity(memory_id: str, project: str, scope: Scope, position: int) -> list[Any]:
    return [memory_id, project, [scope.user_id, scope.agent_id, scope.app_id, scope.run_id], position]


def _edge(relation: Relation) -> list[Any]:
    return [
        relation.source,
        relation.relationship,
        relation.target,
        relation.valid_at_us,
        relation.invalid_at_us,
    ]


def _ordered(value: Any) -> Any:
    """Mappings by key: two stores may keep them in different orders."""
    if isinstance(value, Mapping):
        return [[key, _ordered(value[key])] for key in sorted(value)]
    if isinstance(value, list | tuple):
        return [_ordered(one) for one in value]
    return value


def _digest(values: list[Any]) -> bytes:
    return hashlib.blake2b(msgpack.packb(values, unicode_errors="surrogatepass"), digest_size=_BYTES).digest()
