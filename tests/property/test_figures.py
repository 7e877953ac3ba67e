"""A quantile is never too low and at most a sixteenth too high, whatever is recorded."""

from __future__ import annotations

import math

from hypothesis import given
from hypothesis import strategies as st

from engine.figures import Histogram

VALUES = st.lists(st.floats(0.07, 1e6), min_size=1, max_size=200)


@given(VALUES)
def test_quantiles_are_within_a_sixteenth(values: list[float]) -> None:
    times = Histogram()
    for value in values:
        times.record(value)
    figures = times.figures()
    for name, share in (("p50", 0.5), ("p95", 0.95)):
        exact = sorted(values)[math.ceil(len(values) * share) - 1]
        assert exact - 0.001 <= figures[name] <= exact * (1 + 1 / 16) + 0.001
    assert figures["p50"] <= figures["p95"] <= figures["max"]


@given(VALUES)
def test_every_value_is_in_one_bucket_and_below_its_bound(values: list[float]) -> None:
    times = Histogram()
    for value in values:
        times.record(value)
    figures = times.figures()
    below = 0
    for bound, count in sorted(figures["buckets"].items(), key=lambda one: float(one[0])):
        below += count
        assert below == sum(value <= float(bound) for value in values) or float(bound) > 1e6
    assert below == figures["count"] == len(values)
    assert math.isclose(figures["sum"], sum(values), abs_tol=0.01)
