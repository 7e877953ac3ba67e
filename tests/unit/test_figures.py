"""Distributions: counted since the start, quantiles of what came lately."""

from engine.figures import BOUNDS, Histogram, calls_per_request


class Clock:
    def __init__(self) -> None:
        self.now_s = 1000.0

    def __call__(self) -> float:
        return self.now_s


def test_before_the_first_value_every_figure_is_zero() -> None:
    figures = Histogram().figures()
    assert figures.pop("buckets") == {}
    assert set(figures.values()) == {0}


def test_small_whole_numbers_are_told_exactly() -> None:
    sizes = Histogram()
    for size in [1] * 50 + [7] * 40 + [31] * 10:
        sizes.record(size)
    figures = sizes.figures()
    assert (figures["count"], figures["sum"], figures["mean"]) == (100, 640, 6.4)
    assert (figures["p50"], figures["p95"], figures["max"]) == (1, 31, 31)


def test_a_bucket_holds_its_upper_bound() -> None:
    times = Histogram()
    for value in (1.0, 1.001, 2.0, 64.0):
        times.record(value)
    assert times.figures()["buckets"] == {"1": 1, "2": 2, "64": 1}


def test_what_lies_outside_the_buckets_is_still_counted() -> None:
    times = Histogram()
    for value in (-1.0, 0.0, 1e-9, 1e12):
        times.record(value)
    figures = times.figures()
    assert figures["count"] == 4
    assert figures["max"] == 1e12
    assert figures["buckets"] == {"0.125": 3, f"{BOUNDS[-1]:.7g}": 1}


def test_old_values_leave_the_recent_figures_and_stay_counted() -> None:
    clock = Clock()
    times = Histogram(clock)
    times.record(1000)
    clock.now_s += 31
    times.record(10)
    assert times.figures()["max"] == 1000, "the window before still counts"
    clock.now_s += 30
    times.record(10)
    figures = times.figures()
    assert (figures["recent"], figures["p50"], figures["max"]) == (2, 10, 10)
    assert (figures["count"], figures["sum"]) == (3, 1020)


def test_after_a_long_silence_nothing_is_recent() -> None:
    clock = Clock()
    times = Histogram(clock)
    times.record(5)
    clock.now_s += 61
    assert times.figures() | {"buckets": {}} == {
        "count": 1,
        "sum": 5,
        "recent": 0,
        "mean": 0,
        "p50": 0,
        "p95": 0,
        "max": 0,
        "buckets": {},
    }
    times.record(7)
    assert times.figures()["mean"] == 7


def test_asking_changes_nothing() -> None:
    clock = Clock()
    times = Histogram(clock)
    times.record(5)
    clock.now_s += 31
    first = times.figures()
    assert times.figures() == first
    times.record(6)
    assert times.figures()["recent"] == 2


def queue(calls: int, items: int) -> dict[str, dict[str, int]]:
    return {"batch": {"recent": calls}, "wait_ms": {"recent": items}}


def test_calls_are_told_per_request_that_may_need_them() -> None:
    queues = {"embedder": queue(5, 30), "ledger": queue(4, 40), "vector": queue(2, 10), "graph": queue(1, 6)}
    assert calls_per_request(queues, operations=20) == {
        "embedder": 0.167,
        "ledger": 0.2,
        "vector": 0.2,
        "graph": 0.1,
    }


def test_without_requests_there_is_no_ratio() -> None:
    assert calls_per_request({"vector": queue(0, 0), "ledger": queue(0, 0)}, operations=0) == {
        "vector": None,
        "ledger": None,
    }
