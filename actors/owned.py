"""The runtimes that this process has started for itself or found, shared by all who ask for the same one."""

from __future__ import annotations

import atexit
import os
import threading
from dataclasses import dataclass
from pathlib import Path

from actors import runtime
from actors.joining import connected
from actors.run_directory import RunDirectory
from actors.runtime import Progress, Runtime, quiet
from engine.config import Settings
from engine.errors import Conflict, RemoraError, Unavailable

_LOOK_S = 0.1


@dataclass(slots=True)
class _Entry:
    """`ours`: this process has started it and stops it. `connected`: this process has connected to its Ray for it."""

    settings: Settings
    running: Runtime
    ours: bool
    connected: bool
    users: int = 0


class Lease:
    """The use of a runtime until `give_back`; safe to give back twice. `settings`: what it runs with."""

    def __init__(self, data_dir: Path, settings: Settings) -> None:
        self.settings = settings
        self._data_dir = data_dir
        self._given_back = False

    def give_back(self) -> None:
        """Done with it. Stops a runtime of our own when nobody else uses it: takes seconds then."""
        with _lock:
            if not self._given_back:
                self._given_back = True
                _leave(self._data_dir)


_lock = threading.Lock()
_entries: dict[Path, _Entry] = {}
_process = os.getpid()


def take(settings: Settings, progress: Progress = quiet, *, exact: bool = False) -> Lease:
    """Use the runtime of the settings' data directory: the one that runs there, or one that is started, without HTTP.

    This process is connected to its Ray afterwards. What is started here ends with this process at the latest.

    Args:
        settings: of the runtime, if it has to be started.
        progress: hears of each step of a start; what it raises ends the start.
        exact: the settings matter, so one that somebody else has started won't do.

    Raises:
        Conflict: the one that runs there has other settings, or this process is connected to another Ray.
        RemoraError: it could not be started.
    """
    # One directory has many names.
    settings = settings.model_copy(update={"data_dir": Path(os.path.realpath(settings.data_dir))})
    with _lock:
        _forget_parents()
        entry = _entries.get(settings.data_dir)
        if entry is None:
            entry = _entries[settings.data_dir] = _entered(settings, progress, exact=exact)
        elif entry.settings != settings:
            raise Conflict(
                f"this process uses Remora on {settings.data_dir} with other settings; close that one first, or give "
                "this one a data directory of its own",
                {"data_dir": str(settings.data_dir)},
            )
        entry.users += 1
        return Lease(settings.data_dir, entry.running.settings)


def _entered(settings: Settings, progress: Progress, *, exact: bool) -> _Entry:
    import ray

    running = _found(settings, exact=exact) or _started(settings, progress, exact=exact)
    ours = running.process_is_ours
    fresh = not ray.is_initialized()
    try:
        running.settings = runtime.connect(settings).settings
    except BaseException:
        if ours:
            running.stop()
        raise
    return _Entry(settings, running, ours=ours, connected=fresh)


def _found(settings: Settings, *, exact: bool) -> Runtime | None:
    """The runtime that somebody else runs on the data directory, once it is ready."""
    directory = RunDirectory(settings.data_dir)
    pause = threading.Event()
    for _ in range(int(settings.runtime.start_deadline_s / _LOOK_S)):
        if not directory.locked():
            return None
        if exact:
            raise Conflict(
                f"{directory.conflict()}, with settings of its own: leave the configuration out, use its HTTP address, "
                "or stop it with `remora down`",
                {"data_dir": str(settings.data_dir)},
            )
        record = directory.read()
        if record is not None and record.state == "ready":
            return Runtime(settings, record)
        pause.wait(_LOOK_S)
    raise Unavailable(f"the Remora on {settings.data_dir} doesn't get ready", {"data_dir": str(settings.data_dir)})


def _started(settings: Settings, progress: Progress, *, exact: bool) -> Runtime:
    if settings.runtime.address is None and (there := connected()) is not None:
        raise Conflict(
            f"this process is connected to the Ray at {there}, and Remora would start one of its own for "
            f"{settings.data_dir}: give `address` if Remora runs in that Ray, use its HTTP address, or another process",
            {"connected": there, "data_dir": str(settings.data_dir)},
        )
    try:
        return runtime.start(settings, application=None, progress=progress)
    except Conflict:
        # Another process may have been faster.
        if (found := _found(settings, exact=exact)) is not None:
            return found
        raise


def _leave(data_dir: Path) -> None:
    entry = _entries.get(data_dir)
    if entry is None:
        return
    entry.users -= 1
    if entry.users <= 0:
        del _entries[data_dir]
        _end(entry)


def _end(entry: _Entry) -> None:
    import ray

    if entry.connected:
        ray.shutdown()
    if entry.ours:
        entry.running.stop()


def _forget_parents() -> None:
    """After a fork: what the parent has started is the parent's."""
    global _process  # noqa: PLW0603 - one per process, as the runtimes are
    if _process != os.getpid():
        _process = os.getpid()
        _entries.clear()


def _end_all() -> None:
    """At the end of the process; its runtimes would end by themselves, but less orderly."""
    if _process != os.getpid():
        return
    while _entries:
        _, entry = _entries.popitem()
        try:
            _end(entry)
        except RemoraError:
            continue


atexit.register(_end_all)
