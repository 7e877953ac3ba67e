"""Names that mean others."""

from __future__ import annotations

from dataclasses import dataclass

from engine.pickling import by_fields
from engine.types import Scope


@by_fields
@dataclass(frozen=True, slots=True)
class Alias:
    """A name, by key and as it was given, that means `into` in memories with all ids of the scope."""

    scope: Scope
    key: str
    name: str
    into: str
