"""What a runtime that died uncleanly has left running. Ends nothing: that is `processes.end`."""

from __future__ import annotations

from pathlib import Path

from actors.processes import ProcessId, identify, mentions
from actors.run_directory import RunDirectory


def leftovers(directory: RunDirectory) -> list[ProcessId]:
    """Its processes that still run, by id and start time; HAProxy also by the ids that its launcher noted."""
    record = directory.read()
    known = [ProcessId(*one) for one in record.processes] if record else []
    return known + orphaned_haproxies(directory.haproxy)


def orphaned_haproxies(directory: Path) -> list[ProcessId]:
    """HAProxies that were started from this directory: the ids are noted, the arguments prove that they are ours."""
    noted = directory / "haproxy.pids"
    if not noted.exists():
        return []
    found = [known for line in noted.read_text().split() if (known := identify(int(line))) is not None]
    return [one for one in found if mentions(one, str(directory))]
