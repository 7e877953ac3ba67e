"""Runtimes that the real command started, one per number of shards, and the faces of each."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

from tests.acceptance.faces.command import Command
from tests.acceptance.faces.face import Face
from tests.acceptance.faces.library import AsyncMemoryFace, MemoryFace
from tests.acceptance.faces.plain_http import PlainHttp
from tests.acceptance.faces.program import MemoryJob, RayJob
from tests.acceptance.place import START_DEADLINE_S, STOP_DEADLINE_S, Place


class Running:
    """One runtime, without a model for vectors but with spaCy, so that the graph has something to tell.

    Without derived signals, too: scores would depend on when they are there.
    """

    def __init__(self, directory: Path, shards: int) -> None:
        self.place = Place(directory)
        self.place.environment |= {
            "REMORA_EMBED_MODEL": "hashing",
            "REMORA_SHARDS": str(shards),
            "REMORA_SIGNALS_ENABLED": "false",
        }
        try:
            up = self.place.run("up", timeout_s=START_DEADLINE_S)
        except subprocess.TimeoutExpired as late:
            self.place.close()
            raise AssertionError(f"{shards} shards did not come up: {late.stderr!r}") from late
        assert up.returncode == 0, up.stdout + up.stderr
        self.for_jobs = {**self.place.environment, **dict(re.findall(r"\b(RAY_[A-Z_]+)=(\S+)", up.stdout))}

    def stop(self) -> None:
        down = self.place.run("down", timeout_s=STOP_DEADLINE_S)
        self.place.close()
        assert down.returncode == 0, down.stdout + down.stderr


FACES: dict[str, Callable[[Running], Face]] = {
    "ray": lambda running: RayJob(running.place.directory, running.for_jobs),
    "http": lambda running: PlainHttp(running.place.url),
    "memory": lambda running: MemoryFace(running.place.url),
    "async-memory": lambda running: AsyncMemoryFace(running.place.url),
    "memory-handle": lambda running: MemoryJob(running.place.directory, running.for_jobs),
    "command": lambda running: Command(script(), running.place.directory, running.place.environment),
}


class Runtimes:
    """Starts each runtime when it is first asked for, and ends all of them."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._running: dict[int, Running | AssertionError] = {}
        self._faces: dict[tuple[int, str], Face] = {}

    def face(self, shards: int, name: str) -> Face:
        """The face of that name on the runtime with so many shards."""
        if (shards, name) not in self._faces:
            self._faces[shards, name] = FACES[name](self._runtime(shards))
        return self._faces[shards, name]

    def _runtime(self, shards: int) -> Running:
        if shards not in self._running:
            directory = self._directory / f"shards-{shards}"
            directory.mkdir()
            try:
                self._running[shards] = Running(directory, shards)
            except AssertionError as failed:
                self._running[shards] = failed
        found = self._running[shards]
        if isinstance(found, AssertionError):
            raise found
        return found

    def close(self) -> None:
        for face in self._faces.values():
            face.close()
        for running in self._running.values():
            if isinstance(running, Running):
                running.stop()


def script() -> str:
    """The `remora` beside this Python."""
    found = shutil.which("remora", path=str(Path(sys.executable).parent))
    assert found
    return found
