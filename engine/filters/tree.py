"""The syntax tree of filters."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Any, TypeAlias


class Op(StrEnum):
    """The comparisons. `PRESENT` is the grammar's "*": the field is not null."""

    EQ = "eq"
    NE = "ne"
    GT = "gt"
    GTE = "gte"
    LT = "lt"
    LTE = "lte"
    IN = "in"
    CONTAINS = "contains"
    ICONTAINS = "icontains"
    PRESENT = "*"


@dataclass(frozen=True, slots=True)
class Everything:
    """Matches all."""


@dataclass(frozen=True, slots=True)
class Compare:
    """`field op value`.

    `field` is one of: the four scope ids, `memory_id`, `role`, `name`, `text`, `categories`, `created_at`,
    `updated_at` (both with values in microseconds), `expiration_date` (values `YYYY-MM-DD`), or `metadata` with `key`.
    """

    field: str
    op: Op
    value: Any
    key: str | None = None


@dataclass(frozen=True, slots=True)
class And:
    """Every part matches."""

    parts: tuple[Filter, ...]


@dataclass(frozen=True, slots=True)
class Or:
    """At least one part matches."""

    parts: tuple[Filter, ...]


@dataclass(frozen=True, slots=True)
class Not:
    """The part doesn't match."""

    part: Filter


Filter: TypeAlias = "Everything | Compare | And | Or | Not"


def conjunction(*filters: Filter) -> Filter:
    """All of them at once; none at all is `Everything`."""
    parts: list[Filter] = []
    for node in filters:
        match node:
            case Everything():
                pass
            case And(inner):
                parts.extend(inner)
            case _:
                parts.append(node)
    if not parts:
        return Everything()
    return parts[0] if len(parts) == 1 else And(tuple(parts))
