"""What every actor shell has: its port, built once, its counters, its health calls. Verbs live in the shells."""

from __future__ import annotations

import os
import time
import uuid
from collections.abc import Callable, Mapping, Sequence
from typing import Generic, Protocol, TypeVar, runtime_checkable

import ray

from actors.options import FAULTS_VARIABLE, HEALTH, VERSION, Address
from actors.restarts import restarts
from actors.vitals import Vitals
from engine.call_figures import CallFigures
from engine.config import Settings
from engine.errors import InvalidInput, RemoraError
from engine.faults import FAULTS, Fault
from engine.types import Json

PortT = TypeVar("PortT")


@runtime_checkable
class Counting(Protocol):
    """A port that counts its own work, as model calls or transactions."""

    def counters(self) -> Mapping[str, int]: ...


@runtime_checkable
class Queueing(Protocol):
    """A port with queues of its own."""

    def queues(self) -> Mapping[str, Json]: ...


@runtime_checkable
class Noticing(Protocol):
    """A port that tells what somebody should know, as what went wrong and was dealt with."""

    @property
    def notices(self) -> Sequence[str]: ...


class Shell(Generic[PortT]):
    """One owner of one port. Built when the actor starts; if that fails, again at the next call.

    So a part that can't start (no such model, database down) answers with its own error instead of dying in a loop.
    """

    def __init__(self, address: Address, settings: Settings, build: Callable[[], PortT]) -> None:
        self._address = address
        self._data_dir = str(settings.data_dir)
        self._build = build
        self._port: PortT | None = None
        self._incarnation = uuid.uuid4().hex
        self._calls = CallFigures()
        self._vitals = Vitals()
        self._node = ray.get_runtime_context().get_node_id()
        self._restarts = restarts()
        FAULTS.enabled = os.environ.get(FAULTS_VARIABLE) == "1"
        started = time.perf_counter()
        self._try_to_build()
        self._built_in_s = time.perf_counter() - started

    def _try_to_build(self) -> None:
        try:
            self._port = self._build()
        except RemoraError:
            self._port = None

    async def enter(self, verb: str) -> PortT:
        """Count the call, take the fault that is armed for it, and hand out the port.

        Raises:
            RemoraError: the port can't be built; the error of `build`.
        """
        self._vitals.watch()
        self._calls.begin(verb)
        await FAULTS.reach(f"{self._address.part}.{verb}")
        if self._port is None:
            self._port = self._build()
        return self._port

    @ray.method(concurrency_group=HEALTH)
    async def ping(self) -> str:
        """This life of the actor."""
        return self._incarnation

    @ray.method(concurrency_group=HEALTH)
    async def describe(self) -> Json:
        """Name, version, place, process, calls and the port's own figures; `docs/operations.md` explains each name."""
        port = self._port
        return {
            "name": self._address.name,
            "part": str(self._address.part),
            "index": self._address.index,
            "version": VERSION,
            "data_dir": self._data_dir,
            "node": self._node,
            "incarnation": self._incarnation,
            "ready": port is not None,
            "restarts": self._restarts,
            "built_in_s": round(self._built_in_s, 3),
            **self._vitals.figures(),
            **self._calls.figures(),
            "counters": dict(port.counters()) if isinstance(port, Counting) else {},
            "queues": dict(port.queues()) if isinstance(port, Queueing) else {},
            "notices": list(port.notices) if isinstance(port, Noticing) else [],
            **self._more(),
        }

    def _more(self) -> Json:
        """What else an actor says of itself; called from the thread of the health calls."""
        return {}

    @ray.method(concurrency_group=HEALTH)
    async def inject(
        self, verb: str, delay_s: float = 0.0, fail: bool = False, crash: bool = False, times: int | None = None
    ) -> None:
        """Arm a fault at a verb of this actor; refused unless the runtime was started with REMORA_FAULTS=1.

        Raises:
            Forbidden: it wasn't.
            InvalidInput: the actor has no such verb.
        """
        if "." not in verb and not hasattr(self, verb):
            raise InvalidInput(f"{self._address.name} has no verb {verb!r}", {"verb": verb})
        FAULTS.arm(f"{self._address.part}.{verb}", Fault(delay_s=delay_s, fail=fail, crash=crash, times=times))

    @ray.method(concurrency_group=HEALTH)
    async def inject_point(self, point: str, fault: Fault) -> None:
        """Arm a fault at any point of this process (`engine.faults.WRITE_POINTS` are the orchestrator's); refused as
        `inject` is, and for a point that there isn't."""
        FAULTS.arm(point, fault)

    @ray.method(concurrency_group=HEALTH)
    async def arrival(self, point: str, within_s: float) -> int:
        """Wait until somebody has met the fault at an armed point; how often that has happened."""
        return await FAULTS.arrival(point, within_s)

    @ray.method(concurrency_group=HEALTH)
    async def disarm(self, point: str | None = None) -> None:
        """Take one fault of this process back, or all of them; whoever waits there goes on."""
        FAULTS.disarm(point)
