"""What callers see of a new reading: facts added, unchanged, changed and ended, and what they are from. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import chain

from engine.errors import RemoraError
from engine.facts.made import Cost
from engine.facts.reconciling import Verdict
from engine.inference.draft import DraftFact
from engine.ledger_port import Operation
from engine.operations import error_object
from engine.reinference.outcome import Outcome
from engine.times import iso
from engine.types import Json, JsonList, MemoryVersion

KINDS = ("added", "changed", "unchanged", "ended", "left_out")


def conversation_object(
    add: Operation,
    messages: Sequence[str],
    *,
    outcome: Outcome | None = None,
    cost: Cost,
    problems: Iterable[str] = (),
    error: RemoraError | None = None,
    done: Json | None = None,
) -> Json:
    """An add that was read anew.

    Args:
        add: its operation.
        messages: ids of its messages that are still there.
        outcome: what comes of it; None: nothing, because of the `error`.
        cost: of the questions.
        problems: what was wrong with answers.
        error: why everything stayed as it was.
        done: what the write path answered, where something was changed.
    """
    nothing: dict[str, JsonList] = {kind: [] for kind in KINDS}
    made = {row["memory"]: row["id"] for row in (done or {}).get("results", ()) if row["event"] in ("ADD", "NONE")}
    return {
        "operation_id": add.id,
        "created_at": iso(add.created_at_us),
        "messages": list(messages),
        **(nothing if outcome is None else _facts(outcome, made)),
        "usage": usage_object(cost),
        "problems": list(problems),
        "error": None if error is None else error_object(error),
        "reinfer_id": None if done is None else done["operation_id"],
        "status": None if done is None else done["status"],
    }


def usage_object(cost: Cost) -> Json:
    """What a language model took."""
    return {
        "calls": cost.calls,
        "prompt_tokens": cost.prompt_tokens,
        "completion_tokens": cost.completion_tokens,
        "ms": round(cost.ms, 1),
    }


def totals_of(conversations: Iterable[Json]) -> Json:
    """How many of each there are, and of how many conversations; `failed` ones are as they were."""
    shown = list(conversations)
    return {
        "conversations": len(shown),
        "failed": sum(one["error"] is not None for one in shown),
        **{kind: sum(len(one[kind]) for one in shown) for kind in KINDS},
    }


def usage_of(conversations: Iterable[Json]) -> Json:
    """What all of them took."""
    whole: Json = usage_object(Cost())
    for one in conversations:
        whole = {name: round(value + one["usage"][name], 1) for name, value in whole.items()}
    return whole


def _facts(outcome: Outcome, made: Mapping[str, str]) -> dict[str, JsonList]:
    shown: dict[str, JsonList] = {kind: [] for kind in KINDS}
    for kind, one in chain(_new(outcome, made), _told(outcome), _unsaid(outcome)):
        shown[kind].append(one)
    return shown


def _new(outcome: Outcome, made: Mapping[str, str]) -> Iterator[tuple[str, Json]]:
    """Facts that were never said, and what they do to others."""
    live = {one.memory_id: one.live for one in outcome.difference.gone}
    predecessors = {at: live[memory_id] for memory_id, at in outcome.heirs.items()}
    for at, decision in outcome.decisions.items():
        fact, closed = outcome.draft.facts[at], [outcome.known[one] for one in decision.closed]
        match decision.verdict:
            case _ if at in outcome.yielding:
                yield "left_out", _left_out(fact, "superseded", outcome.yielding[at])
            case Verdict.NONE if decision.same is not None:
                yield "unchanged", _known(outcome.known[decision.same], fact)
            case Verdict.NONE:
                yield "left_out", _left_out(fact, "repeated", None)
            case Verdict.DELETE:
                yield from (("ended", _ended(one)) for one in closed)
            case Verdict.UPDATE:
                yield from _superseding(fact, decision.text or fact.text, closed, closed[0].memory_id)
            case Verdict.ADD:
                old = predecessors.get(at)
                yield from _superseding(
                    fact, fact.text, [*([] if old is None else [old]), *closed], made.get(fact.text)
                )


def _superseding(
    fact: DraftFact, text: str, ended: Sequence[MemoryVersion], memory_id: str | None
) -> Iterator[tuple[str, Json]]:
    if not ended:
        yield "added", _fact(fact, memory_id, text)
        return
    yield "changed", _changed(fact, text, ended[0], memory_id)
    yield from (("ended", _ended(one, memory_id)) for one in ended[1:])


def _told(outcome: Outcome) -> Iterator[tuple[str, Json]]:
    """Facts that were said before."""
    found, facts = outcome.difference, outcome.draft.facts
    for match in (*found.same, *found.retold):
        if match.standing.live is not None:
            yield "unchanged", _known(match.standing.live, facts[match.at])
    for match in found.marked:
        if (one := match.standing.live) is not None:
            yield "changed", _changed(facts[match.at], one.text, one, one.memory_id)
    for match in found.passed:
        yield "left_out", _left_out(facts[match.at], "ended", match.standing.memory_id)


def _unsaid(outcome: Outcome) -> Iterator[tuple[str, Json]]:
    """Facts that aren't said any more."""
    found = outcome.difference
    for standing in found.restored:
        if standing.live is not None and standing.before is not None:
            yield "changed", _reverted(standing.live, standing.before.text, standing.left)
    for standing in (*found.kept, *found.released):
        if (one := standing.live) is not None:
            yield "unchanged", {**_memory(one), "sources": list(one.sources)}
    for standing in found.gone:
        if (one := standing.live) is not None and one.memory_id not in outcome.heirs:
            yield "ended", _ended(one)


def _fact(fact: DraftFact, memory_id: str | None, text: str) -> Json:
    return {
        "id": memory_id,
        "memory": text,
        "categories": list(fact.fact.categories),
        "sources": [one.memory_id for one in fact.sources],
    }


def _changed(fact: DraftFact, text: str, old: MemoryVersion, memory_id: str | None) -> Json:
    """`previous_id`: the memory that it supersedes; its own id where it is another version of it."""
    return {**_fact(fact, memory_id, text), "previous_id": old.memory_id, "previous_memory": old.text}


def _reverted(old: MemoryVersion, text: str, sources: Sequence[str]) -> Json:
    return {
        **_memory(old),
        "memory": text,
        "sources": list(sources),
        "previous_id": old.memory_id,
        "previous_memory": old.text,
    }


def _ended(old: MemoryVersion, heir: str | None = None) -> Json:
    return {**_memory(old), "sources": list(old.sources), "superseded_by": heir}


def _known(version: MemoryVersion, fact: DraftFact) -> Json:
    return {**_memory(version), "sources": [one.memory_id for one in fact.sources]}


def _left_out(fact: DraftFact, because: str, memory_id: str | None) -> Json:
    """`because`: `superseded` by what was said later or by a person; `ended` since; `repeated` in this reading."""
    return {
        "memory": fact.text,
        "sources": [one.memory_id for one in fact.sources],
        "because": because,
        "id": memory_id,
    }


def _memory(version: MemoryVersion) -> Json:
    return {"id": version.memory_id, "memory": version.text, "categories": list(version.categories)}
