"""What a runtime that died uncleanly has left: processes, its record, Ray's files. Ends nothing but in `sweep`."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from actors.processes import ProcessId, alive, boot_id, end, identify, mentions
from actors.run_directory import Record, RunDirectory
from engine.errors import InvariantViolated

_GRACE_S = 5.0


@dataclass(frozen=True, slots=True)
class Remains:
    """Of a runtime that lives no more. `record`: it says that one runs; `damaged`: it can't even be read.

    `joined`: the Ray that it had joined, where its actors may go on; blank: it had its own.
    """

    record: bool
    damaged: bool
    processes: tuple[ProcessId, ...]
    ray_files: bool
    joined: str = ""

    def __bool__(self) -> bool:
        return self.record or self.ray_files or bool(self.processes)


def leftovers(directory: RunDirectory) -> list[ProcessId]:
    """Its processes that still run, by id and start time; HAProxy also by the ids that its launcher noted."""
    return _processes(directory, directory.read())


def orphaned_haproxies(directory: Path) -> list[ProcessId]:
    """HAProxies that were started from this directory: the ids are noted, the arguments prove that they are ours."""
    noted = directory / "haproxy.pids"
    if not noted.exists():
        return []
    found = [known for line in noted.read_text().split() if (known := identify(int(line))) is not None]
    return [one for one in found if mentions(one, str(directory))]


def remains(directory: RunDirectory) -> Remains | None:
    """What is left on a data directory; None: a runtime lives there, and all of it is in use."""
    if directory.locked():
        return None
    record, damaged = _record(directory)
    left = tuple(one for one in _processes(directory, record) if alive(one))
    joined = record.address if record is not None and record.joined else ""
    return Remains(record is not None or damaged, damaged, left, directory.ray.is_dir(), joined)


def sweep(directory: RunDirectory) -> None:
    """End what is left, and forget it. Holds the lock meanwhile, so that no runtime starts beside it.

    Raises:
        Conflict: a runtime lives there.
    """
    directory.lock()
    try:
        record, _ = _record(directory)
        end(_processes(directory, record), _GRACE_S)
        directory.clear()
    finally:
        directory.release()


def _processes(directory: RunDirectory, record: Record | None) -> list[ProcessId]:
    # Before the machine's last start, ids and times were given to others; services often get nearly the same ones.
    known = [ProcessId(*one) for one in record.processes] if record and record.boot == boot_id() else []
    return known + orphaned_haproxies(directory.haproxy)


def _record(directory: RunDirectory) -> tuple[Record | None, bool]:
    """The record, and whether it is damaged."""
    try:
        return directory.read(), False
    except InvariantViolated:
        return None, True
