"""A unit vector in a byte a number: each is exact to half a hundredth of the largest, which moves cosines by 0.001."""

from __future__ import annotations

from typing import TypeAlias

import numpy as np
import numpy.typing as npt

_Vector: TypeAlias = npt.NDArray[np.float32]
_LARGEST = 127
_SCALE = np.dtype("<f2")


def pack(vector: _Vector) -> bytes:
    """A unit vector, or zeros, float32 (d,), as a step (float16) and how many steps each number is (int8): 2 + d bytes.

    The step is rounded up, so that the largest number is exactly 127 steps: what was unpacked packs to the same bytes.
    """
    step = _step(float(np.max(np.abs(vector), initial=0.0)) / _LARGEST)
    steps = np.rint(vector / step) if step else np.zeros(len(vector))
    return step.tobytes() + steps.astype(np.int8).tobytes()


def unpack(data: bytes) -> _Vector:
    """What was packed: float32 (d,)."""
    step = np.frombuffer(data, _SCALE, 1)[0]
    vector: _Vector = np.frombuffer(data, np.int8, offset=_SCALE.itemsize) * np.float32(step)
    return vector


def rounded(vector: _Vector) -> _Vector:
    """As it is after it has been packed."""
    return unpack(pack(vector))


def _step(exact: float) -> np.float16:
    near = np.float16(exact)
    return near if near >= exact else np.nextafter(near, np.float16(np.inf))
