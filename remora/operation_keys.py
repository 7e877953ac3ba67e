"""The key of a change, which callers may give under two names. Pure."""

from __future__ import annotations

from typing import Any

from remora.errors import InvalidInput


def key_of(idempotency_key: Any, operation_id: Any) -> Any:
    """The one that is given, unchecked; None: neither.

    Raises:
        InvalidInput: both are, and they differ.
    """
    if idempotency_key is not None and operation_id is not None and idempotency_key != operation_id:
        raise InvalidInput(
            "operation_id is another name for idempotency_key: give one of them", {"field": "operation_id"}
        )
    return operation_id if idempotency_key is None else idempotency_key
