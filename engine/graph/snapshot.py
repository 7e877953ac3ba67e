"""The snapshot file of a graph index: what each memory contributes, and the position. Nothing of networkx is in it."""

from __future__ import annotations

import glob
import hashlib
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import msgpack

from engine.graph.contribution import Contribution
from engine.types import SCOPE_FIELDS, Entity, Relation, Scope

_FORMAT: Final = "remora-graph"
_VERSION: Final = 3
_ASIDE: Final = ".damaged-"


class Damaged(ValueError):
    """The file can't be used; the message says why."""


@dataclass(frozen=True, slots=True)
class Snapshot:
    """An index at a position."""

    position: int
    memories: tuple[Contribution, ...]


def encode(shard: int, position: int, memories: Sequence[Contribution]) -> bytes:
    """The bytes of a snapshot: a msgpack map around the packed contents and their BLAKE2b checksum."""
    body = _pack({"position": position, "memories": [_row(memory) for memory in memories]})
    return _pack({"format": _FORMAT, "version": _VERSION, "shard": shard, "checksum": _checksum(body), "body": body})


def decode(shard: int, raw: bytes) -> Snapshot:
    """What `encode` made of the same shard.

    Raises:
        Damaged: it didn't make this.
    """
    try:
        outer = _unpack(raw)
        if not isinstance(outer, dict) or outer.get("format") != _FORMAT:
            raise Damaged("it is not a graph snapshot")
        if outer.get("version") != _VERSION or outer.get("shard") != shard:
            raise Damaged(f"it is of version {outer.get('version')!r} and shard {outer.get('shard')!r}")
        if outer["checksum"] != _checksum(outer["body"]):
            raise Damaged("its checksum is wrong")
        contents = _unpack(outer["body"])
        return Snapshot(contents["position"], tuple(_memory(row) for row in contents["memories"]))
    except Damaged:
        raise
    except (msgpack.UnpackException, ValueError, TypeError, KeyError) as error:
        raise Damaged(f"it can't be read ({type(error).__name__})") from error


def write(path: Path, raw: bytes) -> None:
    """Put `raw` at `path`, durably: after a crash there is the old file or the new one, whole.

    Raises:
        OSError: it can't be written; the old file is still there.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    beside = unfinished(path)
    with beside.open("wb") as file:
        file.write(raw)
        file.flush()
        os.fsync(file.fileno())
    beside.replace(path)
    _sync_folder(path.parent)


def unfinished(path: Path) -> Path:
    """The file beside it in which the next one is written."""
    return path.with_name(path.name + ".new")


def kept_aside(path: Path) -> list[Path]:
    """The files that were set aside."""
    return sorted(path.parent.glob(f"{glob.escape(path.name)}{_ASIDE}*"))


def remove(path: Path) -> None:
    """Let a file be gone, durably; one that isn't there is fine. A folder in its place is none of ours: it stays.

    Raises:
        OSError: it can't be removed.
    """
    if path.is_dir() or not path.exists():
        return
    path.unlink()
    _sync_folder(path.parent)


def set_aside(path: Path) -> Path:
    """Rename a file that can't be used to the first free `*.damaged-<n>` and say where it is now."""
    number = 1
    while (kept := path.with_name(f"{path.name}{_ASIDE}{number}")).exists():
        number += 1
    path.rename(kept)
    _sync_folder(path.parent)
    return kept


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _pack(value: Any) -> bytes:
    # A text that got in before such texts were refused must not make every later snapshot fail.
    packed: bytes = msgpack.packb(value, unicode_errors="surrogatepass")
    return packed


def _unpack(raw: bytes) -> Any:
    return msgpack.unpackb(raw, unicode_errors="surrogatepass")


def _checksum(body: bytes) -> bytes:
    return hashlib.blake2b(body, digest_size=16).digest()


def _row(memory: Contribution) -> list[Any]:
    return [
        memory.memory_id,
        memory.project,
        [getattr(memory.scope, name) for name in SCOPE_FIELDS],
        memory.position,
        [(entity.name, entity.kind) for entity in memory.entities],
        [(r.source, r.relationship, r.target, r.valid_at_us, r.invalid_at_us) for r in memory.relations],
        memory.created_at_us,
        memory.expires,
    ]


def _memory(row: list[Any]) -> Contribution:
    memory_id, project, ids, position, entities, relations, created_at_us, expires = row
    return Contribution(
        memory_id,
        project,
        Scope(*ids),
        position,
        tuple(Entity(*entity) for entity in entities),
        tuple(Relation(*relation) for relation in relations),
        created_at_us,
        expires,
    )
