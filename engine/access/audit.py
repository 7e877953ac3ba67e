"""Who did what to the whole of a project, or to keys: a line of JSON each, in a file beside the data."""

from __future__ import annotations

import fcntl
import json
import logging
import os
import threading
import time
from collections import OrderedDict, deque
from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import UTC, datetime
from itertools import islice
from pathlib import Path
from typing import Any, Final

from engine.bucket import Bucket
from engine.config import Settings
from engine.errors import Forbidden, RemoraError
from engine.types import SCOPE_FIELDS, Json

_log = logging.getLogger("remora.audit")
SERVER: Final = "server"
"""Who asks with the server's own key."""
LOCAL: Final = "local"
"""Who asks where no key is set, or at a terminal of the machine."""
_FILE_BYTES: Final = 10 * 1024 * 1024
_OLD_FILES: Final = 4
_REFUSALS: Final = 10.0
"""Entries of what a key is refused, in a minute."""
_MOST_KEYS: Final = 10_000


def audit_file(settings: Settings) -> Path:
    """Where it is."""
    return settings.data_dir / "audit.jsonl"


class AuditLog:
    """Appends entries, also beside other processes; begins a new file when one is full.

    Of what a key is refused only so much is written in a minute: nobody can push out what was there before.

    Args:
        path: of the newest file; older ones lie beside it, as `audit.jsonl.1`.
        file_bytes: when a file is full.
    """

    def __init__(self, path: Path, file_bytes: int = _FILE_BYTES) -> None:
        self._path = path
        self._file_bytes = file_bytes
        self._lock = threading.Lock()
        self._refusals: OrderedDict[str, Bucket] = OrderedDict()

    def record(self, at_s: float, who: str, action: str, project: str | None, outcome: str, **about: Any) -> None:
        """Write an entry, durably when it returns.

        Args:
            at_s: unix seconds.
            who: a key's id, `server` for its own, `local` where none is set or at a terminal.
            action: the verb.
            project: whose; None: it is about no single one.
            outcome: `ok`, or the code of the error.
            about: what it named: ids and names, never the words of a memory, never a secret.

        Raises:
            OSError: it can't be written.
        """
        entry: Json = {"at": datetime.fromtimestamp(at_s, UTC).isoformat(), "who": who, "action": action}
        entry |= {"project": project, "outcome": outcome} | {name: value for name, value in about.items() if value}
        line = json.dumps(entry, ensure_ascii=True, default=str).encode() + b"\n"
        with self._lock:
            if outcome == Forbidden.code and not self._may_be_told(who, at_s):
                return
            self._path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            self._append(line)

    def _may_be_told(self, who: str, at_s: float) -> bool:
        bucket = self._refusals.setdefault(who, Bucket(_REFUSALS, at_s))
        self._refusals.move_to_end(who)
        if len(self._refusals) > _MOST_KEYS:
            self._refusals.popitem(last=False)
        if bucket.wait_s(1, at_s) > 0:
            return False
        bucket.spend(1, at_s)
        return True

    def _append(self, line: bytes) -> None:
        with self._path.with_name(f"{self._path.name}.lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            self._make_room(len(line))
            descriptor = os.open(self._path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
            try:
                os.write(descriptor, line)
                os.fsync(descriptor)
            finally:
                os.close(descriptor)

    def entries(self, page: int, page_size: int, *, project: str | None = None) -> Json:
        """A page of what was written, the newest first: `{count, page, page_size, results}`; `project`: only of it.

        Raises:
            OSError: a file can't be read.
        """
        wanted = deque(
            (entry for entry in self._all() if project is None or entry.get("project") == project),
            maxlen=page * page_size,
        )
        count = sum(1 for entry in self._all() if project is None or entry.get("project") == project)
        newest = list(islice(reversed(wanted), (page - 1) * page_size, None))
        return {"count": count, "page": page, "page_size": page_size, "results": newest}

    def _make_room(self, size_bytes: int) -> None:
        if not self._path.exists() or self._path.stat().st_size + size_bytes <= self._file_bytes:
            return
        for number in range(_OLD_FILES - 1, 0, -1):
            if self._old(number).exists():
                self._old(number).replace(self._old(number + 1))
        self._path.replace(self._old(1))

    def _old(self, number: int) -> Path:
        return self._path.with_name(f"{self._path.name}.{number}")

    def _all(self) -> Iterator[Json]:
        """Every entry, the oldest first; a line that was torn by a crash is left out."""
        for path in [*(self._old(number) for number in range(_OLD_FILES, 0, -1)), self._path]:
            if path.exists():
                with path.open(encoding="utf-8") as file:
                    yield from _read(file)


def witnessed(log: AuditLog, who: str, action: str, change: Callable[..., Json], *asked: Any) -> Json:
    """What a change of keys answers, written down; `asked` are its arguments.

    Raises what the change raises.
    """
    at_s = time.time()
    try:
        made = change(*asked)
    except RemoraError as error:
        _write(log, at_s, who, action, None, error.code)
        raise
    about = {name: made.get(name) for name in ("id", "name", "role", *SCOPE_FIELDS)}
    _write(log, at_s, who, action, made.get("project"), "ok", **about)
    return made


def _write(log: AuditLog, *entry: Any, **about: Any) -> None:
    try:
        log.record(*entry, **about)
    except OSError:  # It is done, and its caller must not think otherwise.
        _log.exception("%s by %s is not in the audit log", entry[2], entry[1])


def _read(lines: Iterable[str]) -> Iterator[Json]:
    for line in lines:
        try:
            entry = json.loads(line)
        except ValueError:
            continue
        if isinstance(entry, Mapping):
            yield dict(entry)
