"""Processes known by id and start time, so that a reused id is never taken for ours. Which ones are ours: elsewhere."""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import psutil

_BOOT_ID = Path("/proc/sys/kernel/random/boot_id")
_START_TOLERANCE_S = 3.0
"""The kernel reckons its own start anew when the clock is set, and moves by a second now and then."""


@dataclass(frozen=True, slots=True)
class ProcessId:
    """One life of one process. `started_s`: after the machine's start, which unlike the clock nobody sets."""

    pid: int
    started_s: float


def boot_id() -> str:
    """Which start of the machine this is; after another one the same id and start time can be anybody's.

    Blank where the system doesn't say.
    """
    try:
        return _BOOT_ID.read_text(encoding="ascii").strip()
    except OSError:
        return ""


def identify(pid: int) -> ProcessId | None:
    """The process that has this id now."""
    try:
        return ProcessId(pid, _started_s(psutil.Process(pid)))
    except psutil.Error:
        return None


def alive(process: ProcessId) -> bool:
    """Whether exactly this process still runs."""
    return _find(process) is not None


def descendants(process: ProcessId) -> list[ProcessId]:
    """Everything it has started, and what those have started."""
    found = _find(process)
    if found is None:
        return []
    try:
        children = found.children(recursive=True)
    except psutil.Error:
        return []
    return [known for child in children if (known := identify(child.pid)) is not None]


def mentions(process: ProcessId, text: str) -> bool:
    """Whether one of its arguments contains the text."""
    found = _find(process)
    try:
        return found is not None and any(text in argument for argument in found.cmdline())
    except psutil.Error:
        return False


def end(processes: Iterable[ProcessId], grace_s: float) -> None:
    """Ask them to stop, wait, and kill what is left."""
    found = [known for process in processes if (known := _find(process)) is not None]
    for process in found:
        _signal(process, kill=False)
    _, left = psutil.wait_procs(found, timeout=grace_s)
    for process in left:
        _signal(process, kill=True)
    psutil.wait_procs(left, timeout=grace_s)


def _started_s(process: psutil.Process) -> float:
    return process.create_time() - psutil.boot_time()


def _signal(process: psutil.Process, *, kill: bool) -> None:
    with suppress(psutil.NoSuchProcess):
        process.kill() if kill else process.terminate()


def _find(process: ProcessId) -> psutil.Process | None:
    try:
        found = psutil.Process(process.pid)
        same = abs(_started_s(found) - process.started_s) < _START_TOLERANCE_S
        return found if same and found.status() != psutil.STATUS_ZOMBIE else None
    except psutil.Error:
        return None
