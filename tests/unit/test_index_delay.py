"""How far behind an index is, in time."""

from engine.index_delay import IndexDelay


class Clock:
    now_s = 50.0

    def __call__(self) -> float:
        return self.now_s


def test_the_oldest_commit_that_is_missing_tells_the_lag() -> None:
    clock = Clock()
    delay = IndexDelay(clock)
    delay.committed(1)
    clock.now_s += 2
    delay.committed(2)
    clock.now_s += 3
    assert delay.figures()["lag_s"] == 5
    delay.applied(1, target=2)
    assert delay.figures()["lag_s"] == 3
    delay.applied(2, target=2)
    assert delay.figures()["lag_s"] == 0
    assert delay.figures()["late_ms"]["max"] == 5000


def test_an_index_that_lost_what_it_had_is_late_from_then_on() -> None:
    clock = Clock()
    delay = IndexDelay(clock)
    delay.committed(7)
    delay.applied(7, target=7)
    clock.now_s += 100
    delay.applied(0, target=7)
    clock.now_s += 4
    assert delay.figures()["lag_s"] == 4


def test_an_index_that_is_away_for_long_takes_no_more_memory() -> None:
    clock = Clock()
    delay = IndexDelay(clock)
    for position in range(1, 5001):
        delay.committed(position)
    clock.now_s += 9
    assert delay.figures()["lag_s"] == 9
    delay.applied(4999, target=5000)
    assert delay.figures()["lag_s"] == 9, "the last one is still missing"
    delay.applied(5000, target=5000)
    assert delay.figures()["late_ms"]["count"] == 1024
