"""What a runtime leaves on disk while it runs: a lock, a record, and Ray's own short directory. Starts nothing."""

from __future__ import annotations

import fcntl
import hashlib
import os
import shutil
import tempfile
import threading
from pathlib import Path
from typing import IO

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from actors.processes import boot_id
from engine.errors import Conflict, InvariantViolated

_LOOKS = 100
_LOOK_S = 0.005


class Record(BaseModel):
    """How a runtime is reached, and what belongs to it. `state`: starting, ready or stopping.

    `boot`: of the machine, on which its processes are known by their ids. `joined`: its actors are in a Ray that isn't
    its own, so that they outlive its process.
    """

    model_config = ConfigDict(frozen=True)

    version: str
    state: str
    mode: str
    pid: int
    started_s: float
    address: str = ""
    namespace: str = ""
    shards: int = 1
    embedders: int = 1
    auth_mode: str | None = None
    url: str | None = None
    http: str | None = None
    dashboard: str | None = None
    processes: tuple[tuple[int, float], ...] = ()
    boot: str = Field(default_factory=boot_id)
    joined: bool = False


class RunDirectory:
    """`<data_dir>/run`: whoever holds its lock is the runtime of this data directory.

    The lock is the kernel's, so it can't outlive its holder.
    """

    def __init__(self, data_dir: Path) -> None:
        self.path = data_dir / "run"
        self.ray = _short_directory(data_dir)
        self._lock: IO[str] | None = None

    @property
    def log(self) -> Path:
        """What the head process and Ray say."""
        return self.path / "head.log"

    @property
    def haproxy(self) -> Path:
        """HAProxy's configuration, sockets and process ids."""
        return self.ray / "h"

    def prepare(self) -> None:
        """Make the directories, readable by their owner only."""
        self.path.mkdir(parents=True, exist_ok=True)
        self.ray.mkdir(mode=0o700, exist_ok=True)
        found = self.ray.lstat()
        if self.ray.is_symlink() or found.st_uid != os.getuid():
            raise Conflict(f"{self.ray} belongs to somebody else", {"path": str(self.ray)})

    def lock(self) -> None:
        """Become the runtime of this data directory until `release` or the end of the process.

        Raises:
            Conflict: another one runs; the message names it.
        """
        self.path.mkdir(parents=True, exist_ok=True)
        lock = (self.path / "lock").open("w")
        if not _taken(lock):
            lock.close()
            raise self.conflict()
        self._lock = lock

    def release(self) -> None:
        """Let the next one in; the end of the process does the same."""
        if self._lock is not None:
            self._lock.close()
            self._lock = None

    def locked(self) -> bool:
        """Whether a runtime of this data directory lives (in whatever process)."""
        path = self.path / "lock"
        if not path.exists():
            return False
        with path.open() as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
            except BlockingIOError:
                return True
        return False

    def conflict(self) -> Conflict:
        """The error that names the runtime which holds the lock."""
        record = self.read()
        who = f"{record.mode}, process {record.pid}, {record.url or record.state}" if record else "starting"
        details = {"data_dir": str(self.path.parent), "pid": record.pid if record else None}
        todo = "stop it first (`remora down`), or use another data directory"
        return Conflict(f"Remora already runs on {self.path.parent} ({who}): {todo}", details)

    def read(self) -> Record | None:
        """The record, if there is one. It says nothing about whether that runtime still lives."""
        try:
            return Record.model_validate_json((self.path / "runtime.json").read_text())
        except FileNotFoundError:
            return None
        except ValidationError as error:
            raise InvariantViolated(f"{self.path / 'runtime.json'} is damaged: {error}") from error

    def write(self, record: Record) -> None:
        """Replace the record at once."""
        fresh = self.path / "runtime.json.new"
        fresh.write_text(record.model_dump_json(indent=2))
        fresh.replace(self.path / "runtime.json")

    def clear(self) -> None:
        """Forget the record and Ray's files; the lock stays with its holder."""
        (self.path / "runtime.json").unlink(missing_ok=True)
        shutil.rmtree(self.ray, ignore_errors=True)


def _taken(lock: IO[str]) -> bool:
    """Take it for us alone. Who only looks whether it is free holds it too, for a moment, but shared."""
    for _ in range(_LOOKS):
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if not _only_looked_at(lock):
                return False
            _let_them_look()
        else:
            return True
    return False


def _only_looked_at(lock: IO[str]) -> bool:
    try:
        fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    fcntl.flock(lock, fcntl.LOCK_UN)
    return True


def _let_them_look() -> None:
    threading.Event().wait(_LOOK_S)


def _short_directory(data_dir: Path) -> Path:
    """A path so short that Ray's socket names fit into the 107 bytes which a unix socket may have."""
    digest = hashlib.blake2b(f"{os.getuid()}:{data_dir.resolve()}".encode(), digest_size=4).hexdigest()
    base = Path("/tmp")  # noqa: S108 - checked by `prepare`: ours, and no link
    return (base if os.access(base, os.W_OK) else Path(tempfile.gettempdir())) / f"remora-{digest}"
