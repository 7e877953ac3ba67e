"""When relations are true: a newer statement of what has one target at a time closes the older. Pure.

It is told anew for every question from the memories that are live: without the newer, the older is open again.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from typing import TypeAlias

from engine.graph.aliases import Aliases
from engine.graph.contribution import Contribution
from engine.naming import relationship_key
from engine.types import Entity, Relation


@dataclass(frozen=True, slots=True, eq=False)
class Statement:
    """A relation as a memory tells it: its relation number `number`.

    `source`, `target`, `relationship` are the keys of the relation's names; `relation` tells its memory, and since when
    it is true: from when the memory was made, if that isn't said.
    """

    source: str
    relationship: str
    target: str
    relation: Relation
    memory: Contribution
    number: int

    @property
    def place(self) -> tuple[str, int]:
        """Which one it is."""
        return self.memory.memory_id, self.number

    @property
    def begins_us(self) -> int:
        """Since when it is true."""
        return begin_of(self.relation, self.memory.created_at_us)

    @property
    def order(self) -> tuple[int, int]:
        """Of two statements the one with the larger order is the newer."""
        return self.begins_us, self.memory.position


Said: TypeAlias = Callable[[str, str], Iterable[Statement]]
"""All statements about an entity (by key) with a relationship (by key)."""
Ends: TypeAlias = dict[tuple[str, int], int | None]
"""By the place of a statement, when it ends; None: it doesn't."""


def begin_of(relation: Relation, made_us: int) -> int:
    """Since when a relation is true that a memory tells which was made then."""
    return made_us if relation.valid_at_us is None else relation.valid_at_us


def statements_of(memory: Contribution) -> tuple[Statement, ...]:
    """What the memory states."""
    return tuple(
        Statement(
            Entity(edge.source).key,
            relationship_key(edge.relationship),
            Entity(edge.target).key,
            replace(edge, valid_at_us=begin_of(edge, memory.created_at_us), memory_id=memory.memory_id),
            memory,
            number,
        )
        for number, edge in enumerate(memory.relations)
    )


def renamed(statements: Iterable[Statement], aliases: Aliases) -> Iterator[Statement]:
    """The statements between the keys that `aliases` leave; what then has both ends in one says nothing."""
    if not aliases:
        yield from statements
        return
    for one in statements:
        source, target = aliases.of(one.source), aliases.of(one.target)
        if source != target:
            yield replace(one, source=source, target=target)


def is_valid(relation: Relation, at_us: int) -> bool:
    """Whether the relation is true at that time."""
    begun = relation.valid_at_us is None or relation.valid_at_us <= at_us
    return begun and (relation.invalid_at_us is None or at_us < relation.invalid_at_us)


class Timeline:
    """What is true at a time.

    Args:
        said: where the statements are.
        functional: keys of the relationships that have one target at a time.
        at_us: the time.
    """

    def __init__(self, said: Said, functional: frozenset[str], at_us: int) -> None:
        self._said = said
        self._functional = functional
        self._ends: dict[tuple[str, str], Ends] = {}
        self.at_us = at_us

    def true(self, statements: Iterable[Statement]) -> Iterator[Statement]:
        """Those of the statements that are true, each with the time at which it ends, if that is known."""
        for one in statements:
            dated = self._dated(one)
            if is_valid(dated.relation, self.at_us):
                yield dated

    def _dated(self, one: Statement) -> Statement:
        if one.relationship not in self._functional:
            return one
        about = one.source, one.relationship
        if about not in self._ends:
            self._ends[about] = ends(self._said(*about))
        end = self._ends[about].get(one.place)
        return one if end is None else replace(one, relation=_closed(one.relation, end))


def ends(statements: Iterable[Statement]) -> Ends:
    """When each of the statements of one functional relation ends: when the next begins that names another target.

    None: it is the newest. What one memory says at once stands together.
    """
    moments: dict[tuple[int, int], list[Statement]] = {}
    for one in statements:
        moments.setdefault(one.order, []).append(one)
    found: Ends = {}
    later: dict[str, int | None] = {}
    begin: int | None = None
    for order in sorted(moments, reverse=True):
        here = {one.target: later.get(one.target, begin) for one in moments[order]}
        found.update({one.place: here[one.target] for one in moments[order]})
        later, begin = here, order[0]
    return found


def merged(statements: Iterable[Statement]) -> list[Statement]:
    """The same said by several memories counts once: as the newest says it, true since the first of them.

    The newest come first.
    """
    newest: dict[tuple[str, str, str], Statement] = {}
    since: dict[tuple[str, str, str], int] = {}
    for one in statements:
        triple = one.source, one.relationship, one.target
        since[triple] = min(since.get(triple, one.begins_us), one.begins_us)
        if triple not in newest or _rank(newest[triple]) < _rank(one):
            newest[triple] = one
    ordered = sorted(newest.items(), key=lambda pair: _rank(pair[1]), reverse=True)
    return [replace(one, relation=replace(one.relation, valid_at_us=since[triple])) for triple, one in ordered]


def _rank(one: Statement) -> tuple[int, int, str, str, str, int]:
    return *one.order, one.source, one.relationship, one.target, one.number


def _closed(relation: Relation, end_us: int) -> Relation:
    known = relation.invalid_at_us
    return replace(relation, invalid_at_us=end_us if known is None else min(known, end_us))
