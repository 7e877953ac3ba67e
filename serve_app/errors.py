"""Errors as HTTP: the status, the body and the headers of each. The errors themselves live in `engine/errors.py`."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from engine import errors
from engine.types import Json

BAD_REQUEST = 400


class NotBuilt(errors.RemoraError):
    """What other systems do at this place, and Remora doesn't."""

    code = "not_implemented"


class NoLanguageModel(errors.Unavailable):
    """A chat, and no language model is set to answer it."""


class UpstreamUnavailable(errors.Unavailable):
    """The language model's server can't be reached, or its answer broke off."""


class UpstreamLate(errors.DeadlineExceeded):
    """The language model's server is silent for too long."""


_STATUS: dict[type[errors.RemoraError], int] = {
    errors.InvalidInput: BAD_REQUEST,
    errors.Unauthorized: 401,
    errors.Forbidden: 403,
    errors.NotFound: 404,
    errors.Conflict: 409,
    errors.Purged: 410,
    errors.TooLarge: 413,
    errors.RateLimited: 429,
    errors.Overloaded: 429,
    errors.InvariantViolated: 500,
    NotBuilt: 501,
    UpstreamUnavailable: 502,
    errors.Unavailable: 503,
    errors.DeadlineExceeded: 504,
}
_CODE_OF_STATUS = {400: "invalid_input", 404: "not_found", 405: "method_not_allowed", 413: "too_large"}
_COME_BACK = frozenset({429, 503})
_RETRY_AFTER_S = 1

INTERNAL_DETAIL = "Something went wrong inside Remora. Its log says more under this request_id."


def status_of(error: errors.RemoraError) -> int:
    """The HTTP status of an error; a class without an entry has that of its nearest base, at last 500."""
    return next((_STATUS[kind] for kind in type(error).__mro__ if kind in _STATUS), 500)


def code_of(status: int) -> str:
    """The `code` for an answer that the web framework makes itself."""
    return _CODE_OF_STATUS.get(status, "http_error" if status < 500 else "internal")


def body(detail: str, code: str, request_id: str, details: Mapping[str, Any] | None = None) -> Json:
    """The one shape of every error answer; `error` repeats `detail` for clients that look there."""
    return {"detail": detail, "error": detail, "code": code, "details": dict(details or {}), "request_id": request_id}


def body_of(error: errors.RemoraError, request_id: str) -> Json:
    """The answer to `error`. One of status 500 says nothing of what is inside."""
    if status_of(error) == 500:
        return body(INTERNAL_DETAIL, error.code, request_id)
    return body(error.message, error.code, request_id, error.details)


def headers_of(error: errors.RemoraError) -> dict[str, str]:
    """`Retry-After` in whole seconds (the SDKs take no fraction) and the challenge that a 401 must carry."""
    status = status_of(error)
    if status == 401:
        return {"www-authenticate": "Token, Bearer"}
    if status in _COME_BACK:
        waits = {"retry-after": str(_whole_seconds(error.details.get("retry_after_s")))}
        return waits | (rate_headers(error.details.get("rate", {})))
    return {}


def rate_headers(rate: Mapping[str, int]) -> dict[str, str]:
    """`X-RateLimit-…`, of `limit`, `remaining` and `reset`."""
    return {f"x-ratelimit-{name}": str(value) for name, value in rate.items()}


def _whole_seconds(wait_s: object) -> int:
    if isinstance(wait_s, int | float) and math.isfinite(wait_s):
        return max(_RETRY_AFTER_S, math.ceil(wait_s))
    return _RETRY_AFTER_S
