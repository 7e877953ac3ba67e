"""What "as of then" means in a request: a time, or a position of the ledger. Pure: no clock."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from engine.errors import InvalidInput
from engine.pickling import by_fields
from engine.times import iso, parse_moment
from engine.values import count_of

AS_OF_FIELDS = frozenset({"as_of", "as_of_position"})
_MOST = 2**63
_SKEW_US = 1_000_000
"""Clocks of callers may go ahead of the server's by so much: that still means now."""


@by_fields
@dataclass(frozen=True, slots=True)
class AsOf:
    """The state that is asked for; one of the two is set. `position`: the shard's own."""

    at_us: int | None = None
    position: int | None = None


@by_fields
@dataclass(frozen=True, slots=True)
class Moment:
    """A state of a shard: after the event at `position`; `at_us` is its time for whatever depends on one, as expiry.

    `latest`: nothing has happened since.
    """

    position: int
    at_us: int
    latest: bool = False


def parse_as_of(fields: Mapping[str, Any]) -> AsOf | None:
    """Which state a request asks for; None: that of now.

    Raises:
        InvalidInput: it is no time with an offset and no position, or both are given.
    """
    at, position = fields.get("as_of"), fields.get("as_of_position")
    if at is not None and position is not None:
        raise InvalidInput("give as_of (a time) or as_of_position, not both", {"field": "as_of_position"})
    if position is not None:
        return AsOf(position=count_of(position, "as_of_position", 0, _MOST, least=0))
    return None if at is None else AsOf(at_us=parse_moment(at, "as_of"))


def not_ahead(as_of: AsOf, now_us: int) -> AsOf:
    """The same, where the time has come already.

    Raises:
        InvalidInput: it lies in the future.
    """
    if as_of.at_us is None or as_of.at_us <= now_us:
        return as_of
    if as_of.at_us > now_us + _SKEW_US:
        raise InvalidInput(
            f"as_of lies in the future: here it is {iso(now_us)}; leave as_of out to ask for now", {"field": "as_of"}
        )
    return AsOf(at_us=now_us)


def at_position(moment: Moment, asked: AsOf) -> Moment:
    """The moment that the ledger answered.

    Raises:
        InvalidInput: the ledger hasn't come to the position.
    """
    if asked.position is not None and moment.position < asked.position:
        raise InvalidInput(
            f"as_of_position lies in the future: the last change has position {moment.position}",
            {"field": "as_of_position"},
        )
    return moment
