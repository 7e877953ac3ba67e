"""A shard's ledger as a file: a stream of msgpack objects, written and read a few rows at a time.

1. a map: `remora` ("ledger"), `format` (1), and `shard`: the one row of that table by column (position, secret, …)
2. for each table a map with `table` and `columns`, then its rows: arrays of str, bin, int or nil, in that order
3. a map with `rows`: how many each table has

`versions.vector` is little-endian float32; `versions.extra`, `operations.request`, `result` and `error` are bin values
that hold msgpack themselves.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, TypeAlias

import msgpack

from engine.ledger.dump import TABLES, Snapshot

FORMAT = 1
_KIND = "ledger"
_WRITE_BYTES = 1 << 20
_READ_BYTES = 1 << 20
_MOST_OBJECT_BYTES = 1 << 30

Advance: TypeAlias = Callable[[int], None]


class Damaged(ValueError):
    """The file isn't what was written; the message says how."""


@dataclass(frozen=True, slots=True)
class Written:
    """What came to be in a file."""

    bytes: int
    sha256: str


@dataclass(frozen=True, slots=True)
class Row:
    """One row of a table; values in the order of the columns."""

    table: str
    columns: Sequence[str]
    values: Sequence[Any]


def write(file: IO[bytes], snapshot: Snapshot, advance: Advance) -> Written:
    """All of a snapshot. `advance` is told how many rows more are written."""
    digest = hashlib.sha256()
    size = 0
    buffer = bytearray()
    pack = msgpack.Packer().pack

    def flush() -> None:
        nonlocal size
        file.write(buffer)
        digest.update(buffer)
        size += len(buffer)
        buffer.clear()

    for thing, rows in _objects(snapshot):
        buffer += pack(thing)
        if len(buffer) >= _WRITE_BYTES:
            flush()
        if rows:
            advance(rows)
    flush()
    return Written(size, digest.hexdigest())


def _objects(snapshot: Snapshot) -> Iterator[tuple[Any, int]]:
    """Everything in the file's order, and how many rows each of it is."""
    yield {"remora": _KIND, "format": FORMAT, "shard": dict(snapshot.holdings.shard)}, 0
    counted = dict.fromkeys(TABLES, 0)
    for table in TABLES:
        columns = snapshot.columns(table)
        yield {"table": table, "columns": columns}, 0
        for row in snapshot.rows(table, columns):
            counted[table] += 1
            yield row, 1
    yield {"rows": counted}, 0


class DumpReader:
    """Reads a dump once, from its beginning: `shard`, then `rows` to the end; then `written` is known."""

    def __init__(self, path: Path) -> None:
        self._file = path.open("rb")
        self._digest = hashlib.sha256()
        self._bytes = 0
        self._stream = msgpack.Unpacker(
            self, read_size=_READ_BYTES, max_buffer_size=_MOST_OBJECT_BYTES, strict_map_key=False
        )
        self.counted: dict[str, int] = {}

    def __enter__(self) -> DumpReader:
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()

    def read(self, size: int) -> bytes:
        """For the stream alone: whatever is read is part of the checksum."""
        raw = self._file.read(size)
        self._digest.update(raw)
        self._bytes += len(raw)
        return raw

    @property
    def written(self) -> Written:
        """What was read, once all rows are."""
        return Written(self._bytes, self._digest.hexdigest())

    def shard(self) -> Mapping[str, Any]:
        """The row of `shard`.

        Raises:
            Damaged: the file doesn't begin as a dump.
        """
        head = self._next()
        if not isinstance(head, dict) or head.get("remora") != _KIND or not isinstance(head.get("shard"), dict):
            raise Damaged("it is no dump of a ledger")
        if head.get("format") != FORMAT:
            raise Damaged(f"it has format {head.get('format')!r}, this Remora reads {FORMAT}")
        found: dict[str, Any] = head["shard"]
        return found

    def rows(self) -> Iterator[Row]:
        """Every row.

        Raises:
            Damaged: something else is there, or it ends too early.
        """
        heading: dict[str, Any] = {}
        while True:
            thing = self._next()
            if isinstance(thing, list):
                yield self._row(heading, thing)
            elif isinstance(thing, dict) and "table" in thing:
                heading = thing
                self.counted.setdefault(str(heading["table"]), 0)
            elif isinstance(thing, dict) and thing.get("rows") == self.counted:
                return self._end()
            else:
                raise Damaged("it holds something that isn't part of a dump")

    def _row(self, heading: Mapping[str, Any], values: list[Any]) -> Row:
        columns = heading.get("columns")
        if not isinstance(columns, list) or len(columns) != len(values):
            raise Damaged("a row doesn't fit its table")
        table = str(heading["table"])
        self.counted[table] += 1
        return Row(table, columns, values)

    def _end(self) -> None:
        if self._stream.read_bytes(1) or self.read(1):
            raise Damaged("something follows its end")

    def _next(self) -> Any:
        try:
            return self._stream.unpack()
        except msgpack.OutOfData:
            raise Damaged("it ends too early") from None
        except (msgpack.UnpackException, ValueError, TypeError, RecursionError) as error:
            raise Damaged(f"it can't be read ({type(error).__name__})") from error
