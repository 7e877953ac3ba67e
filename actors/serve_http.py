"""Starts and stops Ray Serve with the HTTP application. The application itself is `serve_app`'s."""

from __future__ import annotations

import asyncio
import importlib
import logging
import urllib.error
import urllib.request
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import ray

from engine.config import Settings
from engine.errors import Unavailable

APPLICATION = "remora"
_KEEP_ALIVE_S = 90
"""Longer than the minute after which most load balancers and clients drop an idle connection."""
_HEALTH_PATH = "/-/healthz"
_OK = 200
_POLL_S = 0.1
_HEAD = "node:__internal_head__"
_EVERYWHERE = {"0.0.0.0": "127.0.0.1", "::": "::1", "": "127.0.0.1"}  # noqa: S104 - compared, not bound
"""Hosts that stand for all interfaces, and where this machine reaches what listens there."""


class ServeHttp:
    """The HTTP side of a runtime."""

    def __init__(self, settings: Settings, port: int, *, haproxy: bool) -> None:
        self._settings = settings
        self._port = port
        # Behind HAProxy everything of Serve's stays on loopback; the launcher opens the front where the settings say.
        self._host = "127.0.0.1" if haproxy else settings.host
        self._front = settings.host
        self._started = False
        self._deployed = False
        # A call into Serve can't be cancelled: one after the other, so that nothing comes up behind a stop.
        self._serve = ThreadPoolExecutor(1, thread_name_prefix="serve")

    async def _in_turn(self, call: Callable[..., None], *args: object) -> None:
        await asyncio.get_running_loop().run_in_executor(self._serve, call, *args)

    async def start(self) -> None:
        """Bring Serve up, without an application yet. Takes seconds; the loop stays free."""
        await self._in_turn(self._start)

    def _start(self) -> None:
        from ray import serve
        from ray.serve.config import HTTPOptions, ProxyLocation

        logging.getLogger("ray.serve").setLevel(logging.WARNING)
        if (running := _running_serve()) is not None:
            # Somebody's in a cluster that we have joined: it answers where it was told to, for all applications.
            self._front, self._port = running.http_config.host, running.http_config.port
            return
        serve.start(
            proxy_location=ProxyLocation.HeadOnly,
            http_options=HTTPOptions(host=self._host, port=self._port, keep_alive_timeout_s=_KEEP_ALIVE_S),
            logging_config={"enable_access_log": False},
        )
        self._started = True

    async def deploy(self, application: str) -> None:
        """Run what `module:builder` makes of the settings, and wait until it answers through the front.

        Raises:
            Unavailable: it did not come up in time.
        """
        await self._in_turn(self._deploy, application)
        async with asyncio.timeout(self._settings.runtime.start_deadline_s):
            while not await asyncio.to_thread(self._answers):  # noqa: ASYNC110 - only HTTP can tell
                await asyncio.sleep(_POLL_S)

    def _deploy(self, application: str) -> None:
        from ray import serve

        self._deployed = True
        module, _, builder = application.partition(":")
        bound = getattr(importlib.import_module(module), builder)(self._settings)
        try:
            serve.run(bound, name=APPLICATION, route_prefix="/", logging_config={"enable_access_log": False})
        except RuntimeError as error:
            raise Unavailable(f"the HTTP application did not start: {error}") from error

    def _answers(self) -> bool:
        try:
            with urllib.request.urlopen(f"{self.url}{_HEALTH_PATH}", timeout=2) as answer:  # noqa: S310 - our own URL
                return bool(answer.status == _OK)
        except (urllib.error.URLError, OSError):
            return False

    @property
    def url(self) -> str:
        """Where a client reaches it: on this machine, or at a cluster's head when it listens there for everybody."""
        host = self._front
        if host in _EVERYWHERE:
            joined = self._settings.runtime.address is not None and ray.is_initialized()
            host = _head_of_cluster() if joined else _EVERYWHERE[host]
        return f"http://{f'[{host}]' if ':' in host else host}:{self._port}"

    async def stop(self, *, everything: bool) -> None:
        """Stop the application once a start has ended, and Serve with it when that is ours alone.

        `everything`: it is, since the Ray is ours. In a cluster it is when we started it and nobody else uses it.
        """
        await self._in_turn(self._stop, everything)

    def _stop(self, everything: bool) -> None:
        from ray import serve

        if everything or (self._started and serve.status().applications.keys() <= {APPLICATION}):
            serve.shutdown()  # type: ignore[no-untyped-call]
        elif self._deployed:
            serve.delete(APPLICATION)


def withdraw() -> None:
    """Stop the application where nobody lives any more who started it; Serve itself stays."""
    from ray import serve

    if _running_serve() is not None:
        serve.delete(APPLICATION)


def _running_serve() -> Any:
    """A client of the Serve that runs in this Ray, or None. Serve's public functions would start one."""
    from ray.serve.context import _get_global_client

    return _get_global_client(raise_if_no_controller_running=False)


def _head_of_cluster() -> str:
    for node in ray.nodes():  # type: ignore[no-untyped-call]
        if node["Alive"] and _HEAD in node["Resources"]:
            return str(node["NodeManagerAddress"])
    return _EVERYWHERE[""]
