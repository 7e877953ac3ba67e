"""Memories of Mem0 in the directory of its local Qdrant, read without Mem0 and without Qdrant. Nothing is written."""

from __future__ import annotations

import io
import pickle
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

from remora.errors import InvalidInput
from remora.migration.records import Row, of_payload

_DAMAGED = (pickle.UnpicklingError, ArithmeticError, AttributeError, EOFError, LookupError, RecursionError, TypeError,
            ValueError)  # fmt: skip
"""What reading a pickle raises that is none, or that makes something else than a point."""


def of_qdrant(directory: Path, collection: str) -> Iterator[Row]:
    """The memories in the directory that Mem0's configuration names as `vector_store.config.path`.

    Raises:
        InvalidInput: there is no such collection, or it can't be read.
    """
    file = directory / "collection" / collection / "storage.sqlite"
    if not file.is_file():
        there = sorted(one.parent.name for one in (directory / "collection").glob("*/storage.sqlite"))
        known = f"; it has {', '.join(there)}" if there else " of a local Qdrant"
        raise InvalidInput(f"{directory} has no collection {collection}{known}", {"field": "qdrant"})
    try:
        with closing(sqlite3.connect(f"{file.resolve().as_uri()}?mode=ro", uri=True)) as database:
            points = database.execute("SELECT point FROM points ORDER BY rowid")
            for number, (blob,) in enumerate(points, 1):
                yield Row(number, _point(blob))
    except sqlite3.Error as error:
        raise InvalidInput(f"{file} can't be read: {error}", {"field": "qdrant"}) from error


class _Plain:
    """Stands for whatever class or function a pickle names: only the values of its fields are read."""

    def __init__(self, *_: Any) -> None:
        self.fields: Any = {}

    def __setstate__(self, state: Any) -> None:
        self.fields = state.get("__dict__", {}) if isinstance(state, dict) else {}


class _Reader(pickle.Unpickler):
    """Reads points without Qdrant, and without trusting them: nothing that they name is looked up or called."""

    def find_class(self, _module: str, _name: str) -> type:
        return _Plain


def _point(blob: object) -> object:
    """A point as Mem0 shows a memory; what is none as it is, for the reader of rows to refuse."""
    try:
        point = _Reader(io.BytesIO(blob)).load() if isinstance(blob, bytes) else None
    except _DAMAGED:
        return None
    if not isinstance(point, _Plain) or not isinstance(getattr(point, "fields", None), dict):
        return None
    return of_payload(point.fields.get("id"), point.fields.get("payload"))
