"""What becomes of new facts beside what is known: its neighbours are found, and the language model is asked.

A project's policy says how far this goes: `append` keeps every fact, `rules` lets a relationship that has one target at
a time end what said otherwise, `reconcile` asks the model, and goes by the rules where that can't be understood.
"""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Sequence
from itertools import zip_longest

from engine import ingest
from engine.config import Policy, Settings
from engine.errors import InvalidInput, RemoraError
from engine.facts.answers import Unreadable
from engine.facts.made import Cost, cost_of
from engine.facts.prompt import again
from engine.facts.reconciling import Decision, Known, Verdict, decided, reconciling_prompt
from engine.filters import Compare, Filter, Not, Op, conjunction
from engine.inference.draft import Draft
from engine.inference.planning import Settled, all_added, superseded
from engine.ledger_port import Ledger, Operation
from engine.models import Models
from engine.ports import LanguageModel, Priority, VectorHit, VectorQuery
from engine.search_legs import SearchLegs
from engine.times import day_of
from engine.types import SCOPE_FIELDS, BlockKey, FloatArray, MemoryVersion, Scope

_NEIGHBOURS = 5
"""Of each fact."""
_LOOKED_AT = 30
"""Of each fact: the messages lie as near as what was made of them."""
_MOST_KNOWN = 40
"""In one question."""
_TRIES = 2


class Reconciler:
    """Decides what becomes of drafts.

    Args:
        ledger: knows the neighbours as they are now.
        legs: find them.
        model: is asked.
        models: for the vectors of texts that became of several.
        settings: deadlines, functional relationships.
    """

    def __init__(
        self,
        *,
        ledger: Ledger,
        legs: SearchLegs,
        model: LanguageModel,
        models: Models,
        settings: Settings,
    ) -> None:
        self._ledger = ledger
        self._legs = legs
        self._model = model
        self._models = models
        self._functional = settings.graph.functional_keys
        self._deadline_s = settings.infer.deadline_s
        self._leg_deadline_s = settings.search.leg_deadline_s

    async def settle(
        self, operation: Operation, draft: Draft, policy: Policy, position: int, apart: Collection[str] = ()
    ) -> Settled:
        """What becomes of the facts, by what was known at `position` or later; what is `apart` is as good as ended.

        Raises:
            Overloaded, Unavailable, DeadlineExceeded: the model can't be had now; the same may work later.
        """
        if policy is Policy.APPEND or not draft.facts:
            return all_added(draft)
        try:
            known = await self._known(operation, draft, position, apart)
        except (RemoraError, TimeoutError):  # the index is away: nothing can be compared
            return all_added(draft, later=True)
        if not known:
            return all_added(draft)
        if policy is Policy.RULES:
            return superseded(draft, known, self._functional)
        return await self._asked(draft, known)

    async def _known(
        self, operation: Operation, draft: Draft, position: int, apart: Collection[str]
    ) -> list[MemoryVersion]:
        """The facts of the same scope that lie near a new one, the nearest of each first, as the ledger has them."""
        scope = ingest.scope_of(operation.request)
        async with asyncio.timeout(self._leg_deadline_s):
            await self._legs.reached(position)
            queries = [_near(operation.project, scope, vector) for vector in draft.vectors]
            found = await asyncio.gather(*map(self._legs.nearest, queries))
        new = {*apart, *(one.memory_id for one in draft.facts)}
        nearest = [_facts_among(one.hits, new) for one in found]
        in_turn = dict.fromkeys(one for some in zip_longest(*nearest) for one in some if one is not None)
        versions = await self._ledger.get(operation.project, list(in_turn)[:_MOST_KNOWN])
        return [version for version in versions if version is not None and version.sources]

    async def _asked(self, draft: Draft, known: Sequence[MemoryVersion]) -> Settled:
        facts = [one.text for one in draft.facts]
        shown = [Known(one.memory_id, one.text, day_of(one.created_at_us)) for one in known]
        prompt = asked = reconciling_prompt(facts, shown, day_of(max(one.said_us for one in draft.facts)))
        cost, problems = Cost(), tuple[str, ...]()
        for _ in range(_TRIES):
            try:
                answer = await self._model.complete(asked, self._deadline_s)
                cost += cost_of(answer)
                decisions = decided(answer.text, facts, shown)
            except (Unreadable, InvalidInput) as error:
                problems += (str(error),)
                asked = again(prompt, str(error))
                continue
            merged = await self._merged(draft, decisions)
            by_id = {one.memory_id: one for one in known}
            return Settled(tuple(decisions), by_id, merged, cost=cost, problems=problems)
        ruled = superseded(draft, known, self._functional)
        return Settled(ruled.decisions, ruled.known, {}, later=True, cost=cost, problems=problems)

    async def _merged(self, draft: Draft, decisions: Sequence[Decision]) -> dict[int, FloatArray]:
        """Vectors of what an update says otherwise than its fact, by the fact's place."""
        new = {
            at: one.text
            for at, one in enumerate(decisions)
            if one.verdict is Verdict.UPDATE and one.text not in (None, draft.facts[at].text)
        }
        vectors = await self._models.vectors([text or "" for text in new.values()], Priority.BULK)
        return dict(zip(new, vectors, strict=True))


def _facts_among(hits: Sequence[VectorHit], new: Collection[str]) -> list[str]:
    """The nearest facts, those of the same draft left out."""
    ordered = sorted(hits, key=lambda hit: (-(hit.dense or 0.0), hit.version.memory_id))
    facts = [one.version.memory_id for one in ordered if one.version.sources and one.version.memory_id not in new]
    return facts[:_NEIGHBOURS]


def _near(project: str, scope: Scope, vector: FloatArray) -> VectorQuery:
    field, value = scope.owner()
    return VectorQuery(
        project=project,
        filter=_exactly(scope),
        limit=_LOOKED_AT,
        vector=vector,
        block=BlockKey(project, field, value),
    )


def _exactly(scope: Scope) -> Filter:
    """Memories with these ids and no others."""
    known = scope.ids()
    return conjunction(
        *(
            Compare(name, Op.EQ, known[name]) if name in known else Not(Compare(name, Op.PRESENT, None))
            for name in SCOPE_FIELDS
        )
    )
