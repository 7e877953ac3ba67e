"""The collection that a table's rows are in: its columns and indexes, made, opened and emptied."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from pymilvus import CollectionSchema, DataType, Function, FunctionType, MilvusClient, MilvusException

from engine.errors import Unavailable
from engine.types import SCOPE_FIELDS
from engine.vector.keywords import K1, B
from engine.vector.mark import Mark
from engine.vector.payload import PIECE_CHARS

MOST_VARCHAR_BYTES = 65_535
_MOST_PIECES = 64
_ID_BYTES = 2048


def begin(client: MilvusClient, collection: str, mark: Mark, *, usable: bool, lite: bool) -> bool:
    """Has the collection loaded; rows that aren't usable are dropped before. Whether it is a new one."""
    exists = client.has_collection(collection)
    if exists and not usable:
        client.drop_collection(collection)
    fresh = not (exists and usable)
    if fresh:
        create(client, collection, mark, lite=lite)
    load(client, collection)
    return fresh


def load(client: MilvusClient, collection: str) -> None:
    """Ready to be searched; reads a row, so that a collection which can't be read is noticed here."""
    client.load_collection(collection)
    client.query(collection, filter='project != ""', limit=1, output_fields=["payload", "vector"])


def create(client: MilvusClient, collection: str, mark: Mark, *, lite: bool) -> None:
    """An empty collection with its indexes."""
    index = client.prepare_index_params()
    index.add_index("vector", index_type="FLAT" if lite else "AUTOINDEX", metric_type="COSINE")
    index.add_index(
        "keywords", index_type="SPARSE_INVERTED_INDEX", metric_type="BM25", params={"bm25_k1": K1, "bm25_b": B}
    )
    client.create_collection(collection, schema=_schema(client, mark, lite), consistency_level="Strong")
    client.create_index(collection, index, sync=False)  # otherwise it sleeps half a second for each, over no rows


def row_count(client: MilvusClient, collection: str) -> int:
    """How many rows there are, about."""
    return int(client.get_collection_stats(collection)["row_count"])


@contextmanager
def translated() -> Iterator[None]:
    """Milvus' errors as `Unavailable`."""
    try:
        yield
    except MilvusException as error:
        raise Unavailable(f"Milvus: {error.message}", {"milvus_code": error.code}) from error


def _schema(client: MilvusClient, mark: Mark, lite: bool) -> CollectionSchema:
    """Only what expressions compare has a column; the rest of a version is in `payload`.

    A server keeps projects apart by partition key. In Lite that wouldn't prune (measured), so it has none.
    """
    schema = client.create_schema(auto_id=False, enable_dynamic_field=False)
    schema.add_field("memory_id", DataType.VARCHAR, is_primary=True, max_length=64)
    schema.add_field("project", DataType.VARCHAR, max_length=_ID_BYTES, is_partition_key=not lite)
    for name in SCOPE_FIELDS:
        schema.add_field(name, DataType.VARCHAR, max_length=_ID_BYTES)
    schema.add_field("created_at_us", DataType.INT64)
    schema.add_field("updated_at_us", DataType.INT64)
    schema.add_field(
        "terms",
        DataType.VARCHAR,
        max_length=MOST_VARCHAR_BYTES,
        enable_analyzer=True,
        analyzer_params={"tokenizer": "standard"},
    )
    schema.add_field(
        "payload", DataType.ARRAY, element_type=DataType.VARCHAR, max_length=PIECE_CHARS, max_capacity=_MOST_PIECES
    )
    schema.add_field("vector", DataType.FLOAT_VECTOR, dim=mark.dimensions)
    schema.add_field("keywords", DataType.SPARSE_FLOAT_VECTOR)
    schema.add_function(
        Function(
            name="bm25", function_type=FunctionType.BM25, input_field_names=["terms"], output_field_names=["keywords"]
        )
    )
    return schema
