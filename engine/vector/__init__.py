"""The vector store: which one, by settings. Drivers are imported only where they are used."""

from __future__ import annotations

from functools import partial
from pathlib import Path

from engine.config import Settings
from engine.ports import EmbedderInfo, VectorStore


def build(settings: Settings, shard: int, info: EmbedderInfo) -> VectorStore:
    """The store of one shard, opened: a Milvus server, a Lite file by path, or one Lite file in the data directory.

    Raises:
        Unavailable: the server doesn't answer, or another process has the file open.
        Conflict: another model made what is stored there.
        InvalidInput: a setting can't be used.
    """
    from engine.text.analyzer import Analyzer
    from engine.vector import lite, server
    from engine.vector.mark import Mark
    from engine.vector.store import MilvusVectorStore

    chosen = settings.vector
    analyzer = Analyzer(chosen.language)
    wanted = Mark.of(info, analyzer.identity)
    collection = f"{chosen.collection}_{shard}"
    uri = chosen.uri
    made = partial(
        MilvusVectorStore,
        analyzer=analyzer,
        block_bytes=chosen.block_bytes,
        flush_rows=chosen.flush_rows,
    )
    if uri is not None and uri.startswith(("http://", "https://")):
        token = chosen.token.get_secret_value() if chosen.token else ""
        return made(
            lambda: server.open_server(uri, token, collection, wanted),
            open_copy=lambda _: server.open_copy(uri, token, collection, wanted),
        )
    path = settings.data_dir / f"vector-{shard}.db" if uri is None else lite_path(uri, shard)
    return made(
        lambda: lite.open_lite(path, collection, wanted),
        open_copy=lambda used: lite.open_copy(path, collection, wanted, used.mark),
    )


def lite_path(uri: str, shard: int) -> Path:
    """The Lite file of a shard for a path that the user gave: shard 0 has the path itself, others a number in it.

    pymilvus takes only names that end in `.db` for files.
    """
    path = Path(uri).expanduser().absolute()
    if path.suffix != ".db":
        path = path.with_name(path.name + ".db")
    return path if shard == 0 else path.with_name(f"{path.stem}-{shard}.db")
