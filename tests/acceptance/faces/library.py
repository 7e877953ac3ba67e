"""`remora.Memory` and `remora.AsyncMemory`, in this process, by the runtime's HTTP address."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any

from remora import AsyncMemory, Memory
from remora.errors import RemoraError
from tests.acceptance.faces.face import Refused

CLASSES = {
    "invalid_input": ["InvalidInput", "RemoraError", "ValueError"],
    "not_found": ["NotFound", "RemoraError", "LookupError"],
    "purged": ["Purged", "RemoraError"],
    "conflict": ["Conflict", "RemoraError"],
    "too_large": ["TooLarge", "RemoraError"],
    "unavailable": ["Unavailable", "RemoraError"],
    "internal": ["RemoraError"],
    "deadline_exceeded": ["DeadlineExceeded", "RemoraError", "TimeoutError"],
}
"""The class that a code is raised as, and what else a caller may catch it by."""


def refusal(code: str, message: str, classes: Sequence[str]) -> Refused:
    """A refusal, when its classes are those of its code."""
    assert classes[0] == CLASSES[code][0], (code, classes)
    assert set(CLASSES[code]) <= {*classes}, (code, classes)
    return Refused(code, message)


def present(verb: str, answer: Any) -> Any:
    """An answer, where the others refuse: `get` answers None for what isn't there, as Mem0's does."""
    if verb == "get" and answer is None:
        raise Refused("not_found", "Memory not found!")
    return answer


def _refused(error: RemoraError) -> Refused:
    return refusal(error.code, error.message, [kind.__name__ for kind in type(error).__mro__])


class MemoryFace:
    """`Memory(url)`."""

    name = "memory"
    lacks: frozenset[str] = frozenset()

    def __init__(self, url: str) -> None:
        self._memory = Memory(url)

    def call(self, verb: str, *arguments: Any, **fields: Any) -> Any:
        try:
            return present(verb, getattr(self._memory, verb)(*arguments, **fields))
        except RemoraError as error:
            raise _refused(error) from error

    def close(self) -> None:
        self._memory.close()


class AsyncMemoryFace:
    """`AsyncMemory(url)`, on an event loop of its own."""

    name = "async-memory"
    lacks: frozenset[str] = frozenset()

    def __init__(self, url: str) -> None:
        self._runner = asyncio.Runner()
        self._memory = AsyncMemory(url)

    def call(self, verb: str, *arguments: Any, **fields: Any) -> Any:
        return self._runner.run(self._call(verb, arguments, fields))

    def close(self) -> None:
        self._runner.run(self._memory.close())
        self._runner.close()

    async def _call(self, verb: str, arguments: tuple[Any, ...], fields: dict[str, Any]) -> Any:
        try:
            return present(verb, await getattr(self._memory, verb)(*arguments, **fields))
        except RemoraError as error:
            raise _refused(error) from error
