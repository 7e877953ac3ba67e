"""The file in which keys are kept: hashes of their secrets, and what each may do."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from engine.access.keys import Key, read, written
from engine.config import Settings
from engine.errors import InvalidInput, Unavailable

_LOOKED_S: Final = 1.0


def keys_file(settings: Settings) -> Path:
    """Where it is."""
    return settings.access.keys_file or settings.data_dir / "keys.json"


class KeyFile:
    """Keys as they are in a file that others may change: what they change takes hold within a second.

    Args:
        path: of the file; none there: no keys.
        clock: seconds.
    """

    def __init__(self, path: Path, clock: Callable[[], float]) -> None:
        self._path = path
        self._clock = clock
        self._looked_s = float("-inf")
        self._seen: tuple[int, int, int] | None = None
        self._known: Mapping[str, Key] = {}

    def read(self) -> Mapping[str, Key]:
        """All keys by their ids. Reads the file only when it has changed.

        Raises:
            Unavailable: it can't be read, or isn't a file of keys.
        """
        now_s = self._clock()
        if now_s - self._looked_s >= _LOOKED_S:
            self._look()
            self._looked_s = now_s
        return self._known

    def change(self, change: Callable[[Mapping[str, Key]], Mapping[str, Key]]) -> None:
        """Write what `change` makes of the keys, as a whole and durably; one change after the other.

        Raises:
            Unavailable: as `read`.
            OSError: it can't be written.
            RemoraError: what `change` raises.
        """
        self._path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        with self._locked():
            self._seen = None
            self._look()
            text = written(change(self._known).values())
            part = self._path.with_name(f"{self._path.name}.new")
            descriptor = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
            with os.fdopen(descriptor, "w") as file:
                file.write(text)
                file.flush()
                os.fsync(file.fileno())
            part.replace(self._path)
            self._look()

    def _look(self) -> None:
        try:
            there = self._path.stat()
        except FileNotFoundError:
            self._seen, self._known = None, {}
            return
        seen = (there.st_mtime_ns, there.st_ino, there.st_size)
        if seen != self._seen:
            try:
                self._known = read(self._path.read_text())
            except (InvalidInput, OSError, UnicodeError) as error:
                raise Unavailable(f"the keys in {self._path.name} can't be read: {error}") from error
            self._seen = seen

    @contextmanager
    def _locked(self) -> Iterator[None]:
        with self._path.with_name(f"{self._path.name}.lock").open("w") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            yield
