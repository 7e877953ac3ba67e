"""The process that owns a runtime: it starts Ray, the actors and HTTP, and stops them. `runtime` starts and ends it.

When it dies, however it dies, the kernel ends its Ray processes; what may be left is ended at the next start.
"""

from __future__ import annotations

import asyncio
import importlib
import logging
import os
import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any

import ray

from actors.environment import AUTH_MODE, reachable
from actors.fleet import Fleet
from actors.leftovers import orphaned_haproxies
from actors.options import VERSION
from actors.order import Order
from actors.processes import ProcessId, descendants, end, identify
from actors.run_directory import Record, RunDirectory
from actors.serve_http import ServeHttp
from engine.concurrency import TaskSet

_log = logging.getLogger(__name__)

_OBJECT_STORE_BYTES = 256 * 1024 * 1024
_GRACE_S = 5.0


class Head:
    """One runtime, from the first Ray process to the last.

    `say` takes `{"step": text}` while it starts, then `{"ready": record}`.
    """

    def __init__(
        self, order: Order, port: int, dashboard_port: int, say: Callable[[dict[str, Any]], None], *, haproxy: bool
    ) -> None:
        self._order = order
        self._settings = order.settings
        self._say = say
        self._dashboard_port = dashboard_port
        self._haproxy = haproxy
        self._directory = RunDirectory(order.settings.data_dir)
        self._fleet = Fleet(order.settings, self._tell)
        self._http = ServeHttp(order.settings, port, haproxy=haproxy) if order.application else None
        self._stop = asyncio.Event()
        self._tasks = TaskSet()

    @property
    def _owns_ray(self) -> bool:
        return self._settings.runtime.address is None

    def start_ray(self) -> None:
        """Start Ray on loopback under our own short directory, or join the one that the settings name."""
        self._write("starting")
        self._tell("starting Ray" if self._owns_ray else f"joining Ray at {self._settings.runtime.address}")
        shared: dict[str, Any] = {
            "namespace": self._settings.runtime.namespace,
            "log_to_driver": False,
            "logging_level": logging.ERROR,
        }
        if not self._owns_ray:
            ray.init(address=self._settings.runtime.address, **shared)
            return
        with _free_agent_port():
            ray.init(
                address="local",
                include_dashboard=not self._order.attached,
                dashboard_host="127.0.0.1",
                dashboard_port=self._dashboard_port,
                object_store_memory=_OBJECT_STORE_BYTES,
                _temp_dir=str(self._directory.ray),
                **shared,
            )

    async def run(self) -> None:
        """Start the rest, serve until asked to stop, stop all of it."""
        self._listen_for_the_end()
        starting = self._tasks.start(self._start(), name="start")
        stopping = self._tasks.start(self._wait(), name="wait for the end")
        try:
            await asyncio.wait({starting, stopping}, return_when=asyncio.FIRST_COMPLETED)
            if starting.done():
                await starting
                await stopping
        finally:
            await self._shut_down()

    async def _wait(self) -> None:
        await self._stop.wait()

    async def _start(self) -> None:
        if self._http is None or self._order.application is None:
            await self._fleet.start()
        else:
            await asyncio.gather(self._fleet.start(), self._http.start())
            await self._http.deploy(self._order.application)
            self._tell("HTTP ready")
        self._say({"ready": self._write("ready").model_dump()})
        # Nobody reads the channel from here on: what Ray prints would fill the pipe, or break it.
        os.dup2(sys.stderr.fileno(), sys.stdout.fileno())

    def _listen_for_the_end(self) -> None:
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            loop.add_signal_handler(number, self._stop.set)
        if self._order.attached:
            loop.add_reader(sys.stdin.fileno(), self._input_closed)

    def _input_closed(self) -> None:
        asyncio.get_running_loop().remove_reader(sys.stdin.fileno())
        self._stop.set()

    async def _shut_down(self) -> None:
        record = self._write("stopping")
        await self._tasks.close()
        for part in (self._stop_http(), self._fleet.stop()):
            try:
                await part
            except Exception:  # noqa: BLE001 - whatever else fails to stop, the rest has to be stopped.
                _log.exception("could not stop in order")
        started = {ProcessId(*one) for one in record.processes} | set(self._descendants())
        ray.shutdown()
        end([*started, *orphaned_haproxies(self._directory.haproxy)], _GRACE_S)
        self._directory.clear()

    async def _stop_http(self) -> None:
        if self._http is not None:
            await self._http.stop(everything=self._owns_ray)

    def _write(self, state: str) -> Record:
        me = identify(os.getpid())
        record = Record(
            version=VERSION,
            state=state,
            mode=self._order.mode,
            pid=os.getpid(),
            started_s=me.started_s if me else 0.0,
            address=reachable(ray.get_runtime_context().gcs_address) if ray.is_initialized() else "",
            auth_mode=os.environ.get(AUTH_MODE),
            namespace=self._settings.runtime.namespace,
            shards=self._settings.shards,
            embedders=self._settings.embedders,
            url=self._http.url if self._http else None,
            http=("haproxy" if self._haproxy else "serve") if self._http else None,
            dashboard=self._dashboard(),
            joined=not self._owns_ray,
            processes=tuple((one.pid, one.started_s) for one in self._descendants()),
        )
        self._directory.write(record)
        return record

    @staticmethod
    def _descendants() -> list[ProcessId]:
        me = identify(os.getpid())
        return descendants(me) if me else []

    def _dashboard(self) -> str | None:
        if self._order.attached or not self._owns_ray:
            return None
        return f"http://127.0.0.1:{self._dashboard_port}"

    def _tell(self, step: str) -> None:
        self._say({"step": step})


@contextmanager
def _free_agent_port() -> Iterator[None]:
    """Let Ray's node agent take a free port.

    `ray.init` has no option for it: of two Rays on one machine the second finds 52365 taken, and its agent silently
    takes no jobs.
    """
    parameter: Any = importlib.import_module("ray._private.parameter")
    usual = parameter.RayParams
    parameter.RayParams = partial(usual, dashboard_agent_listen_port=0)
    try:
        yield
    finally:
        parameter.RayParams = usual
