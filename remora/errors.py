"""What every face of Remora raises, and what the command line exits with. They are told apart by class or `code`.

Each is an error of `remora.exceptions` too, which has Mem0's names.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from remora.exceptions import (
    AuthenticationError,
    MemoryError,
    MemoryNotFoundError,
    MemoryQuotaExceededError,
    NetworkError,
    RateLimitError,
    ValidationError,
)

OTHER = 1

# For scripts: 2 the call is wrong, 3 there is no such thing, 4 try again when it runs, 5 try again later.
EXIT_CODES: Mapping[str, int] = {
    "invalid_input": 2,
    "too_large": 2,
    "conflict": 2,
    "not_found": 3,
    "purged": 3,
    "unavailable": 4,
    "stale_epoch": 4,
    "deadline_exceeded": 4,
    "overloaded": 5,
    "rate_limited": 5,
}

_ADVICE: Mapping[str, str] = {
    "unauthorized": "Give a key: --api-key KEY, or REMORA_API_KEY in the environment.",
    "forbidden": "This key may not do that; use another one: --api-key KEY, or REMORA_API_KEY in the environment.",
    "unavailable": "Is it running? `remora status` tells, `remora serve` starts it.",
    "deadline_exceeded": "It runs but is slow; `remora status` shows what waits.",
    "overloaded": "Nothing was stored. Try again in {retry_after_s} s.",
    "rate_limited": "Try again in {retry_after_s} s.",
}


class RemoraError(MemoryError):
    """A call that Remora refused, that failed, or that didn't reach one.

    `message`, `details` and `code` are those of the runtime, whatever way the call took; `request_id` finds a call
    over HTTP in the server's log.
    """

    code: str = "internal"

    def __init__(self, message: str, details: Mapping[str, Any] | None = None, request_id: str | None = None) -> None:
        known = dict(details or {})
        debug = {"request_id": request_id, "retry_after": known.get("retry_after_s")}
        said = {name: value for name, value in debug.items() if value is not None}
        MemoryError.__init__(self, message, self.code, known, advice(self.code, message, known), said)
        self.request_id = request_id

    def __str__(self) -> str:
        return self.message

    def __reduce__(self) -> tuple[Any, ...]:
        return error_of, (self.code, self.message, self.details, self.request_id)


class InvalidInput(RemoraError, ValidationError, ValueError):
    """The call itself is wrong; making it again can't help."""

    code = "invalid_input"


class Unauthorized(RemoraError, AuthenticationError):
    """No key, or one that isn't known."""

    code = "unauthorized"


class Forbidden(RemoraError, AuthenticationError):
    """A known key that may not do this."""

    code = "forbidden"


class NotFound(RemoraError, MemoryNotFoundError, LookupError, ValueError):
    """No such thing. A ValueError too, as it is where Mem0's library changes a memory that isn't there."""

    code = "not_found"


class Conflict(RemoraError, ValidationError):
    """It contradicts what is there: a reused idempotency key, a text that exists already, a port that is taken."""

    code = "conflict"


class Purged(RemoraError, MemoryNotFoundError):
    """It was here and its content has been erased for good."""

    code = "purged"


class TooLarge(RemoraError, MemoryQuotaExceededError):
    """Over a limit that is named in the details."""

    code = "too_large"


class RateLimited(RemoraError, RateLimitError):
    """This caller sends too much; `details["retry_after_s"]` says when to come back."""

    code = "rate_limited"


class Overloaded(RemoraError, RateLimitError):
    """The runtime is full; `details["retry_after_s"]` says when to come back. Nothing was accepted."""

    code = "overloaded"


class Unavailable(RemoraError, NetworkError):
    """Nothing answers, or a part that is needed is down; the same call may work later.

    Of a write that may have been accepted, `details["idempotency_key"]` is the key to send it again with.
    """

    code = "unavailable"


class DeadlineExceeded(RemoraError, NetworkError, TimeoutError):
    """The call's time is up."""

    code = "deadline_exceeded"


_BY_CODE: Mapping[str, type[RemoraError]] = {
    kind.code: kind
    for kind in (
        InvalidInput,
        Unauthorized,
        Forbidden,
        NotFound,
        Conflict,
        Purged,
        TooLarge,
        RateLimited,
        Overloaded,
        Unavailable,
        DeadlineExceeded,
    )
} | {"stale_epoch": Unavailable}


def error_of(
    code: str, message: str, details: Mapping[str, Any] | None = None, request_id: str | None = None
) -> RemoraError:
    """The error that a runtime's `code` names; a code without a class of its own keeps its name."""
    error = _BY_CODE.get(code, RemoraError)(message, details, request_id)
    error.code = error.error_code = code
    return error


def exit_code(code: str) -> int:
    """The process's exit code for an error code."""
    return EXIT_CODES.get(code, OTHER)


def advice(code: str, message: str, details: Mapping[str, Any]) -> str | None:
    """What to do next, where the message alone doesn't say it: by no command of ours."""
    if (hint := _ADVICE.get(code)) is None or "`remora " in message:
        return None
    return hint.format(retry_after_s=details.get("retry_after_s", "a few"))
