"""Starting, showing and stopping a runtime from the command line. What a runtime is, `actors.runtime` knows."""

from __future__ import annotations

import asyncio

from actors import runtime
from engine.config import Settings
from engine.errors import Unavailable
from engine.types import Json
from remora import output
from remora.errors import error_of
from remora.signals import Stopped, stop_signals
from serve_app.auth import admin_key, check_bind

STOPPED_BEFORE_READY = 130


def serve(settings: Settings) -> int:
    """Run Remora until a stop signal, or until somebody else stops it; the exit code.

    Raises:
        RemoraError: it could not start, or it ended by itself; nothing of it is left.
    """
    with stop_signals():
        try:
            running = _start(settings, detached=False)
        except Stopped:
            output.note("Stopped before it was ready.")
            return STOPPED_BEFORE_READY
        try:
            output.line("Ctrl-C stops it.")
            code = running.wait()
        except Stopped:
            code = 0
        output.note("Stopping…")
        running.stop()
    if code != 0:
        raise Unavailable(f"the runtime ended by itself (exit code {code}); its log is in {settings.data_dir / 'run'}")
    output.note("Stopped. Your memories are kept.")
    return 0


def up(settings: Settings) -> None:
    """Start Remora so that it outlives this process."""
    running = _start(settings, detached=True)
    output.for_jobs(running.variables, running.record.dashboard)
    output.line("It runs in the background; `remora status` shows it, `remora down` stops it.")


def down(settings: Settings) -> bool:
    """Stop what runs on the settings' data directory; whether anything did."""
    with output.progress("Stopping…"):
        return runtime.stop(settings)


def status(settings: Settings) -> Json:
    """What runs, as `actors.runtime.status` tells it.

    Raises:
        RemoraError: nothing runs there; with the advice to start it.
    """
    try:
        return asyncio.run(runtime.status(settings))
    except Unavailable as error:
        raise error_of(error.code, error.message, error.details) from error


def _start(settings: Settings, *, detached: bool) -> runtime.Runtime:
    key = admin_key(settings)
    check_bind(settings.host, key)
    with output.progress("Starting Remora") as tell:
        running = runtime.start(settings, detached=detached, progress=tell)
    output.welcome(running.url or "", key_is_set=key is not None)
    return running
