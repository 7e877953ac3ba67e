"""`Told` as bytes: a byte for the strength, then 17 for each range (from, until, grain)."""

from __future__ import annotations

import struct

from engine.errors import InvariantViolated
from engine.temporal.range import Grain, TimeRange
from engine.temporal.told import Told

_RANGE = struct.Struct("<qqB")
_STEPS = 2
"""Of strength: none, vague, dated."""


def pack(times: Told) -> bytes:
    """For storage; what `unpack` reads."""
    ranges = (_RANGE.pack(one.from_us, one.until_us, one.grain) for one in times.ranges)
    return bytes([round(times.strength * _STEPS)]) + b"".join(ranges)


def unpack(packed: bytes) -> Told:
    """What was packed.

    Raises:
        InvariantViolated: these bytes weren't.
    """
    try:
        ranges = tuple(
            TimeRange(from_us, until_us, Grain(grain)) for from_us, until_us, grain in _RANGE.iter_unpack(packed[1:])
        )
        return Told(ranges, packed[0] / _STEPS)
    except (struct.error, ValueError, IndexError) as error:
        raise InvariantViolated("stored times of a memory can't be read") from error
