"""What a shard's files take on disk."""

from __future__ import annotations

from pathlib import Path

from engine.disk import per_memory, used_bytes


def test_every_file_of_a_part_counts_and_those_of_other_shards_do_not(tmp_path: Path) -> None:
    (tmp_path / "ledger-0.db").write_bytes(b"x" * 10)
    (tmp_path / "ledger-0.db-wal").write_bytes(b"x" * 5)
    (tmp_path / "ledger-1.db").write_bytes(b"x" * 100)
    (tmp_path / "vector-0.db" / "data").mkdir(parents=True)
    (tmp_path / "vector-0.db" / "data" / "rows").write_bytes(b"x" * 7)
    assert used_bytes(tmp_path, 0) == {"ledger": 15, "vector": 7, "graph": 0}


def test_signals_are_shown_apart_from_the_ledger_that_they_lie_in() -> None:
    used = {"ledger": 1000, "vector": 400, "graph": 0}
    shown = per_memory(used, 10, 5, {"context": 20.0, "tokens": 40.0})
    assert shown == {"ledger": 70, "vector": 40, "graph": 0, "context": 10, "tokens": 20}
    assert sum(shown.values()) == 140


def test_without_memories_there_is_nothing_to_share(tmp_path: Path) -> None:
    assert per_memory(used_bytes(tmp_path, 0), 0, 0, {}) == {}
