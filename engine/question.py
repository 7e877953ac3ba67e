"""What a search asks, apart from whom it names. Pure: who speaks in a scope, and what time it is, are given."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from engine.pickling import by_fields
from engine.ranking.speakers import named, without
from engine.temporal.question import NO_TIMES, TimeQuestion, asked


@by_fields
@dataclass(frozen=True, slots=True)
class Question:
    """`text`: what is looked for, without the names of those who speak in the scope; these are `named`.

    `time`: the times that it asks for, seen from `at_us`.
    """

    text: str
    named: tuple[str, ...] = ()
    time: TimeQuestion = NO_TIMES
    at_us: int = 0


def understood(query: str, speakers: Collection[str], at_us: int, language: str) -> Question:
    """What a query asks of a scope with these speakers. `language`: that of the settings."""
    names = named(query, speakers)
    return Question(without(query, names), names, asked(query, at_us, language), at_us)
