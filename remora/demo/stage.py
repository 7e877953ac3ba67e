"""Where the demo plays: on the Remora that runs, or on one of its own that leaves nothing."""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING

from remora.commands.connection import default_url, settings_of
from remora.errors import RemoraError, Unavailable
from remora.http_api import HttpApi

if TYPE_CHECKING:
    from actors.runtime import Runtime

_LOOK_S = 5.0


class Stage:
    """A server for the demo. `own`: it was started for it; `close` ends it then, and removes its data."""

    def __init__(self, url: str, api_key: str | None, own: ExitStack | None = None) -> None:
        self.url = url
        self.api_key = api_key
        self.own = own is not None
        self._own = own or ExitStack()

    def close(self) -> None:
        """Leave nothing that wasn't there before."""
        self._own.close()


def find(url: str | None, api_key: str | None, tell: Callable[[str], None]) -> Stage:
    """The server at `url`; without one, that of the settings, or, where none answers, one of the demo's own.

    Raises:
        RemoraError: the server at `url` doesn't answer, or none can be started.
    """
    if url is not None:
        return Stage(url, api_key)
    place = default_url()
    if _answers(place, api_key):
        return Stage(place, api_key)
    tell("no Remora runs here: starting one for the demo")
    return _start(tell)


def _start(tell: Callable[[str], None]) -> Stage:
    from serve_app.auth import admin_key

    with ExitStack() as stack:
        directory = stack.enter_context(tempfile.TemporaryDirectory(prefix="remora-demo-"))
        running = _runtime(Path(directory), tell)
        stack.callback(running.stop)
        return Stage(running.url or "", admin_key(running.settings), stack.pop_all())


def _runtime(directory: Path, tell: Callable[[str], None]) -> Runtime:
    from actors import runtime

    # Nothing of the user's own: neither data, nor port, nor servers, nor cluster.
    settings = settings_of(
        data_dir=directory,
        host="127.0.0.1",
        port=0,
        shards=1,
        embedders=1,
        ledger={"url": None},
        vector={"uri": None},
        runtime={"address": None},
    )
    return runtime.start(settings, progress=tell)


def _answers(url: str, api_key: str | None) -> bool:
    """Whether anybody answers there, be it with a refusal, which is the user's to hear of."""

    async def ask() -> None:
        async with HttpApi(url, api_key, timeout_s=_LOOK_S) as api:
            await api.status()

    try:
        asyncio.run(ask())
    except Unavailable as error:
        return "reason" not in error.details  # With one, there was no connection.
    except RemoraError:
        return True
    return True
