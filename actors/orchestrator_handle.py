"""The users' verbs over the orchestrators of a runtime, for any process that is connected to its Ray."""

from __future__ import annotations

import itertools
import time
from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

from actors.calls import Down
from actors.choice import by_load
from actors.line import Line, most_calls, patience
from actors.options import Address, Part
from actors.routing import likely_shard
from actors.verbs import MemoryVerbs, named
from engine.config import Settings
from engine.errors import DeadlineExceeded, Unavailable
from engine.types import Json

AnswerT = TypeVar("AnswerT")

_MARGIN_S = 2.0
"""How much longer a caller waits than it lets the orchestrator work, so that the orchestrator's own answer wins."""
_DOWN_S = 1.0
"""How long an orchestrator that was found down is asked last."""


class OrchestratorHandle(MemoryVerbs):
    """Every orchestrator answers everything; a call goes to the one that most likely has the answer itself.

    Concurrent calls travel together. While an orchestrator restarts, calls wait within their deadline; a read that any
    may answer goes to another. A write always carries an idempotency key (made here if the caller gave none), so
    sending it again has one effect.

    Can be pickled, and used from any number of event loops and threads.

    Args:
        namespace: of the runtime, in Ray.
        shards: how many it has. With fewer than there are, answers are the same, by way of fewer orchestrators.
        deadline_s: for a call that names none.
        most: calls under way at once to one orchestrator; one more is refused.
    """

    def __init__(self, namespace: str, shards: int, deadline_s: float, most: int) -> None:
        self._made_of = (namespace, shards, deadline_s, most)
        self._deadline_s = deadline_s
        found = [Address(Part.ORCHESTRATOR, namespace, shard) for shard in range(shards)]
        self._lines = [Line(address, deadline_s, most=most) for address in found]
        self._down_until_s = [0.0] * shards
        self._turn = itertools.count()

    def __reduce__(self) -> tuple[type[OrchestratorHandle], tuple[str, int, float, int]]:
        return OrchestratorHandle, self._made_of

    async def status(self) -> dict[str, Any]:
        answer: dict[str, Any] = await self._anyone(
            lambda line, deadline_s, again: line.remote.ask(
                lambda actor: actor.status.remote(), deadline_s=deadline_s, again=again
            ),
            self._deadline_s,
        )
        return answer

    async def _read(self, verb: str, args: tuple[Any, ...], fields: Json) -> Any:
        deadline_s = patience(fields, self._deadline_s, _MARGIN_S)
        shard = likely_shard(verb, args, fields, len(self._lines))
        if shard is not None:
            return await self._lines[shard].call(verb, args, fields, deadline_s=deadline_s)
        return await self._anyone(
            lambda line, left_s, again: line.call(verb, args, fields, deadline_s=left_s, again=again), deadline_s
        )

    async def _write(self, verb: str, args: tuple[Any, ...], fields: Json) -> Any:
        """Sent to one orchestrator only, which is waited for: it may have taken the write before it died."""
        keyed = named(fields)
        shard = likely_shard(verb, args, fields, len(self._lines))
        line = self._lines[self._order()[0] if shard is None else shard]
        try:
            return await line.call(verb, args, keyed, deadline_s=patience(fields, self._deadline_s, _MARGIN_S))
        except (DeadlineExceeded, Unavailable) as error:
            if "idempotency_key" in error.details:  # Said already, by the orchestrator that sent it on.
                raise
            raise Unavailable(
                f"{error.message}; whether it was accepted is not known: send it again with this idempotency key",
                {**error.details, "idempotency_key": keyed["idempotency_key"]},
            ) from error

    async def _anyone(self, call: Callable[[Line, float, bool], Awaitable[AnswerT]], deadline_s: float) -> AnswerT:
        """The answer of the first that is there; when none is, of the best one as soon as it is back."""
        until_s = time.monotonic() + deadline_s
        first, *others = order = self._order()
        for one in order if others else ():
            try:
                return await call(self._lines[one], until_s - time.monotonic(), False)
            except Down:
                self._down_until_s[one] = time.monotonic() + _DOWN_S
        return await call(self._lines[first], until_s - time.monotonic(), True)

    def _order(self) -> list[int]:
        busy = [line.outstanding for line in self._lines]
        return by_load(busy, self._down_until_s, time.monotonic(), next(self._turn) % len(self._lines))


def connect(settings: Settings) -> OrchestratorHandle:
    """The users' verbs of a running runtime. Ray has to be connected; nothing is looked up yet."""
    runtime = settings.runtime
    return OrchestratorHandle(runtime.namespace, settings.shards, runtime.deadline_s, most_calls(settings))
