"""Stop signals: the first one stops, those that follow don't disturb, and what was there before comes back."""

from __future__ import annotations

import signal

import pytest

from remora.signals import Stopped, stop_signals


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_the_first_signal_stops(number: signal.Signals) -> None:
    with stop_signals(), pytest.raises(Stopped):
        signal.raise_signal(number)


def test_a_second_signal_does_not_cut_the_stopping_short() -> None:
    with stop_signals():
        with pytest.raises(Stopped):
            signal.raise_signal(signal.SIGINT)
        signal.raise_signal(signal.SIGINT)
        signal.raise_signal(signal.SIGTERM)


def test_the_handlers_of_before_come_back() -> None:
    before = signal.getsignal(signal.SIGTERM)
    with stop_signals():
        assert signal.getsignal(signal.SIGTERM) is not before
    assert signal.getsignal(signal.SIGTERM) is before


def test_a_stop_is_no_failure_that_somebody_could_swallow() -> None:
    assert not issubclass(Stopped, Exception)
