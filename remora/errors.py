"""What the command line and the client raise and exit with. Errors are told apart by their stable `code`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

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


class CallError(Exception):
    """A call that a running Remora refused, or that didn't reach one.

    `code`, `message` and `details` are those of the error body; `request_id` finds it in the server's log.
    """

    def __init__(
        self, code: str, message: str, details: Mapping[str, Any] | None = None, request_id: str | None = None
    ) -> None:
        self.code = code
        self.message = message
        self.details = dict(details or {})
        self.request_id = request_id
        super().__init__(code, message, self.details, request_id)

    def __str__(self) -> str:
        return self.message


def exit_code(code: str) -> int:
    """The process's exit code for an error code."""
    return EXIT_CODES.get(code, OTHER)


def advice(code: str, details: Mapping[str, Any]) -> str | None:
    """What to do next, where the message alone doesn't say it."""
    if (hint := _ADVICE.get(code)) is None:
        return None
    return hint.format(retry_after_s=details.get("retry_after_s", "a few"))
