"""What Remora needs of the machine: disk, memory, a port, a clock."""

from __future__ import annotations

import shutil
import tempfile
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import psutil

from actors.run_directory import RunDirectory
from actors.sockets import check_free
from engine.config import Settings
from engine.errors import Conflict
from remora.doctor.finding import Finding, failure, ok, warning

_MB = 1_000_000
_DISK_LEAST, _DISK_LITTLE = 200 * _MB, 2_000 * _MB
_MEMORY_LEAST, _MEMORY_LITTLE = 800 * _MB, 2_000 * _MB
_SHARED = Path("/dev/shm")  # noqa: S108 - asked for its size only
_SHARED_LEAST = 256 * 1024 * 1024
_FIRST_YEAR = 2025


def disk(settings: Settings) -> Iterator[Finding]:
    """The data directory: whether it can be written, and how much fits."""
    there = _existing(settings.data_dir)
    if not there.is_dir() or not _writable(there):
        advice = "Change its owner or permissions, or choose another one: --data-dir, REMORA_DATA_DIR."
        yield failure("disk", f"{there} can't be written", advice)
        return
    free = shutil.disk_usage(there).free
    text = f"{settings.data_dir}: {_gb(free)} free"
    if free < _DISK_LEAST:
        yield failure("disk", text, "Make room, or choose another place: --data-dir, REMORA_DATA_DIR.")
    elif free < _DISK_LITTLE:
        yield warning("disk", text, "Make room: a million memories take about 5 GB.")
    else:
        yield ok("disk", text)


def temporary(settings: Settings) -> Iterator[Finding]:
    """Where Ray keeps its files and its shared memory, for a Ray of our own."""
    if settings.runtime.address is not None:
        return
    place = RunDirectory(settings.data_dir).ray.parent
    if not _writable(place):
        yield failure(
            "disk", f"{place} can't be written; Ray keeps its sockets there", "Make it writable, or set TMPDIR."
        )
    if _SHARED.is_dir() and (size := shutil.disk_usage(_SHARED).total) < _SHARED_LEAST:
        advice = "In a container: --shm-size=512m. Ray falls back to slower files otherwise."
        yield warning("memory", f"{_SHARED} has only {size // _MB} MB", advice)


def memory() -> Iterator[Finding]:
    """What is left for the model and the actors."""
    left = psutil.virtual_memory().available
    text = f"{_gb(left)} of memory available"
    if left < _MEMORY_LEAST:
        yield failure("memory", text, "Remora takes about 2 GB with the default model; end something else first.")
    elif left < _MEMORY_LITTLE:
        yield warning("memory", text, "Remora takes about 2 GB with the default model.")
    else:
        yield ok("memory", text)


def port(settings: Settings) -> Iterator[Finding]:
    """Whether the port is free, or whose it is."""
    directory = RunDirectory(settings.data_dir)
    record = directory.read() if directory.locked() else None
    if record is not None and (record.url or "").endswith(f":{settings.port}"):
        yield ok("port", f"{settings.port} is held by the Remora of this data directory")
        return
    try:
        check_free(settings.host, settings.port)
    except Conflict as error:
        holder = _holder(settings.port)
        advice = "End it, or take another port: --port, REMORA_PORT."
        yield failure("port", f"{error}{f': {holder}' if holder else ''}", advice)
    else:
        yield ok("port", f"{settings.port or 'any'} on {settings.host} is free")


def clock(newest_us: int | None) -> Iterator[Finding]:
    """Whether the time can be true. `newest_us`: the last time that the data knows."""
    now = time.time()
    shown = datetime.fromtimestamp(now, UTC).isoformat(timespec="seconds")
    if datetime.fromtimestamp(now, UTC).year < _FIRST_YEAR or (newest_us is not None and newest_us > (now + 60) * 1e6):
        yield warning("clock", f"{shown} is before what is stored", "Set the clock: times of memories come from it.")
    else:
        yield ok("clock", shown)


def _existing(path: Path) -> Path:
    return next(one for one in (path, *path.parents) if one.exists())


def _writable(path: Path) -> bool:
    try:
        with tempfile.TemporaryFile(dir=path):
            return True
    except OSError:
        return False


def _holder(port: int) -> str | None:
    """Who listens there, as far as this user may know."""
    try:
        found = [one for one in psutil.net_connections("tcp") if one.status == psutil.CONN_LISTEN]
        pid = next((one.pid for one in found if one.laddr and one.laddr.port == port and one.pid), None)
        return None if pid is None else f"process {pid} ({psutil.Process(pid).name()})"
    except psutil.Error:
        return None


def _gb(size: int) -> str:
    return f"{size / 1e9:.1f} GB"
