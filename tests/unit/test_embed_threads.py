"""How a model's threads share a processor."""

from __future__ import annotations

import os

import pytest

from engine.embed.threads import let_threads_sleep, thread_count


def test_threads_sleep_unless_the_environment_says_otherwise(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("OMP_WAIT_POLICY", raising=False)
    let_threads_sleep()
    assert os.environ["OMP_WAIT_POLICY"] == "PASSIVE"
    monkeypatch.setenv("OMP_WAIT_POLICY", "ACTIVE")
    let_threads_sleep()
    assert os.environ["OMP_WAIT_POLICY"] == "ACTIVE"


def test_a_number_of_threads_that_is_set_counts() -> None:
    assert thread_count(3) == 3


def test_unset_it_is_the_cores_of_this_process_whatever_openmp_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OMP_NUM_THREADS", "99")
    assert 1 <= thread_count(None) <= (os.cpu_count() or 1)
