"""What holds for every test: hypothesis profiles, Ctrl-C, garbage. Fixtures live beside the tests that use them."""

from __future__ import annotations

import gc
import os
import signal

from hypothesis import HealthCheck, settings

# A shared machine is slow at times; a deadline per example would only measure that.
settings.register_profile("laptop", deadline=None)
settings.register_profile(
    "ci",
    deadline=None,
    derandomize=True,
    max_examples=300,
    print_blob=True,
    suppress_health_check=[HealthCheck.too_slow],
)
settings.register_profile("long", deadline=None, max_examples=5000, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("ci" if os.environ.get("CI") else "laptop")

# A shell that starts the tests in the background has them, and all that they start, ignore Ctrl-C.
signal.signal(signal.SIGINT, signal.default_int_handler)


def pytest_collection_finish() -> None:
    """What was imported stays: looking for garbage in it again and again takes a fifth of the time of all tests."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 20, 50)
