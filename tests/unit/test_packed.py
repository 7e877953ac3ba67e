"""Vectors in a byte a number."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from engine.packed import pack, rounded, unpack


def _unit(vector: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    length = np.linalg.norm(vector)
    return vector / length if length > 1e-3 else np.zeros_like(vector)


_VECTORS = arrays(np.float32, st.integers(1, 400), elements=st.floats(-1, 1, width=32)).map(_unit)


@given(_VECTORS)
def test_each_number_is_at_most_half_a_step_off(vector: npt.NDArray[np.float32]) -> None:
    step = np.abs(vector).max() / 127
    # Which is a float16, up to 0.1 % more than it has to be.
    assert np.abs(rounded(vector) - vector).max() <= 0.501 * step


@given(_VECTORS)
def test_what_was_unpacked_packs_to_the_same_bytes(vector: npt.NDArray[np.float32]) -> None:
    once = pack(vector)
    assert pack(unpack(once)) == once


def test_a_vector_takes_a_byte_a_number_and_two_more() -> None:
    assert len(pack(np.ones(384, np.float32))) == 386


def test_a_zero_vector_stays_one() -> None:
    assert rounded(np.zeros(3, np.float32)).tolist() == [0, 0, 0]


def test_a_unit_vector_keeps_its_direction() -> None:
    vector = np.random.default_rng(1).standard_normal(384).astype(np.float32)
    vector /= np.linalg.norm(vector)
    assert float(rounded(vector) @ vector) > 0.9999
