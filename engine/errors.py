"""The one error tree. Every error has a stable `code`, survives pickling, and crosses to strangers as a built-in type.

HTTP statuses live in `serve_app/errors.py`, not here.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar


class RemoraError(Exception):
    """Base of everything Remora raises on purpose.

    `builtin` is what strangers get instead. It is never an `OSError` (as PermissionError, ConnectionError and
    TimeoutError are): those take their third argument for a file name.
    """

    code: ClassVar[str] = "internal"
    builtin: ClassVar[type[Exception]] = RuntimeError

    def __init__(self, message: str, details: Mapping[str, Any] | None = None) -> None:
        self.message = message
        self.details: dict[str, Any] = dict(details or {})
        super().__init__(message, self.details)

    def __str__(self) -> str:
        return self.message

    def to_builtin(self) -> Exception:
        """The same error as a built-in exception with args `(code, message, details)`, for processes without Remora."""
        return self.builtin(self.code, self.message, self.details)


class InvalidInput(RemoraError):
    """The request itself is wrong; sending it again can't help."""

    code = "invalid_input"
    builtin = ValueError


class Unauthorized(RemoraError):
    """No key, or one that isn't known."""

    code = "unauthorized"


class Forbidden(RemoraError):
    """A known key that may not do this."""

    code = "forbidden"


class NotFound(RemoraError):
    """No such thing in this project."""

    code = "not_found"
    builtin = LookupError


class Conflict(RemoraError):
    """The request contradicts what is stored: a reused idempotency key, a text that exists already."""

    code = "conflict"
    builtin = ValueError


class Purged(RemoraError):
    """It was here and its content has been erased for good."""

    code = "purged"
    builtin = LookupError


class TooLarge(RemoraError):
    """Over a limit that is named in the details."""

    code = "too_large"
    builtin = ValueError


class RateLimited(RemoraError):
    """This caller sends too much; `details["retry_after_s"]` says when to come back."""

    code = "rate_limited"


class Overloaded(RemoraError):
    """The runtime is full; `details["retry_after_s"]` says when to come back. Nothing was accepted."""

    code = "overloaded"


class Unavailable(RemoraError):
    """A part that this request needs is down; the same request may work later."""

    code = "unavailable"


class DeadlineExceeded(RemoraError):
    """The request's time is up. Reads only: an accepted write answers with its operation id instead."""

    code = "deadline_exceeded"


class StaleEpoch(Unavailable):
    """A newer owner has taken over the shard: whoever gets this must stop writing."""

    code = "stale_epoch"


class InvariantViolated(RemoraError):
    """Something that can't happen did; a bug, or a damaged file."""

    code = "invariant_violated"


PASSING = (Unavailable, DeadlineExceeded, Overloaded)
"""Errors that the same request may not meet again."""


def _subclasses(root: type[RemoraError]) -> list[type[RemoraError]]:
    return [root, *(leaf for child in root.__subclasses__() for leaf in _subclasses(child))]


BY_CODE: dict[str, type[RemoraError]] = {error.code: error for error in _subclasses(RemoraError)}


def from_parts(code: str, message: str, details: Mapping[str, Any] | None = None) -> RemoraError:
    """The error that `code` names; an unknown code becomes a plain `RemoraError`."""
    return BY_CODE.get(code, RemoraError)(message, details)


def from_builtin(error: BaseException) -> RemoraError | None:
    """The error that `to_builtin` made `error` from, or None when it was not made so."""
    match error.args:
        case (str(code), str(message), dict(details)) if code in BY_CODE:
            return from_parts(code, message, details)
        case _:
            return None
