"""One orchestrator as its clients reach it: concurrent calls travel together, from any number of event loops."""

from __future__ import annotations

import asyncio
import threading
import time
from typing import Any, Literal, TypeAlias, cast
from weakref import WeakKeyDictionary

from ray import ObjectRef

from actors.calls import Remote
from actors.exchange import Calls, Channel, Replies, Send
from actors.options import Address
from engine.config import Settings
from engine.gate import Gate, Room

Door: TypeAlias = Literal["exchange", "peer_exchange"]
"""The orchestrator's method that takes the calls: everybody's, or that of the other orchestrators."""


class Line:
    """Calls of one process to one orchestrator. A channel belongs to an event loop, so each loop has its own.

    Args:
        address: of the orchestrator.
        deadline_s: for a call that names none.
        most: calls under way at once; one more is refused, so that a dead orchestrator gathers no endless queue.
        door: which method takes the calls.
    """

    def __init__(self, address: Address, deadline_s: float, *, most: int, door: Door = "exchange") -> None:
        self.remote: Remote[Any] = Remote(address, deadline_s)
        # Pickled sizes aren't known here yet: the other side counts them.
        self._gate = Gate(f"calls of {address.name}", Room(most, 0, 0), time.monotonic)
        self._door = door
        self._lock = threading.Lock()
        self._channels: WeakKeyDictionary[asyncio.AbstractEventLoop, Channel] = WeakKeyDictionary()

    @property
    def outstanding(self) -> int:
        """Calls under way."""
        return self._gate.pending

    async def call(
        self, verb: str, args: tuple[Any, ...], fields: dict[str, Any], *, deadline_s: float, again: bool = True
    ) -> Any:
        """The orchestrator's answer. `again` False: say at once when it is down.

        Raises:
            Down: it is away, and stayed so.
            DeadlineExceeded: it is there and did not answer in time.
            Overloaded: too many calls wait already; this one was not sent.
            RemoraError: what the call failed with.
        """
        channel = self._enter()
        try:
            return await self.remote.ask(
                lambda actor: channel.call(self._sender(actor), verb, args, fields), deadline_s=deadline_s, again=again
            )
        finally:
            with self._lock:
                self._gate.leave()

    def _enter(self) -> Channel:
        loop = asyncio.get_running_loop()
        with self._lock:
            self._gate.enter()
            channel = self._channels.get(loop)
            if channel is None:
                channel = self._channels[loop] = Channel()
            return channel

    def _sender(self, actor: Any) -> Send:
        exchange = getattr(actor, self._door)

        def send(name: str, calls: Calls) -> ObjectRef[Replies]:
            return cast("ObjectRef[Replies]", exchange.remote(name, calls))

        return send


def most_calls(settings: Settings) -> int:
    """How many calls of one process may wait for one orchestrator: more than it admits, so that its refusal wins."""
    return 2 * (settings.limits.pending_operations + settings.limits.pending_reads)


def patience(fields: dict[str, Any], deadline_s: float, margin_s: float) -> float:
    """How long to wait for an answer: the deadline that the call names, or ours if that is shorter, and the margin."""
    wanted = fields.get("deadline_s")
    # In this order nan is never taken: it is the orchestrator's to refuse, and would break the event loop's timers.
    limit = min(deadline_s, wanted) if isinstance(wanted, int | float) else deadline_s
    return max(limit, 0.0) + margin_s
