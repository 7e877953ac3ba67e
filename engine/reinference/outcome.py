"""What comes of a new reading: its difference to what was said, and what becomes of the new facts beside others. Pure.

A replay goes back in time: what was said later, or by a person, isn't ended by it. It holds, and the new fact is as
good as superseded already.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace

from engine.facts.reconciling import Decision, Verdict
from engine.inference.draft import Draft, DraftFact
from engine.inference.planning import Settled, contradicts
from engine.reinference.difference import Difference, successors
from engine.types import MemoryVersion

_NOTHING = Decision(Verdict.NONE)


@dataclass(frozen=True, slots=True)
class Outcome:
    """`decisions`: by place, of the facts that are new. `known`: the memories that these name. `yielding`: places of
    those that aren't kept, and the memory that holds instead. `heirs`: which of them takes the place of what is gone.
    """

    draft: Draft
    difference: Difference
    decisions: Mapping[int, Decision] = field(default_factory=dict)
    known: Mapping[str, MemoryVersion] = field(default_factory=dict)
    yielding: Mapping[int, str] = field(default_factory=dict)
    heirs: Mapping[str, int] = field(default_factory=dict)


def part_of(draft: Draft, places: Sequence[int]) -> Draft:
    """A draft with only these of its facts."""
    return replace(
        draft,
        facts=tuple(draft.facts[at] for at in places),
        vectors=draft.vectors[list(places)],
        entities=tuple(draft.entities[at] for at in places),
    )


def outcome_of(draft: Draft, found: Difference, settled: Settled, functional: Collection[str]) -> Outcome:
    """What comes of a reading.

    Args:
        draft: the whole reading.
        found: what is otherwise in it.
        settled: what becomes of the facts that are new, in the order of `found.new`.
        functional: relationships that have one target at a time.
    """
    firm = {one.memory_id for one in found.kept}
    firm |= {one.standing.memory_id for one in (*found.same, *found.marked) if one.standing.corrected}
    decisions: dict[int, Decision] = {}
    yielding: dict[int, str] = {}
    for at, decision in zip(found.new, settled.decisions, strict=True):
        fact = draft.facts[at]
        stronger = _stronger(fact, decision, settled.known, firm, functional)
        if stronger is not None:
            yielding[at] = stronger
        decisions[at] = _NOTHING if stronger is not None else decision
    added = [at for at, one in decisions.items() if one.verdict is Verdict.ADD]
    return Outcome(draft, found, decisions, settled.known, yielding, successors(draft.facts, added, found.gone))


def _stronger(
    fact: DraftFact,
    decision: Decision,
    known: Mapping[str, MemoryVersion],
    firm: Collection[str],
    functional: Collection[str],
) -> str | None:
    """What the fact can't end, and can't stand beside."""
    ended = [known[one] for one in decision.closed]
    later = [one for one in known.values() if _is_later(one, fact) and contradicts(fact, one, functional)]
    held = [one for one in ended if one.memory_id in firm or _is_later(one, fact)] or later
    return max(held, key=lambda one: (one.created_at_us, one.memory_id)).memory_id if held else None


def _is_later(one: MemoryVersion, fact: DraftFact) -> bool:
    return one.created_at_us > fact.said_us
