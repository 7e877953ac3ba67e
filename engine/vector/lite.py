"""A table in a Milvus Lite file: opened or begun anew, made durable, copied."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

from milvus_lite.server_manager import server_manager_instance
from pymilvus import MilvusClient, MilvusException

from engine.errors import Unavailable
from engine.types import MemoryVersion
from engine.vector import lite_file
from engine.vector.collection import begin, translated
from engine.vector.lite_rows import LiteRows
from engine.vector.lost_rows import LostRows
from engine.vector.mark import DamagedMark, Mark, read_mark, write_mark
from engine.vector.milvus import MilvusTable
from engine.vector.payload import unpack

_MOST_UNFLUSHED_BYTES = 32 * 1024 * 1024
_LEAST_FREE_BYTES = 1024 * 1024


class LiteTable(MilvusTable):
    """The table of one Lite file. Lite keeps what isn't flushed in memory and in a log.

    When a flush fails, Lite has let go of those rows, so that the mark is all that is certain (`LostRows`). At 128 MiB
    it flushes unasked, inside a write; this table does so earlier.
    """

    keeps_erased = True

    def __init__(self, client: MilvusClient, collection: str, mark: Mark, base: Path, path: Path) -> None:
        """`base`: the path that was asked for, beside which the mark lies; `path`: of this file."""
        super().__init__(client, collection, mark)
        self._base = base
        self._path = path
        self._rows = LiteRows(path, collection)
        self._unflushed_bytes = 0

    def flush(self, position: int, unerased: int) -> None:
        """Makes all writes durable, then says so in the mark, which also names this file as the one in use.

        Raises:
            LostRows: what was written since the mark is gone.
            Unavailable: it is not durable, but nothing is lost.
        """
        self._settle()
        mark = self.mark.at(position, unerased)
        mark = replace(mark, manifest=lite_file.manifest_version(self._path, self._collection))
        if (lack := self._missing(mark)) is not None:
            raise Unavailable(f"{self._path} is damaged: {lack}; rebuild the vector index")
        try:
            write_mark(lite_file.mark_path(self._base), mark)
        except OSError as error:
            raise Unavailable(f"the mark of {self._base} can't be written: {error}") from error
        self.mark = mark

    def take_over(self, old: MilvusTable, position: int, unerased: int) -> None:
        """From now on this file is the one in use, also after a crash: the mark says so, or not yet."""
        self.flush(position, unerased)

    def close(self) -> None:
        """Lets go of the file."""
        self._client.close()
        server_manager_instance.release_server(str(self._path))

    def remove(self) -> None:
        """Closes it and removes what is left of it, and what was set aside earlier."""
        self.close()
        with _disk_errors():
            lite_file.remove([self._path, *lite_file.damaged(self._base)])

    def _fetch_ids(self, after: str, most: int) -> list[str]:
        return self._rows.ids(after, most)

    def _read(self, ids: set[str]) -> dict[str, tuple[MemoryVersion, Any]]:
        return {one: (unpack(payload), vector) for one, (payload, vector) in self._rows.read(ids).items()}

    def _upsert(self, part: list[dict[str, Any]], part_bytes: int) -> None:
        self._need_room(part_bytes)
        super()._upsert(part, part_bytes)
        self._unflushed_bytes += part_bytes
        if self._unflushed_bytes > _MOST_UNFLUSHED_BYTES:
            self._settle()

    def _delete(self, ids: list[str]) -> None:
        self._need_room(sum(map(len, ids)))
        super()._delete(ids)

    def _settle(self) -> None:
        self._need_room(self._unflushed_bytes)
        try:
            with translated():
                self._client.flush(self._collection)
        except Unavailable as error:
            raise LostRows(f"{error.message}; what wasn't durable yet has to be sent again") from error
        self._unflushed_bytes = 0
        with _disk_errors():
            lite_file.sync_tree(self._path)

    def _need_room(self, size_bytes: int) -> None:
        """Lite doesn't survive a full disk unharmed, so that it isn't led there."""
        with _disk_errors():
            free = shutil.disk_usage(self._path).free
        if free < (need := 2 * size_bytes + _LEAST_FREE_BYTES):
            raise Unavailable(f"the disk of {self._path} is full: {free} bytes are free, {need} are needed")

    def _missing(self, mark: Mark) -> str | None:
        """Looks again before it says so: Lite may be tidying up its files."""
        return lite_file.missing(self._path, self._collection, mark) and lite_file.missing(
            self._path, self._collection, mark
        )


def open_lite(base: Path, collection: str, wanted: Mark) -> tuple[LiteTable, list[str]]:
    """The table of the store at `base` (made if there is none), and notices of what had to be set aside.

    What can't be read, or lacks something, is renamed and an empty table begun; the ledger fills it again.

    Raises:
        Unavailable: another process has it open.
        Conflict: another model made it.
    """
    base.parent.mkdir(parents=True, exist_ok=True)
    mark, notices = _read_mark(base)
    path = lite_file.in_use(base, mark)
    if mark is None and path.exists() and not notices:
        notices.append(f"{path} has no mark; the index is rebuilt")
    table = None
    if mark is not None and mark.serves(wanted, str(path)):
        table = _continued(base, path, collection, mark, notices)
    if table is None:
        unerased = 0 if mark is None else mark.unerased  # of what was set aside
        table = _begun(base, collection, wanted.at(0, unerased), notices)
    _tidy(base, table)
    return table, notices


def open_copy(base: Path, collection: str, wanted: Mark, used: Mark) -> LiteTable:
    """An empty table beside the one in use, whose mark is `used`. Copies that were begun before are removed."""
    with _disk_errors():
        lite_file.remove(lite_file.unused(base, lite_file.in_use(base, used)))
    path = lite_file.copy_path(base)
    try:
        return _opened(base, path, collection, replace(wanted, place=path.name), usable=False)
    except (MilvusException, OSError) as error:
        server_manager_instance.release_server(str(path))
        raise Unavailable(f"no copy of {base} can be begun: {error}") from error


@contextmanager
def _disk_errors() -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise Unavailable(f"the files of the vector index: {error}") from error


def _read_mark(base: Path) -> tuple[Mark | None, list[str]]:
    path = lite_file.mark_path(base)
    try:
        return read_mark(path), []
    except DamagedMark as error:
        return None, [f"{lite_file.set_aside(path)}: damaged mark ({error}); the index is rebuilt"]


def _continued(base: Path, path: Path, collection: str, mark: Mark, notices: list[str]) -> LiteTable | None:
    """The table as the mark describes it; None: the file is damaged, and was set aside."""
    lack: object = lite_file.missing(path, collection, mark)
    if lack is None:
        try:
            return _opened(base, path, collection, mark, usable=True)
        except (MilvusException, OSError) as error:
            lack = error
            server_manager_instance.release_server(str(path))
    _refuse_if_locked(path)
    where = f"{lite_file.set_aside(path)}" if path.exists() else f"{path} is gone"
    notices.append(f"{where}: damaged vectors ({lack}); the index is rebuilt")
    return None


def _begun(base: Path, collection: str, wanted: Mark, notices: list[str]) -> LiteTable:
    """An empty table in the file that was asked for, marked as one."""
    try:
        table = _opened(base, base, collection, wanted, usable=False)
    except (MilvusException, OSError) as error:
        server_manager_instance.release_server(str(base))
        _refuse_if_locked(base)
        if base.exists():
            notices.append(f"{lite_file.set_aside(base)}: damaged vectors ({error}); the index is rebuilt")
        with translated():
            table = _opened(base, base, collection, wanted, usable=False)
    write_mark(lite_file.mark_path(base), table.mark)
    return table


def _opened(base: Path, path: Path, collection: str, mark: Mark, *, usable: bool) -> LiteTable:
    client = MilvusClient(str(path))
    if begin(client, collection, mark, usable=usable, lite=True) and usable:
        raise OSError(f"there is no collection {collection} in it")
    return LiteTable(client, collection, mark, base, path)


def _refuse_if_locked(path: Path) -> None:
    if lite_file.is_locked(path):
        raise Unavailable(f"{path} is open in another process", {"path": str(path)})


def _tidy(base: Path, table: LiteTable) -> None:
    """Removes copies that aren't in use, unless another process has made one of them the one in use meanwhile."""
    mark, _ = _read_mark(base)
    if mark is None or mark.place != table.mark.place:
        table.close()
        raise Unavailable(f"{base} is open in another process", {"path": str(base)})
    with _disk_errors():
        lite_file.remove(lite_file.unused(base, lite_file.in_use(base, mark)))
