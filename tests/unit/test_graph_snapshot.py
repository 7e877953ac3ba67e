"""The bytes of a graph snapshot."""

from __future__ import annotations

from pathlib import Path

import pytest

from engine.graph.contribution import Contribution
from engine.graph.snapshot import Damaged, decode, encode, set_aside, write
from engine.types import Entity, Relation, Scope

MEMORY = Contribution(
    "m",
    "p",
    Scope(user_id="anna", run_id="1"),
    7,
    (Entity("Anna", "person"), Entity("half \ud83d")),
    (Relation("Anna", "likes", "half \ud83d", None, 5),),
    8,
    "2030-01-01",
)


def test_a_snapshot_comes_back_as_it_was() -> None:
    saved = decode(3, encode(3, 9, [MEMORY]))
    assert saved.position == 9
    (memory,) = saved.memories
    assert memory.same_as(MEMORY)
    assert memory.project == "p"


def test_every_damaged_byte_is_noticed() -> None:
    raw = encode(0, 9, [MEMORY])
    for at in range(len(raw)):
        with pytest.raises(Damaged):
            decode(0, raw[:at] + bytes([raw[at] ^ 0x55]) + raw[at + 1 :])


def test_every_cut_is_noticed() -> None:
    raw = encode(0, 9, [MEMORY])
    for at in range(len(raw)):
        with pytest.raises(Damaged):
            decode(0, raw[:at])


def test_another_shards_snapshot_is_not_taken() -> None:
    with pytest.raises(Damaged, match="shard 1"):
        decode(0, encode(1, 9, [MEMORY]))


def test_writing_replaces_the_file_whole_and_leaves_nothing_beside_it(tmp_path: Path) -> None:
    path = tmp_path / "new folder" / "graph.msgpack"
    write(path, b"one")
    write(path, b"two")
    assert path.read_bytes() == b"two"
    assert list(path.parent.iterdir()) == [path]


def test_files_set_aside_do_not_overwrite_each_other(tmp_path: Path) -> None:
    path = tmp_path / "graph.msgpack"
    for content in (b"one", b"two"):
        path.write_bytes(content)
        set_aside(path)
    assert (tmp_path / "graph.msgpack.damaged-1").read_bytes() == b"one"
    assert (tmp_path / "graph.msgpack.damaged-2").read_bytes() == b"two"
