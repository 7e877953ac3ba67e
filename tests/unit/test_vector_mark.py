"""The mark beside a vector table: what it lets pass, what it refuses, and how it is written."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from engine.errors import Conflict
from engine.ports import EmbedderInfo
from engine.types import Entity, MemoryVersion, Relation, Scope
from engine.vector import lite_path
from engine.vector.mark import DamagedMark, Mark, read_mark, write_mark
from engine.vector.payload import PIECE_CHARS, pack, unpack

MARK = Mark.of(EmbedderInfo("mini", 384, 256), "english")


def test_a_mark_is_read_as_it_was_written(tmp_path: Path) -> None:
    path = tmp_path / "mark.json"
    assert read_mark(path) is None
    for position in (0, 7):
        write_mark(path, MARK.at(position))
        assert read_mark(path) == MARK.at(position)
    assert [file.name for file in tmp_path.iterdir()] == ["mark.json"]


@pytest.mark.parametrize(
    "text",
    [
        "",
        "null",
        "[]",
        "{",
        '{"position": 5}',
        MARK.text().replace('"position": 0', '"position": "0"'),
        MARK.text().replace('"position": 0', '"position": true'),
        MARK.text().replace('"position": 0', '"position": -1'),
        json.dumps({**json.loads(MARK.text()), "more": 1}),
    ],
)
def test_anything_else_is_damaged(text: str) -> None:
    with pytest.raises(DamagedMark):
        Mark.parse(text)


def test_bytes_that_are_no_text_are_damaged(tmp_path: Path) -> None:
    (tmp_path / "mark").write_bytes(b"\xff\x00\xfe")
    with pytest.raises(DamagedMark):
        read_mark(tmp_path / "mark")


def test_rows_serve_only_the_same_model_language_and_layout() -> None:
    assert MARK.at(5).serves(MARK, "here")
    assert not MARK.serves(MARK, "here"), "an empty table is begun anew"
    assert not Mark("mini", 384, "german", position=5).serves(MARK, "here")
    assert not Mark("mini", 384, "english", layout=0, position=5).serves(MARK, "here")
    with pytest.raises(Conflict, match=r"in here were made by mini \(384 dimensions\).*is maxi \(384\)"):
        MARK.serves(Mark("maxi", 384, "english"), "here")


@pytest.mark.parametrize(
    "version",
    [
        MemoryVersion("m", "p", Scope("u"), "text", 1, 1, 1, 1),
        MemoryVersion(
            "m",
            "p",
            Scope(agent_id="a", run_id='"\\'),
            "🐟\n\u2028" * PIECE_CHARS,
            2,
            3,
            -5,
            1 << 60,
            role="user",
            metadata={"a": {"b": [1, 2.5, None, True]}},
            categories=("x", "y"),
            entities=(Entity("Mono", "animal"),),
            relations=(Relation("a", "b", "c", 1, None),),
        ),
        MemoryVersion("m", "p", Scope("u"), "none found", 1, 1, 1, 1, entities=()),
    ],
)
def test_a_version_comes_out_of_its_pieces_as_it_went_in(version: MemoryVersion) -> None:
    pieces = pack(version)
    assert all(piece.isascii() and len(piece) <= PIECE_CHARS for piece in pieces)
    assert unpack(pieces) == version


def test_each_shard_has_its_own_lite_file() -> None:
    assert lite_path("/data/v.db", 0) == Path("/data/v.db")
    assert lite_path("/data/v.db", 2) == Path("/data/v-2.db")
    assert lite_path("/data/v", 1) == Path("/data/v-1.db")
