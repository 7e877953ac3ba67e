"""A new reading's outcome as an operation: what its request keeps of it, and the plan that this is. Pure.

The request has all that is to be done, so that it is done after a crash too, without asking the language model again.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from engine import ids, ingest
from engine.facts.reconciling import Decision, Verdict
from engine.inference.draft import DraftFact
from engine.ledger_port import (
    AddEvent,
    DeleteEvent,
    Operation,
    Plan,
    PlannedEvent,
    Source,
    Unchanged,
    UpdateEvent,
)
from engine.reinference.difference import Match
from engine.reinference.outcome import Outcome
from engine.reinference.standing import Standing
from engine.types import Entity, FloatArray, Json, MemoryVersion, Relation

_ANEW = frozenset({"text", "timestamp"})
_AS_BEFORE = _ANEW | {"categories"}
_MARKED = frozenset({"relations", "categories"})


def body_of(add: Operation, outcome: Outcome) -> Json | None:
    """The request of the operation; None: there is nothing to do.

    Args:
        add: whose messages were read.
        outcome: what comes of it.
    """
    events = [*_events(outcome)]
    if not events:
        return None
    looked = _looked_at(outcome)
    sources = {one.memory_id for fact in outcome.draft.facts for one in fact.sources}
    return {
        "of": add.id,
        "scope": ingest.scope_of(add.request).ids(),
        "metadata": add.request["metadata"],
        "expiration_date": add.request["expiration_date"],
        "events": events,
        "unchanged": sorted(looked.items()),
        "read": list(outcome.draft.read),
        "named": sorted({*looked, *sources, *outcome.draft.read}),
    }


def texts_of(body: Json) -> list[str]:
    """What has to be embedded for the plan, in the order of its rows."""
    return [event["text"] for event in body["events"] if "text" in event]


def plan_change(
    operation: Operation, secret: bytes, vectors: FloatArray, entities: Sequence[tuple[Entity, ...] | None]
) -> Plan:
    """What the operation does. `vectors`, `entities`: of `texts_of` its request."""
    body = operation.request
    rows = iter(range(len(vectors)))
    made = [ids.memory_id(secret, operation.id, number) for number in range(len(body["events"]))]
    events = tuple(_planned(one, made, made[at], body, rows, entities) for at, one in enumerate(body["events"]))
    requires = tuple(Unchanged(memory_id, position) for memory_id, position in body["unchanged"])
    return Plan(events, vectors, requires, read=tuple(body["read"]))


def _events(outcome: Outcome) -> Iterator[Json]:
    """Additions first, in a row: what ends names those that take its place by their number."""
    found, facts = outcome.difference, outcome.draft.facts
    decided = outcome.decisions.items()
    added = [at for at, one in decided if one.verdict is Verdict.ADD]
    number = {at: row for row, at in enumerate(added)}
    for at in added:
        yield _addition(facts[at])
    for at, decision in decided:
        yield from _beside(facts[at], decision, outcome.known, number.get(at))
    for match in found.marked:
        yield _marking(facts[match.at], match)
    for match in found.retold:
        yield _retelling(facts[match.at], match.standing.memory_id)
    for one in found.restored:
        yield _restoration(one)
    for one in found.released:
        yield {"do": "withdraw", "memory_id": one.memory_id, "withdrawn": list(one.said)}
    for one in found.gone:
        heir = outcome.heirs.get(one.memory_id)
        yield _end(one.memory_id, None if heir is None else number[heir])


def _addition(fact: DraftFact) -> Json:
    return {
        "do": "add",
        "text": fact.text,
        "said_us": fact.said_us,
        "role": fact.role,
        "name": fact.name,
        "message_index": fact.fact.lines[0],
        "relations": _edges(fact.fact.relations),
        "categories": list(fact.fact.categories),
        "sources": _sources(fact),
    }


def _beside(
    fact: DraftFact, decision: Decision, known: Mapping[str, MemoryVersion], number: int | None
) -> Iterator[Json]:
    """What a new fact does to those that are known from elsewhere."""
    match decision.verdict:
        case Verdict.ADD | Verdict.DELETE:
            for closed in decision.closed:
                yield _end(closed, number)
        case Verdict.UPDATE:
            first, *others = decision.closed
            yield {
                "do": "update",
                "memory_id": first,
                "text": decision.text or fact.text,
                "said": fact.text,
                "said_us": fact.said_us,
                "name": fact.name,
                "message_index": fact.fact.lines[0],
                "relations": _edges(fact.fact.relations),
                "sources": _sources(fact),
            }
            for closed in others:
                yield _end(closed, first)
        case Verdict.NONE if decision.same is not None:
            told = set(known[decision.same].sources)
            if not {one.memory_id for one in fact.sources} <= told:
                yield {**_retelling(fact, decision.same), "said": fact.text}


def _end(memory_id: str, heir: int | str | None) -> Json:
    """`heir`: the number of an addition, or the id of a memory."""
    return {"do": "end", "memory_id": memory_id, "superseded_by": heir}


def _marking(fact: DraftFact, match: Match) -> Json:
    return {
        "do": "mark",
        "memory_id": match.standing.memory_id,
        "name": fact.name,
        "message_index": fact.fact.lines[0],
        "entities": _entities(match.standing.live),
        "relations": _edges(fact.fact.relations),
        "categories": list(fact.fact.categories),
    }


def _retelling(fact: DraftFact, memory_id: str) -> Json:
    return {
        "do": "retell",
        "memory_id": memory_id,
        "message_index": fact.fact.lines[0],
        "sources": _sources(fact),
    }


def _restoration(one: Standing) -> Json:
    before = one.before
    return {
        "do": "restore",
        "memory_id": one.memory_id,
        "text": "" if before is None else before.text,
        "said_us": 0 if before is None else before.created_at_us,
        "name": None if before is None else before.name,
        "relations": [] if before is None else _edges(before.relations),
        "categories": [] if before is None else list(before.categories),
        "withdrawn": list(one.said),
    }


def _entities(version: MemoryVersion | None) -> list[list[str]] | None:
    if version is None or version.entities is None:
        return None
    return [[one.name, one.kind] for one in version.entities]


def _edges(relations: Sequence[Relation]) -> list[list[str]]:
    return [[edge.source, edge.relationship, edge.target] for edge in relations]


def _sources(fact: DraftFact) -> list[list[Any]]:
    return [[one.memory_id, one.version] for one in fact.sources]


def _looked_at(outcome: Outcome) -> dict[str, int]:
    """The facts that the outcome rests on, and since when each is as it was seen."""
    found = outcome.difference
    seen = [one.standing for some in (found.marked, found.retold) for one in some]
    seen += [one for some in (found.gone, found.released, found.restored) for one in some]
    known = [outcome.known[one] for one in _named(outcome.decisions.values())]
    known += [one.live for one in seen if one.live is not None]
    return {one.memory_id: one.live_from for one in known}


def _named(decisions: Any) -> Iterator[str]:
    for decision in decisions:
        yield from decision.closed
        if decision.same is not None:
            yield decision.same


def _planned(
    one: Json,
    made: Sequence[str],
    memory_id: str,
    body: Json,
    rows: Iterator[int],
    entities: Sequence[tuple[Entity, ...] | None],
) -> PlannedEvent:
    relations = tuple(Relation(*edge) for edge in one.get("relations", ()))
    sources = tuple(Source(*source) for source in one.get("sources", ()))
    categories = tuple(one.get("categories", ()))
    row = next(rows) if "text" in one else None
    named = ingest.mentioned(one.get("name"), entities[row], relations) if row is not None else None
    match one["do"]:
        case "add":
            scope = ingest.scope_of(body)
            return AddEvent(
                memory_id=memory_id,
                scope=scope,
                text=one["text"],
                fingerprint=ids.fingerprint(scope, one["role"], one["name"], one["text"]),
                row=row or 0,
                created_at_us=one["said_us"],
                message_index=one["message_index"],
                role=one["role"],
                name=one["name"],
                metadata=body["metadata"],
                expiration_date=body["expiration_date"],
                entities=named,
                relations=relations,
                categories=categories,
                sources=sources,
            )
        case "update" | "restore":
            return UpdateEvent(
                memory_id=one["memory_id"],
                given=_ANEW if one["do"] == "update" else _AS_BEFORE,
                text=one["text"],
                row=row,
                entities=named,
                relations=relations,
                categories=categories,
                created_at_us=one["said_us"],
                sources=sources,
                withdrawn=tuple(one.get("withdrawn", ())),
                message_index=one.get("message_index"),
            )
        case "mark":
            known = None if one["entities"] is None else tuple(Entity(*entity) for entity in one["entities"])
            return UpdateEvent(
                memory_id=one["memory_id"],
                given=_MARKED,
                entities=ingest.mentioned(one["name"], known, relations),
                relations=relations,
                categories=categories,
                message_index=one["message_index"],
            )
        case "end":
            heir = one["superseded_by"]
            return DeleteEvent(one["memory_id"], made[heir] if isinstance(heir, int) else heir)
        case _:
            return UpdateEvent(
                memory_id=one["memory_id"],
                given=frozenset(),
                sources=sources,
                withdrawn=tuple(one.get("withdrawn", ())),
                message_index=one.get("message_index"),
            )
