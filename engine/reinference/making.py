"""Puts the reading of stored messages together over the ports of a shard."""

from __future__ import annotations

from collections.abc import Callable

from engine.config import Settings
from engine.inference.drafting import Drafter
from engine.inference.making import fact_maker
from engine.inference.reconciling import Reconciler
from engine.inference.wishing import Wishing
from engine.ledger_port import Ledger
from engine.models import Models
from engine.ports import LanguageModel
from engine.reinference.reinference import Reinference
from engine.reinference.stretches import Stretches
from engine.search_legs import SearchLegs
from engine.write_path import WritePath


def reinference(
    *,
    ledger: Ledger,
    writes: WritePath,
    legs: SearchLegs,
    models: Models,
    model: LanguageModel,
    wishing: Wishing,
    settings: Settings,
    clock: Callable[[], int],
) -> Stretches:
    """What reads a shard's messages anew."""
    one = Reinference(
        ledger=ledger,
        writes=writes,
        drafter=Drafter(ledger, models, fact_maker(model, settings), wishing),
        reconciler=Reconciler(ledger=ledger, legs=legs, model=model, models=models, settings=settings),
        policy=wishing.policy,
        functional=settings.graph.functional_keys,
        clock=clock,
        deadline_s=settings.runtime.deadline_s,
    )
    return Stretches(ledger, one)
