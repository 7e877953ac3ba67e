"""Asking several shards at once, and by when."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Iterable
from typing import TypeVar

from engine.errors import RemoraError
from engine.operations import error_object
from engine.types import Json

T = TypeVar("T")

_LEAST_S = 0.001


class Until:
    """When a request that takes several steps has to be over."""

    def __init__(self, deadline_s: float) -> None:
        self._at = time.monotonic() + deadline_s

    def left(self) -> float:
        """Seconds, never less than a moment: the step that has no time left says so itself."""
        return max(self._at - time.monotonic(), _LEAST_S)


async def every(calls: Iterable[Awaitable[T]]) -> list[T]:
    """Every answer; when one fails, its error, after all have ended."""
    outcomes = await asyncio.gather(*calls, return_exceptions=True)
    for outcome in outcomes:
        if isinstance(outcome, BaseException):
            raise outcome
    return [outcome for outcome in outcomes if not isinstance(outcome, BaseException)]


async def or_error(call: Awaitable[T]) -> T | Json:
    """The answer, or the error as an answer."""
    try:
        return await call
    except RemoraError as error:
        return {"error": error_object(error)}


async def or_none(call: Awaitable[T], unless: type[RemoraError]) -> T | None:
    """The answer, or None where the error is of that kind."""
    try:
        return await call
    except unless:
        return None
