"""Bulk requests: each item by itself, as the single request would take it. Pure; the routes ask the engine."""

from __future__ import annotations

import hashlib
import json
import logging
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from engine.errors import InvalidInput, RemoraError, TooLarge, from_parts
from engine.types import Json, JsonList
from serve_app.bodies import known, required
from serve_app.errors import body_of, status_of
from serve_app.responses import status_code_of

_KEY = "idempotency_key"
_KEY_CHARS = 255
_log = logging.getLogger("remora.http")


@dataclass(frozen=True, slots=True)
class Bulk:
    """The items of a bulk request in their order: what the engine is to be asked, or why it is not asked."""

    items: tuple[Json | RemoraError, ...]

    @property
    def asked(self) -> JsonList:
        """The items for the engine."""
        return [item for item in self.items if not isinstance(item, RemoraError)]

    def outcomes(self, answered: Sequence[Json], request_id: str) -> JsonList:
        """The outcome of each item; `answered`: what the engine said of those that it was asked."""
        answers = iter(answered)
        return [
            _refused(item, request_id) if isinstance(item, RemoraError) else _outcome(next(answers), request_id)
            for item in self.items
        ]


def bulk_of(body: Json, needed: str, names: Iterable[str], most: int, key: str | None = None) -> Bulk:
    """The items of a body.

    Args:
        body: the request's.
        needed: the field that each item must have.
        names: further fields that are taken from an item; all others are ignored, as in a single request.
        most: items that a request may have.
        key: the idempotency key of the whole request. An item without a key of its own gets one that follows from
            this one and from its place, so that the same list sent again has one effect.

    Raises:
        InvalidInput: there is no list of items, or it is empty, or the key is blank.
        TooLarge: there are too many, or the key is too long.
    """
    items = required(body, "items")
    if not isinstance(items, list) or not items:
        raise InvalidInput("items should be a list with at least one item", {"field": "items"})
    if len(items) > most:
        raise TooLarge(
            f"{len(items)} items, at most {most} in one request: send the rest in another. Nothing was done",
            {"field": "items", "limit": most},
        )
    if key is not None:
        _check_key(key)
    names = frozenset(names)
    return Bulk(tuple(_item(item, index, needed, names, key) for index, item in enumerate(items)))


def item_key(key: str, index: int) -> str:
    """The idempotency key of the item at a place in a request with this key; unlike any key that a caller would use."""
    return "bulk-" + hashlib.sha256(json.dumps([key, index]).encode()).hexdigest()


def _check_key(key: str) -> None:
    if not key.strip():
        raise InvalidInput("Idempotency-Key should not be blank", {"field": _KEY})
    if not key.isprintable():
        raise InvalidInput("Idempotency-Key holds control characters", {"field": _KEY})
    if len(key) > _KEY_CHARS:
        raise TooLarge(
            f"Idempotency-Key has {len(key)} characters, at most {_KEY_CHARS}", {"field": _KEY, "limit": _KEY_CHARS}
        )


def _item(item: object, index: int, needed: str, names: frozenset[str], key: str | None) -> Json | RemoraError:
    if not isinstance(item, dict):
        return InvalidInput("an item must be a JSON object", {"field": f"items[{index}]"})
    try:
        asked = {needed: required(item, needed), **known(item, names)}
    except RemoraError as error:
        return error
    if asked.get(_KEY) is None:
        asked.pop(_KEY, None)
        if key is not None:
            asked[_KEY] = item_key(key, index)
    return asked


def _outcome(answer: Mapping[str, Any], request_id: str) -> Json:
    error = answer.get("error")
    if error is None:
        return {"status_code": status_code_of(answer), "answer": answer}
    return _refused(from_parts(error["code"], error["message"], error["details"]), request_id)


def _refused(error: RemoraError, request_id: str) -> Json:
    status = status_of(error)
    if status == 500:
        _log.error("an item of request %s failed: %s", request_id, error, extra={"request_id": request_id})
    return {"status_code": status, "error": body_of(error, request_id)}
