"""`remora serve` on a directory of its own, in processes of its own: for benchmarks that need one, or several."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path

import httpx

from actors.sockets import free_ports

_READY_S = 300.0
_STOP_S = 120.0
_LOOK_S = 0.2


class OwnServer:
    """One server. `variables`: of its environment, beside where it keeps its data."""

    def __init__(self, directory: Path, variables: Mapping[str, str] | None = None) -> None:
        self.directory = directory
        self.url = f"http://127.0.0.1:{free_ports(1)[0]}"
        self._variables = dict(variables or {})
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def pid(self) -> int:
        """Of the process that began all the others.

        Raises:
            RuntimeError: it doesn't run.
        """
        if self._process is None:
            raise RuntimeError("the server has not been started")
        return self._process.pid

    def start(self) -> None:
        """Start it, and wait until it is ready.

        Raises:
            RuntimeError: it ended, or wasn't ready in five minutes; the message says where its log is.
        """
        self.directory.mkdir(parents=True, exist_ok=True)
        place = {"REMORA_DATA_DIR": str(self.directory), "REMORA_PORT": self.url.rpartition(":")[2]}
        log = self.directory.with_suffix(".log")
        with log.open("ab") as told:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "remora.cli", "serve"],
                env={**os.environ, "REMORA_HOST": "127.0.0.1", **place, **self._variables},
                stdin=subprocess.DEVNULL,
                stdout=told,
                stderr=told,
                start_new_session=True,
            )
        began_s = time.monotonic()
        while not self._is_ready():
            try:
                self._process.wait(_LOOK_S)
            except subprocess.TimeoutExpired:
                if time.monotonic() - began_s < _READY_S:
                    continue
            tail = "\n".join(log.read_text(errors="replace").splitlines()[-8:])
            raise RuntimeError(f"the server did not become ready:\n{tail}")

    def stop(self) -> None:
        """Stop it as Ctrl-C does."""
        process, self._process = self._process, None
        if process is None:
            return
        process.send_signal(signal.SIGINT)
        try:
            process.wait(_STOP_S)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()

    def sizes(self) -> dict[str, int]:
        """Bytes on disk by part: the files of each store, of all shards together."""
        found: dict[str, int] = {}
        for path in self.directory.rglob("*"):
            part = path.relative_to(self.directory).parts[0].partition("-")[0].partition(".")[0]
            if path.is_file() and part in {"ledger", "vector", "graph"}:
                found[part] = found.get(part, 0) + path.stat().st_size
        return found

    def _is_ready(self) -> bool:
        try:
            return httpx.get(f"{self.url}/readyz", timeout=5).is_success
        except httpx.HTTPError:
            return False
