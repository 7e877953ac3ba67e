"""Arrays that grow at their end."""

from __future__ import annotations

import numpy as np

from engine.vector.growing import Growing


def test_rows_are_copied_seldom_however_they_come() -> None:
    each: Growing[np.int64] = Growing(np.int64)
    sizes = set()
    for number in range(10_000):
        each.reserve(1)
        each.append(number)
        sizes.add(each.nbytes)
    assert len(sizes) < 30
    assert each.rows.tolist() == list(range(10_000))


def test_room_that_was_asked_for_at_the_beginning_is_enough_and_no_more() -> None:
    known: Growing[np.float32] = Growing(np.float32, 2)
    known.reserve(100)
    before = known.nbytes
    for _ in range(100):
        known.append(1.0)
    assert known.nbytes == before == 100 * 2 * 4
