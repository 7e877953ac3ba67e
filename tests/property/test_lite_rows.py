"""Whatever was written, deleted, flushed and merged: a Lite file's rows read from inside are those that it answers."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from engine.ports import EmbedderInfo
from engine.types import Change, EventKind, MemoryVersion, Scope
from engine.vector.block import Row
from engine.vector.lite import LiteTable, open_lite
from engine.vector.mark import Mark
from engine.vector.milvus import MilvusTable

IDS = [f"m{at:03}" for at in range(60)]


def _row(rng: np.random.Generator, memory_id: str, position: int) -> Row:
    if rng.random() < 0.3:
        return Row(Change(position, EventKind.DELETE, memory_id, "p", None), None)
    text = "tea " * int(rng.integers(1, 40_000 if rng.random() < 0.05 else 4))
    version = MemoryVersion(memory_id, "p", Scope("ann"), text, 1, position, position, position)
    return Row(Change(position, EventKind.ADD, memory_id, "p", version), rng.standard_normal(4, dtype=np.float32))


def _agrees(table: LiteTable, after: str, most: int) -> None:
    assert LiteTable._fetch_ids(table, after, most) == MilvusTable._fetch_ids(table, after, most)
    inside, answered = LiteTable._read(table, set(IDS)), MilvusTable._read(table, set(IDS))
    assert {one: version for one, (version, _) in inside.items()} == {
        one: version for one, (version, _) in answered.items()
    }
    for one, (_, vector) in inside.items():
        assert np.asarray(vector).tobytes() == np.asarray(answered[one][1], dtype=np.float32).tobytes()


@pytest.mark.parametrize("seed", range(4))
def test_rows_read_from_inside_are_those_that_lite_answers(tmp_path: Path, seed: int) -> None:
    rng = np.random.default_rng(seed)
    mark = Mark.of(EmbedderInfo("test", 4, 1), "english")
    table, _ = open_lite(tmp_path / "vector.db", "rows", mark)
    position = 0
    for step in range(24):
        some = rng.choice(IDS, size=int(rng.integers(1, 20)), replace=False)
        table.write([_row(rng, str(one), (position := position + 1)) for one in some])
        if rng.random() < 0.6:
            table.flush(position, 0)
        if step == 12:
            table.close()
            table, _ = open_lite(tmp_path / "vector.db", "rows", mark)
        _agrees(table, str(rng.choice(["", *IDS])), int(rng.integers(1, len(IDS))))
    table.close()
