"""Weights as somebody gives them, checked. Pure."""

from __future__ import annotations

from collections.abc import Mapping

from engine.errors import InvalidInput
from engine.ranking.signals import Signal
from engine.ranking.weights import LARGEST_WEIGHT
from engine.values import is_number

_FIELD = "weights"


def weights_of(raw: object) -> dict[Signal, float]:
    """`{signal: weight}`; None is none given.

    Raises:
        InvalidInput: it is no object, a signal isn't known, or a weight is no number from 0 to 10.
    """
    if raw is None:
        return {}
    if not isinstance(raw, Mapping):
        raise InvalidInput('weights should be an object, as {"dense": 1}', {"field": _FIELD})
    return {_signal(name): _weight(name, value) for name, value in raw.items()}


def _signal(name: object) -> Signal:
    if isinstance(name, str) and name in frozenset(Signal):
        return Signal(name)
    raise InvalidInput(f"unknown signal {name!r} in weights; known: {', '.join(Signal)}", {"field": _FIELD})


def _weight(name: str, value: object) -> float:
    if is_number(value) and isinstance(value, int | float) and 0 <= value <= LARGEST_WEIGHT:
        return float(value)
    raise InvalidInput(f"weights.{name} should be a number from 0 to {LARGEST_WEIGHT:g}", {"field": f"{_FIELD}.{name}"})
