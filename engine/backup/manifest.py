"""What a backup says of itself: one JSON file, written last, without which the directory is no backup. Pure.

`digest` is the SHA-256 of all else in it, so that a damaged manifest is told from a whole one.
"""

from __future__ import annotations

import hashlib
import json
from typing import Any

from pydantic import BaseModel, ConfigDict, ValidationError

from engine.errors import Conflict, InvariantViolated

NAME = "manifest.json"
FORMAT = 1


class DumpFile(BaseModel):
    """One shard's file. `position`, `memories` and `unfinished` as of the moment when it was read (`made_at`, UTC).

    `rows`: by table. `memories`: live ones. `unfinished`: operations that were accepted and not done.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str
    shard: int
    made_at: str
    position: int
    memories: int
    unfinished: int
    rows: dict[str, int]
    bytes: int
    sha256: str


class Manifest(BaseModel):
    """Of a whole backup. `remora`: the version that made it."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    format: int = FORMAT
    remora: str
    shards: int
    made_at: str
    files: tuple[DumpFile, ...]


def file_name(shard: int) -> str:
    """Of a shard's dump."""
    return f"ledger-{shard}.msgpack"


def encode(manifest: Manifest) -> str:
    """As JSON, for people too."""
    body = manifest.model_dump(mode="json")
    return json.dumps({**body, "digest": _digest(body)}, indent=2) + "\n"


def decode(text: str, place: str) -> Manifest:
    """What `encode` made.

    Raises:
        Conflict: a newer Remora made it.
        InvariantViolated: it is damaged.
    """
    try:
        body = json.loads(text)
        digest = body.pop("digest")
        sound = digest == _digest(body)
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
        raise _damaged(place, f"it can't be read ({type(error).__name__})") from error
    if not sound:
        raise _damaged(place, "its digest is wrong")
    if body.get("format") != FORMAT:
        raise Conflict(
            f"{place} has format {body.get('format')!r}, this Remora reads {FORMAT}: use Remora {body.get('remora')}"
        )
    return _checked(body, place)


def _checked(body: dict[str, Any], place: str) -> Manifest:
    try:
        manifest = Manifest.model_validate(body)
    except ValidationError as error:
        raise _damaged(place, str(error)) from error
    if [(one.shard, one.name) for one in manifest.files] != [(n, file_name(n)) for n in range(manifest.shards)]:
        raise _damaged(place, "it doesn't name one file for each shard")
    return manifest


def _digest(body: dict[str, Any]) -> str:
    return hashlib.sha256(json.dumps(body, sort_keys=True, separators=(",", ":")).encode()).hexdigest()


def _damaged(place: str, how: str) -> InvariantViolated:
    return InvariantViolated(f"{place} is damaged: {how}", {"file": place})
