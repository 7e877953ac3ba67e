"""What an add would store, without storing it. Pure."""

from __future__ import annotations

from collections.abc import Sequence

from engine import ingest
from engine.answers import relation_objects
from engine.facts.reconciling import Decision, Verdict
from engine.inference.draft import Draft, DraftFact
from engine.inference.planning import Settled, facts_answer
from engine.ports import Fragment
from engine.times import iso
from engine.types import EventKind, Json


def preview_of_facts(draft: Draft, settled: Settled) -> Json:
    """The facts of an add, each with what would become of it and of what is known."""
    pairs = zip(draft.facts, settled.decisions, strict=True)
    return {"results": [_row(one, decision, settled) for one, decision in pairs], **facts_answer(draft, settled)}


def preview_of_messages(fragments: Sequence[Fragment]) -> Json:
    """The memories of an add that is kept word for word; one that is known already would be kept once."""
    rows = [
        {
            "event": EventKind.ADD.value,
            "memory": one.text,
            "message_indexes": [one.message_index],
            "role": one.role,
            "actor_id": one.name,
        }
        for one in fragments
    ]
    return {"results": rows, "relations": [], "extractor": ingest.VERBATIM}


def _row(one: DraftFact, decision: Decision, settled: Settled) -> Json:
    text = decision.text if decision.verdict is Verdict.UPDATE and decision.text else one.text
    return {
        "event": decision.verdict.value,
        "memory": text,
        "message_indexes": list(one.fact.lines),
        "role": one.role,
        "actor_id": one.name,
        "categories": list(one.fact.categories) or None,
        "relations": relation_objects(one.fact.relations),
        "created_at": iso(one.said_us),
        "ends": [{"id": closed, "memory": settled.known[closed].text} for closed in decision.closed],
        "same_as": decision.same,
    }
