"""Memories in the shape that a JSON Schema describes. Pure.

`shape` reads and bounds a schema, `filling` makes an object of memories that follows it.
"""

from __future__ import annotations

from engine.exports.filling import filled
from engine.exports.shape import Shape, shape_of

__all__ = ["Shape", "filled", "shape_of"]
