"""A new reading of a conversation beside what it has said so far. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from engine.alike import words_of
from engine.inference.draft import DraftFact
from engine.reinference.standing import Standing, key
from engine.types import Entity, MemoryVersion, Relation

_OVERLAP = 0.25
"""Of their words two facts of one message have at least so much in common if one takes the place of the other."""


@dataclass(frozen=True, slots=True)
class Match:
    """A fact of the reading, by its place, and what stands for it."""

    at: int
    standing: Standing


@dataclass(frozen=True, slots=True)
class Difference:
    """What a reading says otherwise than before.

    `same`: facts that stand as they are; `marked`: with other categories or relations; `retold`: said again by messages
    that had stopped to. `passed`: facts that have ended meanwhile, by what others said or did. `new`: places of those
    that were never said. Of what isn't said any more: `gone` ends, `released` others still say, `restored` gets the
    words back that others said, `kept` has the words of a person.
    """

    same: tuple[Match, ...] = ()
    marked: tuple[Match, ...] = ()
    retold: tuple[Match, ...] = ()
    passed: tuple[Match, ...] = ()
    new: tuple[int, ...] = ()
    gone: tuple[Standing, ...] = ()
    released: tuple[Standing, ...] = ()
    restored: tuple[Standing, ...] = ()
    kept: tuple[Standing, ...] = ()


def difference(facts: Sequence[DraftFact], standings: Sequence[Standing]) -> Difference:
    """Hold the facts of a reading against what is known of the conversation."""
    by_text = _by_text(standings)
    same, marked, retold, passed, new = list[Match](), list[Match](), list[Match](), list[Match](), list[int]()
    for at, fact in enumerate(facts):
        standing = by_text.get(key(fact.text))
        if standing is None:
            new.append(at)
        elif standing.live is None:
            passed.append(Match(at, standing))
        elif _is_forgotten(fact, standing.live):
            retold.append(Match(at, standing))
        elif _is_marked(fact, standing, standing.live):
            marked.append(Match(at, standing))
        else:
            same.append(Match(at, standing))
    told = {one.standing.memory_id for some in (same, marked, retold) for one in some}
    unsaid = [one for one in standings if one.live is not None and one.said and one.memory_id not in told]
    free = [one for one in unsaid if not one.corrected]
    shared = [one for one in free if one.left]
    return Difference(
        same=tuple(same),
        marked=tuple(marked),
        retold=tuple(retold),
        passed=tuple(passed),
        new=tuple(new),
        gone=tuple(one for one in free if not one.left),
        released=tuple(one for one in shared if not _reverts(one)),
        restored=tuple(one for one in shared if _reverts(one)),
        kept=tuple(one for one in unsaid if one.corrected),
    )


def successors(facts: Sequence[DraftFact], new: Sequence[int], gone: Sequence[Standing]) -> dict[str, int]:
    """Which new fact takes the place of which that is gone, by its id: the likest of the same message, each one once.

    Facts are alike by their words, or when they state the same relationship of the same.
    """
    pairs = sorted(
        (-likeness, at, one.memory_id)
        for one in gone
        for at in new
        if one.live is not None and (likeness := _likeness(facts[at], one.live)) is not None
    )
    found: dict[str, int] = {}
    for _, at, memory_id in pairs:
        if memory_id not in found and at not in found.values():
            found[memory_id] = at
    return found


def _by_text(standings: Sequence[Standing]) -> dict[str, Standing]:
    """What is live counts before what has ended, its words of now before those of earlier."""
    found: dict[str, Standing] = {}
    live = [one for one in standings if one.live is not None]
    for one in live:
        if one.live is not None:
            found.setdefault(key(one.live.text), one)
    for one in [*live, *(one for one in standings if one.live is None and not one.returns)]:
        for text in sorted(one.texts):
            found.setdefault(text, one)
    return found


def _is_forgotten(fact: DraftFact, live: MemoryVersion) -> bool:
    """Whether none of the messages stands behind it any more; a message itself needs none."""
    return bool(live.sources) and not {one.memory_id for one in fact.sources} & set(live.sources)


def _is_marked(fact: DraftFact, standing: Standing, live: MemoryVersion) -> bool:
    """Only whose words they are says what they mean: two conversations would undo what the other one says."""
    if not standing.authored or key(live.text) != key(fact.text):
        return False
    categories = set(fact.fact.categories) != set(live.categories)
    return categories or _edges(fact.fact.relations) != _edges(live.relations)


def _reverts(one: Standing) -> bool:
    return one.authored and one.before is not None


def _edges(relations: Sequence[Relation]) -> set[tuple[str, str, str]]:
    return {(Entity(edge.source).key, edge.relationship, Entity(edge.target).key) for edge in relations}


def _likeness(fact: DraftFact, old: MemoryVersion) -> float | None:
    """None: one can't be said to take the place of the other."""
    if not {one.memory_id for one in fact.sources} & set(old.sources):
        return None
    one, other = words_of(fact.text), words_of(old.text)
    overlap = len(one & other) / len(one | other) if one | other else 0.0
    stated = {edge[:2] for edge in _edges(fact.fact.relations)} & {edge[:2] for edge in _edges(old.relations)}
    return overlap if stated or overlap >= _OVERLAP else None
