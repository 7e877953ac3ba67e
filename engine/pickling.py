"""Frozen dataclasses that travel between processes, pickled quickly. Which ones do is said where they are defined."""

from __future__ import annotations

from dataclasses import fields
from operator import attrgetter
from typing import Any, TypeVar

T = TypeVar("T")


def by_fields(cls: type[T]) -> type[T]:
    """Pickle instances as a call of the class with its fields in order.

    What a frozen dataclass with slots does by itself looks its fields up anew for each instance, on both sides: three
    times the work for writing and twice for reading (measured on the hits of a search).

    Raises:
        TypeError: a field isn't a positional argument of the class.
    """
    names = [field.name for field in fields(cls)]  # type: ignore[arg-type]  # mypy can't say "a dataclass"
    if not all(field.init and not field.kw_only for field in fields(cls)):  # type: ignore[arg-type]
        raise TypeError(f"{cls.__name__}: every field has to be a positional argument")
    values = attrgetter(*names)
    alone = len(names) == 1

    def reduce(self: Any) -> tuple[type[T], tuple[Any, ...]]:
        return cls, ((values(self),) if alone else values(self))

    cls.__reduce__ = reduce  # type: ignore[method-assign]
    return cls
