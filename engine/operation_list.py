"""Operations as their callers look them up: one, or a page of them."""

from __future__ import annotations

from collections.abc import Callable

from engine.answers import operation_object
from engine.errors import NotFound
from engine.ledger_port import Ledger, Operation, OperationKind
from engine.requests import OperationsRequest
from engine.types import Json, OperationState

_OPEN = frozenset({OperationState.PENDING, OperationState.RUNNING})
_EVERY_OPEN = 100_000
"""More than can be open at once: admission ends far below."""


class OperationList:
    """Answers what has become of operations.

    Args:
        ledger: where they are.
        is_running: whether this process is at work on an open one right now; the ledger doesn't know.
    """

    def __init__(self, ledger: Ledger, is_running: Callable[[str], bool]) -> None:
        self._ledger = ledger
        self._is_running = is_running

    async def one(self, project: str, operation_id: str | None, name: str) -> Json:
        """By its id, or by the name that its caller gave it; see `MemoryApi.operation`."""
        found = None if operation_id is None else await self._ledger.operation(project, operation_id)
        if found is None:
            found = await self._ledger.operation_named(project, name)
        return self._shown(_callers_own(found, name))

    async def known(self, project: str, operation_id: str) -> Operation:
        """The operation as the ledger has it.

        Raises:
            NotFound: there is none, or it is no caller's own.
        """
        return _callers_own(await self._ledger.operation(project, operation_id), operation_id)

    async def page(self, request: OperationsRequest) -> Json:
        """See `MemoryApi.operations`."""
        offset = (request.page - 1) * request.page_size
        if request.state in _OPEN:
            count, shown = await self._open(request, offset)
        else:
            states = frozenset(OperationState) if request.state is None else frozenset({request.state})
            found = await self._ledger.operations(
                request.call.project, request.scope, states, offset, request.page_size
            )
            count, shown = found.count, [self._shown(one) for one in found.operations]
        return {"count": count, "page": request.page, "page_size": request.page_size, "results": shown}

    async def _open(self, request: OperationsRequest, offset: int) -> tuple[int, list[Json]]:
        """Which of the open ones are being worked on is known here only, so all of them are looked at."""
        found = await self._ledger.operations(request.call.project, request.scope, _OPEN, 0, _EVERY_OPEN)
        wanted = request.state is OperationState.RUNNING
        rows = [one for one in found.operations if self._runs(one) is wanted]
        return len(rows), [self._shown(one) for one in rows[offset : offset + request.page_size]]

    def _shown(self, operation: Operation) -> Json:
        return operation_object(operation, running=self._runs(operation))

    def _runs(self, operation: Operation) -> bool:
        """Whether it is at work on, or waits for its facts."""
        at_work = operation.state in _OPEN and self._is_running(operation.id)
        return at_work or operation.state is OperationState.RUNNING


def _callers_own(found: Operation | None, asked: str) -> Operation:
    if found is None or found.kind is OperationKind.CLAIM:
        raise NotFound("Operation not found!", {"operation_id": asked})
    return found
