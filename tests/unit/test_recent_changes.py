"""What a feed keeps of the latest changes."""

from __future__ import annotations

import numpy as np

from engine.recent_changes import RecentChanges
from engine.types import Change, ChangeBatch, EventKind, MemoryVersion, Scope


def batch(after: int, text: str = "tea") -> ChangeBatch:
    """One memory, at the position after `after`."""
    position = after + 1
    version = MemoryVersion(f"m{position}", "p", Scope(user_id="u"), text, 1, position, 0, 0)
    vectors = np.zeros((1, 4), dtype=np.float32)
    return ChangeBatch(after, position, (Change(position, EventKind.ADD, version.memory_id, "p", version),), vectors)


def test_batches_that_follow_on_each_other_are_given_as_one() -> None:
    recent = RecentChanges()
    for after in range(3):
        recent.add(batch(after), follows=True)
    joined = recent.after(1)
    assert joined is not None
    assert (joined.after, joined.until, len(joined.changes)) == (1, 3, 2)


def test_what_is_too_large_to_keep_has_to_be_read_from_the_ledger() -> None:
    recent = RecentChanges(most_bytes=20_000)
    for after in range(10):
        recent.add(batch(after, "x" * 1000), follows=True)
    assert recent.after(0) is None
    joined = recent.after(8)
    assert joined is not None
    assert joined.until == 10
    recent.add(batch(10, "x" * 100_000), follows=True)
    assert recent.after(10) is None


def test_after_a_gap_nothing_from_before_it_is_given() -> None:
    recent = RecentChanges()
    recent.add(batch(0), follows=True)
    recent.add(batch(5), follows=False)
    assert recent.after(0) is None
    assert recent.after(5) is not None
