"""What a draft does to the ledger, decided from values alone. Pure."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice

import numpy as np

from engine import ids, ingest
from engine.answers import relation_objects
from engine.facts.made import NO_COST, Cost
from engine.facts.reconciling import ADDED, Decision, Verdict
from engine.inference.draft import Draft, DraftFact
from engine.ledger_port import AddEvent, DeleteEvent, Operation, Plan, PlannedEvent, Unchanged, UpdateEvent
from engine.types import PROCEDURAL, Entity, FloatArray, Json, MemoryVersion, Relation

_MOST_RELATIONS = 20
_NEW_VALUES = frozenset({"text", "timestamp"})


@dataclass(frozen=True, slots=True)
class Settled:
    """What becomes of the facts of a draft.

    `decisions`: one a fact. `known`: the memories that were looked at, by id. `merged`: vectors of texts that became of
    a fact and what was known, by the fact's place, float32 (d,). `later`: it couldn't be asked what becomes of them.
    """

    decisions: tuple[Decision, ...]
    known: Mapping[str, MemoryVersion]
    merged: Mapping[int, FloatArray]
    later: bool = False
    cost: Cost = NO_COST
    problems: tuple[str, ...] = ()


def all_added(draft: Draft, *, later: bool = False) -> Settled:
    """Every fact stands beside what is known."""
    return Settled((ADDED,) * len(draft.facts), {}, {}, later=later)


def superseded(draft: Draft, known: Sequence[MemoryVersion], functional: Collection[str]) -> Settled:
    """By rule: a fact that names another target of a relationship that has one at a time ends what says otherwise."""
    decisions = tuple(
        Decision(Verdict.ADD, tuple(one.memory_id for one in known if _ends(fact, one, functional)))
        for fact in draft.facts
    )
    return Settled(decisions, {one.memory_id: one for one in known}, {})


def plan_facts(operation: Operation, draft: Draft, settled: Settled) -> Plan:
    """The plan: facts to add, those that take the place of others, those that end. What ends has not changed since."""
    rows = [*draft.vectors, *(settled.merged[at] for at in sorted(settled.merged))]
    places = {at: len(draft.vectors) + row for row, at in enumerate(sorted(settled.merged))}
    events = tuple(
        event
        for at, decision in enumerate(settled.decisions)
        for event in _events(operation, draft, at, decision, places.get(at, at))
    )
    looked = {one for decision in settled.decisions for one in (*decision.closed, decision.same) if one is not None}
    requires = tuple(Unchanged(one, settled.known[one].live_from) for one in sorted(looked))
    vectors = np.stack(rows) if rows else draft.vectors
    return Plan(events, vectors, requires, facts_answer(draft, settled), read=draft.read)


def plan_nothing(operation: Operation, problem: str) -> Plan:
    """The messages stay what they are, since nobody could read them."""
    said = (operation.result or {}).get("results", ())
    unread = sorted({row["message_index"] for row in said if "message_index" in row})
    answer = {"extractor": ingest.LANGUAGE_MODEL, "problems": [problem], "unread": unread}
    return Plan((), np.zeros((0, 0), np.float32), answer=answer)


def facts_answer(draft: Draft, settled: Settled) -> Json:
    """What is said of all facts of an add together."""
    cost = draft.cost + settled.cost
    edges = (edge for one in draft.facts for edge in one.fact.relations)
    return {
        "extractor": ingest.LANGUAGE_MODEL,
        "relations": relation_objects(islice(edges, _MOST_RELATIONS)),
        "unread": list(draft.unread),
        "problems": [*draft.problems, *settled.problems],
        "usage": {
            "calls": cost.calls,
            "prompt_tokens": cost.prompt_tokens,
            "completion_tokens": cost.completion_tokens,
            "ms": round(cost.ms, 1),
        },
        **({"reconcile": "later"} if settled.later else {}),
    }


def _events(operation: Operation, draft: Draft, at: int, decision: Decision, row: int) -> Iterator[PlannedEvent]:
    one, index = draft.facts[at], draft.facts[at].fact.lines[0]
    match decision.verdict:
        case Verdict.ADD:
            yield _added(operation, one, draft.entities[at], row)
            for closed in decision.closed:
                yield DeleteEvent(closed, one.memory_id, index)
        case Verdict.UPDATE:
            first, *others = decision.closed
            yield _updated(one, first, decision.text or one.text, draft.entities[at], row)
            for closed in others:
                yield DeleteEvent(closed, first, index)
        case Verdict.DELETE:
            for closed in decision.closed:
                yield DeleteEvent(closed, None, index)
        case Verdict.NONE if decision.same is not None:
            yield UpdateEvent(decision.same, frozenset(), sources=one.sources, message_index=index)
        case Verdict.NONE:
            return


def _added(operation: Operation, one: DraftFact, entities: tuple[Entity, ...] | None, row: int) -> AddEvent:
    scope, relations = ingest.scope_of(operation.request), one.fact.relations
    return AddEvent(
        memory_id=one.memory_id,
        scope=scope,
        text=one.text,
        fingerprint=ids.fingerprint(scope, one.role, one.name, one.text),
        row=row,
        created_at_us=one.said_us,
        message_index=one.fact.lines[0],
        role=one.role,
        name=one.name,
        metadata={**operation.request["metadata"], **_kind(operation)},
        expiration_date=operation.request["expiration_date"],
        entities=ingest.mentioned(one.name, entities, relations),
        relations=relations,
        categories=one.fact.categories,
        sources=one.sources,
    )


def _kind(operation: Operation) -> Json:
    """Of a procedural memory: that it is one, as Mem0 says it."""
    return {"memory_type": PROCEDURAL} if operation.request.get("memory_type") == PROCEDURAL else {}


def _updated(one: DraftFact, memory_id: str, text: str, entities: tuple[Entity, ...] | None, row: int) -> UpdateEvent:
    relations: tuple[Relation, ...] = one.fact.relations
    return UpdateEvent(
        memory_id=memory_id,
        given=_NEW_VALUES,
        text=text,
        row=row,
        entities=ingest.mentioned(one.name, entities, relations),
        relations=relations,
        created_at_us=one.said_us,
        sources=one.sources,
        message_index=one.fact.lines[0],
    )


def _ends(fact: DraftFact, known: MemoryVersion, functional: Collection[str]) -> bool:
    """Whether what the fact says can't be true beside what is known from earlier."""
    earlier = known.created_at_us <= fact.said_us and known.memory_id != fact.memory_id
    return earlier and contradicts(fact, known, functional)


def contradicts(fact: DraftFact, known: MemoryVersion, functional: Collection[str]) -> bool:
    """Whether both name a target of a relationship that has one at a time, and not the same."""
    said = {(_key(edge.source), edge.relationship): _key(edge.target) for edge in fact.fact.relations}
    return any(
        edge.relationship in functional
        and (target := said.get((_key(edge.source), edge.relationship))) is not None
        and target != _key(edge.target)
        for edge in known.relations
    )


def _key(name: str) -> str:
    return Entity(name).key
