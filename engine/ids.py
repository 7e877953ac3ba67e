"""Slots, operation ids and memory ids. Pure: the secret and the randomness are arguments.

An id is a UUID of version 8 whose first 12 bits are the slot, so an id alone says which shard knows it. The rest is
random (operations) or an HMAC-SHA-256 under the server's secret (memories): an operation that is repeated makes the
same memory ids, and nobody can guess another's.
"""

from __future__ import annotations

import hashlib
import hmac
import unicodedata
import uuid

from engine.errors import InvalidInput
from engine.types import Scope

SLOTS = 4096
_LONGEST_UUID = 64
_SLOT_BITS = 12
_MADE_UP = "made-up:"


def routing_key(project: str, scope: Scope) -> str:
    """Project and the first id of the scope, length-prefixed so that no two scopes share a key by accident."""
    name, value = scope.owner()
    return f"{len(project)}:{project}/{name}={value}"


def slot_of(key: str) -> int:
    """The slot of a routing key: BLAKE2b of its UTF-8 bytes, modulo 4096."""
    digest = hashlib.blake2b(key.encode(), digest_size=8).digest()
    return int.from_bytes(digest) % SLOTS


def shard_of(slot: int, shards: int) -> int:
    """The shard that a slot belongs to: shards own ranges of slots, as equal as can be."""
    return slot * shards // SLOTS


def first_slot(shard: int, shards: int) -> int:
    """The lowest slot of a shard."""
    return -(-shard * SLOTS // shards)


def key_home(project: str, key: str) -> str:
    """What gives the slot where an idempotency key is claimed; no routing key is spelled like this."""
    return f"{len(project)}:{project}/key/{key}"


def made_up_key(noise: bytes) -> str:
    """An idempotency key that a handle makes, so that it may send a request twice: nobody else uses it."""
    return _MADE_UP + noise.hex()


def is_made_up(key: str) -> bool:
    """Whether the key is one of `made_up_key`: no other request can have it, so nobody has to claim it."""
    return key.startswith(_MADE_UP)


def _uuid8(slot: int, noise: bytes) -> str:
    value = int.from_bytes(noise[:16]) & ((1 << (128 - _SLOT_BITS)) - 1)
    value |= slot << (128 - _SLOT_BITS)
    value = value & ~(0xF << 76) | (8 << 76)
    value = value & ~(0x3 << 62) | (2 << 62)
    return str(uuid.UUID(int=value))


def _mac(secret: bytes, *parts: str) -> bytes:
    message = b"".join(len(raw := part.encode()).to_bytes(4) + raw for part in parts)
    return hmac.new(secret, message, hashlib.sha256).digest()


def operation_id(slot: int, noise: bytes) -> str:
    """A fresh operation id; `noise` is 16 random bytes."""
    return _uuid8(slot, noise)


def whole_id(project: str, key: str) -> str:
    """The id of an operation over all shards: the same again for the same key, so the key may never be used again."""
    home = key_home(project, key)
    return _uuid8(slot_of(home), hashlib.sha256(f"whole/{home}".encode()).digest())


def part_id(whole: str, shard: int, shards: int) -> str:
    """The id of a shard's part of an operation over all shards."""
    return _uuid8(first_slot(shard, shards), hashlib.sha256(f"part/{whole}/{shard}".encode()).digest())


def memory_id(secret: bytes, operation: str, index: int) -> str:
    """The id of the memory that an operation makes at `index`: the same again whenever the operation is repeated."""
    return _uuid8(slot_in(operation), _mac(secret, "memory", operation, str(index)))


def slot_in(any_id: str) -> int:
    """The slot that an operation or memory id carries."""
    return uuid.UUID(any_id).int >> (128 - _SLOT_BITS)


def canonical_id(raw: object, what: str = "memory_id") -> str:
    """`raw` as a canonical UUID string.

    Raises:
        InvalidInput: it isn't a UUID. One that Remora never made is let through: it is simply not found.
    """
    if isinstance(raw, str) and len(raw) <= _LONGEST_UUID:
        try:
            return str(uuid.UUID(raw))
        except ValueError:
            pass
    raise InvalidInput(f"{what} should be a valid UUID", {"field": what})


def fingerprint(scope: Scope, role: str | None, name: str | None, text: str) -> bytes:
    """What makes two memories of a project the same one: exact scope, role, name and text (NFC, trimmed).

    16 bytes of BLAKE2b over the length-prefixed parts; an id that isn't set differs from an empty one.
    """
    digest = hashlib.blake2b(digest_size=16)
    for part in (scope.user_id, scope.agent_id, scope.app_id, scope.run_id, role, name, canonical_text(text)):
        raw = b"" if part is None else part.encode()
        digest.update(b"\0" if part is None else b"\1" + len(raw).to_bytes(4) + raw)
    return digest.digest()


def canonical_text(text: str) -> str:
    """The text as duplicates are compared: Unicode NFC, without white space at its ends."""
    return unicodedata.normalize("NFC", text).strip()
