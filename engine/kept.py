"""What projects have set: read once from where it is kept, then at hand."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Generic, TypeVar

ValueT = TypeVar("ValueT")

_MOST = 10_000
"""Projects that are kept in mind."""


class Kept(Generic[ValueT]):
    """A value of each project.

    Args:
        read: from where it is kept, by project.
        write: there, by epoch, project and value; durable when it returns.
    """

    def __init__(
        self,
        read: Callable[[str], Awaitable[ValueT]],
        write: Callable[[int, str, ValueT], Awaitable[None]],
    ) -> None:
        self._read = read
        self._write = write
        self._known: dict[str, ValueT] = {}
        self._changes = 0

    async def of(self, project: str) -> ValueT:
        """The value of a project. Raises what reading raises."""
        if project not in self._known:
            before = self._changes
            found = await self._read(project)
            if before != self._changes:  # Somebody has set one meanwhile: this may be the old one.
                return found
            if len(self._known) >= _MOST:
                self._known.clear()
            self._known[project] = found
        return self._known[project]

    async def put(self, epoch: int, project: str, value: ValueT) -> None:
        """Set it durably. Raises what writing raises."""
        try:
            await self._write(epoch, project, value)
        finally:  # Whether it was written isn't known after an error: it is read again.
            self._changes += 1
            self._known.pop(project, None)
