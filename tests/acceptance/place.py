"""A place of its own for the real `remora`: data directory, port, environment, and the processes started there."""

from __future__ import annotations

import os
import queue
import re
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path

import psutil

START_DEADLINE_S = 180.0
STOP_DEADLINE_S = 60.0


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return int(listener.getsockname()[1])


class Place:
    """A data directory, a port and an environment of their own, and the processes that were started there."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.port = free_port()
        self.environment = {
            name: value for name, value in os.environ.items() if not name.startswith(("REMORA_", "RAY_"))
        }
        self.environment |= {
            "REMORA_DATA_DIR": str(directory / "data"),
            "REMORA_PORT": str(self.port),
            "RAY_USAGE_STATS_ENABLED": "0",
            "PYTHONUNBUFFERED": "1",
        }
        self._command = shutil.which("remora", path=str(Path(sys.executable).parent))
        self._started: list[subprocess.Popen[str]] = []

    @property
    def command(self) -> str:
        """The installed `remora`."""
        assert self._command, "the `remora` script is not installed beside this Python"
        return self._command

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def start(self, *arguments: str) -> Served:
        assert self._command, "the `remora` script is not installed beside this Python"
        process = subprocess.Popen(
            [self._command, *arguments],
            cwd=self.directory,
            env=self.environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )
        self._started.append(process)
        return Served(process)

    def run(self, *arguments: str, timeout_s: float = 60.0) -> subprocess.CompletedProcess[str]:
        assert self._command
        return subprocess.run(
            [self._command, *arguments],
            cwd=self.directory,
            env=self.environment,
            capture_output=True,
            text=True,
            timeout=timeout_s,
        )

    def wait_until_unlocked(self, deadline_s: float = 30.0) -> None:
        """Until no process holds the runtime's lock: after a kill, that of the last that inherited it."""
        lock = Path(self.environment["REMORA_DATA_DIR"], "run", "lock")
        subprocess.run(["flock", "--shared", lock, "true"], timeout=deadline_s, check=True)

    def leftovers(self) -> dict[int, str]:
        """Processes that live and were started, however indirectly, with this place's data directory."""
        mark = f"REMORA_DATA_DIR={self.environment['REMORA_DATA_DIR']}".encode()
        alive = {}
        for entry in Path("/proc").iterdir():
            if not entry.name.isdigit():
                continue
            try:
                if mark in (entry / "environ").read_bytes().split(b"\0"):
                    alive[int(entry.name)] = (entry / "cmdline").read_bytes().replace(b"\0", b" ").decode()
            except OSError:
                continue
        return alive

    def wait_until_nothing_is_left(self) -> None:
        """A head that has lost its parent stops by itself, which takes a moment."""
        deadline = time.monotonic() + STOP_DEADLINE_S
        while left := self.leftovers():
            assert time.monotonic() < deadline, left
            psutil.wait_procs([psutil.Process(pid) for pid in left if psutil.pid_exists(pid)], timeout=1)

    def kill(self) -> None:
        """SIGKILL to every process at once, and to what these had begun to start, until none is left."""
        while left := self.leftovers():
            for pid in left:
                try:
                    os.kill(pid, signal.SIGKILL)
                except ProcessLookupError:
                    continue

    def close(self) -> None:
        """End what a failed test left; only processes of this place are touched."""
        for pid in self.leftovers():
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                continue
        for process in self._started:
            process.wait(STOP_DEADLINE_S)
            if process.stdout:
                process.stdout.close()


class Served:
    """A running command and what it has said so far."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self.process = process
        self.said: list[str] = []
        self._lines: queue.Queue[str | None] = queue.Queue()
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self) -> None:
        assert self.process.stdout
        for line in self.process.stdout:
            self._lines.put(line)
        self._lines.put(None)

    def wait_for(self, pattern: str, deadline_s: float = START_DEADLINE_S) -> str:
        """The first line, from now on, that the pattern is found in."""
        while True:
            line = self._lines.get(timeout=deadline_s)
            assert line is not None, f"ended without saying {pattern!r}:\n{''.join(self.said)}"
            self.said.append(line)
            if re.search(pattern, line):
                return line

    def stop(self, by: signal.Signals = signal.SIGINT) -> int:
        """Signal the whole process group, as a terminal's Ctrl-C does; the exit code."""
        os.killpg(self.process.pid, by)
        return self.process.wait(STOP_DEADLINE_S)
