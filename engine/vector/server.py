"""A table in a collection on a Milvus server (2.5 or later): opened, copied."""

from __future__ import annotations

import numpy as np
from pymilvus import MilvusClient

from engine.errors import Conflict
from engine.vector.collection import begin, create, load, row_count, translated
from engine.vector.expressions import quoted
from engine.vector.mark import DamagedMark, Mark
from engine.vector.milvus import NO_PROJECT, MilvusTable

_MARK_ID = "remora:mark"
_COPY = "_copy"


class ServerTable(MilvusTable):
    """The table of one collection. A server has rows durable when it answers, and limits flushes.

    The mark is a row of no project in the collection itself, so that it is there wherever the actor runs next.
    """

    keeps_erased = False

    def flush(self, position: int, unerased: int) -> None:
        """Writes the mark."""
        mark = self.mark.at(position)
        vector = np.full(mark.dimensions, mark.dimensions**-0.5, dtype=np.float32)
        row = {**NO_PROJECT, "memory_id": _MARK_ID, "payload": [mark.text()], "vector": vector}
        with translated():
            self._client.upsert(self._collection, [row])
        self.mark = mark

    def take_over(self, old: MilvusTable, position: int, unerased: int) -> None:
        """This collection gets the name of the old one, which is dropped before.

        The copy gets its mark first. After a crash between the two steps there is only the copy, with a mark, and it
        gets its name when it is opened; a copy beside the old collection is dropped then.
        """
        name = old._collection
        self.flush(position, unerased)
        with translated():
            self._client.drop_collection(name)
            self._client.rename_collection(self._collection, name)
            load(self._client, name)
        self._collection = name

    def close(self) -> None:
        """Lets go of the connection."""
        self._client.close()

    def remove(self) -> None:
        """Closes it, and drops the collection if it is a copy; what was in use is dropped in `take_over`."""
        try:
            if self._collection.endswith(_COPY):
                with translated():
                    self._client.drop_collection(self._collection)
        finally:
            self.close()

    def _purged(self) -> None:
        """Asks the server to write its segments anew; when it removes the old ones is its own setting."""
        with translated():
            self._client.compact(self._collection)


def open_server(uri: str, token: str, collection: str, wanted: Mark) -> tuple[ServerTable, list[str]]:
    """The table on a server, and notices.

    Raises:
        Unavailable: the server doesn't answer.
        Conflict: the collection was made by another model, or not by Remora.
    """
    with translated():
        client = MilvusClient(uri, token=token)
        _finish_copy(client, collection)
        mark = _read_mark(client, collection)
        if mark is None and client.has_collection(collection) and row_count(client, collection):
            raise Conflict(f"the collection {collection} at {uri} holds rows without Remora's mark; remove it first")
        usable = mark is not None and mark.serves(wanted, f"the collection {collection} at {uri}")
        fresh = begin(client, collection, wanted, usable=usable, lite=False)
    table = ServerTable(client, collection, wanted if fresh or mark is None else mark)
    if fresh:
        table.flush(0, 0)
    return table, []


def open_copy(uri: str, token: str, collection: str, wanted: Mark) -> ServerTable:
    """An empty table beside the one in use. One that was begun before is dropped."""
    copy = collection + _COPY
    with translated():
        client = MilvusClient(uri, token=token)
        if client.has_collection(copy):
            client.drop_collection(copy)
        create(client, copy, wanted, lite=False)
        client.load_collection(copy)
    return ServerTable(client, copy, wanted)


def _finish_copy(client: MilvusClient, collection: str) -> None:
    """Ends what a crash interrupted: see `ServerTable.take_over`."""
    copy = collection + _COPY
    if not client.has_collection(copy):
        return
    if client.has_collection(collection) or _read_mark(client, copy) is None:
        client.drop_collection(copy)
    else:
        client.rename_collection(copy, collection)


def _read_mark(client: MilvusClient, collection: str) -> Mark | None:
    """The mark in a collection; None: there is none that can be read."""
    if not client.has_collection(collection):
        return None
    client.load_collection(collection)
    rows = client.query(collection, filter=f"memory_id == {quoted(_MARK_ID)}", output_fields=["payload"])
    try:
        return Mark.parse("".join(rows[0]["payload"])) if rows else None
    except DamagedMark:
        return None
