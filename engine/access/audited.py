"""The memory system, with what takes the role admin written down."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from typing import Any, Final, cast

from engine.access.audit import AuditLog
from engine.api import MemoryApi
from engine.errors import RemoraError
from engine.types import DEFAULT_PROJECT

_log = logging.getLogger("remora.audit")
_NAMED: Final = (
    "memory_id", "user_id", "agent_id", "app_id", "run_id", "repair", "since", "dry_run", "idempotency_key",
)  # fmt: skip
AUDITED: Final = frozenset(
    {
        "purge",
        "set_ranking",
        "set_inference",
        "merge_entities",
        "split_entity",
        "reinfer",
        "verify",
        "rebuild",
    }
)
"""The verbs that are written down."""


def audited(api: MemoryApi, log: AuditLog, who: str, project: str | None, clock: Callable[[], float]) -> MemoryApi:
    """The same memory system; what `AUDITED` names is written down when it is over, also what was refused.

    Args:
        api: any, held to whoever asks.
        log: takes the entries.
        who: a key's id, `server` or `local`.
        project: the asker's; None: as a call says.
        clock: unix seconds.
    """
    return cast(MemoryApi, _Audited(api, log, who, project, clock))


class _Audited:
    """Every verb as it is, and some with a witness."""

    def __init__(
        self, api: MemoryApi, log: AuditLog, who: str, project: str | None, clock: Callable[[], float]
    ) -> None:
        self._api = api
        self._log = log
        self._who = who
        self._project = project
        self._clock = clock

    def __getattr__(self, verb: str) -> Any:
        ask = getattr(self._api, verb)
        return self._witnessed(verb, ask) if verb in AUDITED else ask

    def _witnessed(self, verb: str, ask: Callable[..., Awaitable[Any]]) -> Callable[..., Awaitable[Any]]:
        async def call(*arguments: Any, **fields: Any) -> Any:
            outcome = "unknown"
            try:
                answer = await ask(*arguments, **fields)
                outcome = "ok"
            except RemoraError as error:
                outcome = error.code
                raise
            finally:
                await self._record(verb, outcome, fields)
            return answer

        return call

    async def _record(self, verb: str, outcome: str, fields: dict[str, Any]) -> None:
        project = self._project or fields.get("project") or DEFAULT_PROJECT
        about = {name: fields[name] for name in _NAMED if fields.get(name) is not None}
        entry = (self._clock(), self._who, verb, str(project), outcome)
        try:
            # Written even if whoever asked has gone: what was done was done.
            await asyncio.shield(asyncio.to_thread(self._log.record, *entry, **about))
        except OSError:  # It is done, and its caller must not think otherwise.
            _log.exception("%s by %s is not in the audit log", verb, self._who)
