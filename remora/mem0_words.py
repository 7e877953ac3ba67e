"""What Mem0's library takes and Remora can't do as it is meant there: refused with what to do instead. Pure."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any

from remora.errors import InvalidInput


def day_of(expires: Any) -> Any:
    """A last day as it is sent: of a date or a time its day; everything else as it is, unchecked."""
    if isinstance(expires, datetime):
        return expires.date().isoformat()
    return expires.isoformat() if isinstance(expires, date) else expires


def refuse_model(llm: object) -> None:
    """A language model for one add.

    Raises:
        InvalidInput: there is one.
    """
    if llm is not None:
        raise InvalidInput(
            "llm can't be honoured: one model makes the facts of all adds. Name it as llm in the configuration or in "
            "the server's settings",
            {"field": "llm"},
        )


def refuse_reference_date(reference_date: object) -> None:
    """A day from which a question is meant.

    Raises:
        InvalidInput: there is one.
    """
    if reference_date is not None:
        raise InvalidInput(
            "reference_date can't be honoured, as in Mem0's library: name the day in the question. What was known at "
            "a time is as_of",
            {"field": "reference_date"},
        )
