"""Processes known by id and start time, so that a reused id is never taken for ours. Which ones are ours: elsewhere."""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass

import psutil

_START_TOLERANCE_S = 1.0


@dataclass(frozen=True, slots=True)
class ProcessId:
    """One life of one process."""

    pid: int
    started_s: float


def identify(pid: int) -> ProcessId | None:
    """The process that has this id now."""
    try:
        return ProcessId(pid, psutil.Process(pid).create_time())
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


def _signal(process: psutil.Process, *, kill: bool) -> None:
    with suppress(psutil.NoSuchProcess):
        process.kill() if kill else process.terminate()


def _find(process: ProcessId) -> psutil.Process | None:
    try:
        found = psutil.Process(process.pid)
        same = abs(found.create_time() - process.started_s) < _START_TOLERANCE_S
        return found if same and found.status() != psutil.STATUS_ZOMBIE else None
    except psutil.Error:
        return None
