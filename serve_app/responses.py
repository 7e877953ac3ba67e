"""JSON answers."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import orjson
from starlette.responses import Response

from engine.types import Json

ACCEPTED = 202
_GOES_ON = frozenset({"PENDING", "RUNNING"})


class JsonResponse(Response):
    """An answer as JSON, by orjson: no float that isn't one, no text that isn't Unicode."""

    media_type = "application/json"

    def render(self, content: Any) -> bytes:
        """The bytes of the body."""
        return orjson.dumps(content)


class ErrorResponse(Response):
    """An error as JSON. It may quote what can't be written as UTF-8 or JSON, so it always finds a way to write it."""

    media_type = "application/json"

    def render(self, content: Any) -> bytes:
        """The bytes of the body, ASCII where it must be."""
        try:
            return orjson.dumps(content, default=str)
        except TypeError:
            return json.dumps(content, default=str, allow_nan=True).encode("ascii")


def answer(content: Mapping[str, Any]) -> JsonResponse:
    """200, or 202 for a write that is accepted and goes on by itself."""
    return JsonResponse(content, status_code=status_code_of(content))


def accepted(content: Mapping[str, Any]) -> JsonResponse:
    """202: what was asked for goes on by itself."""
    return JsonResponse(content, status_code=ACCEPTED)


def status_code_of(content: Mapping[str, Any]) -> int:
    """The HTTP status of a good answer."""
    return ACCEPTED if content.get("status") in _GOES_ON else 200


def page(content: Json, next_url: str | None, previous_url: str | None) -> JsonResponse:
    """A page of a list, with the addresses of its neighbours."""
    return JsonResponse({**content, "next": next_url, "previous": previous_url})
