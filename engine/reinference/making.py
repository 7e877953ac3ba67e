"""Puts the reading of stored messages together over the ports of a shard."""

from __future__ import annotations

from collections.abc import Callable

from engine.config import Settings
from engine.inference.making import Inferring
from engine.ledger_port import Ledger
from engine.reinference.reinference import Reinference
from engine.reinference.stretches import Stretches
from engine.write_path import WritePath


def reinference(
    asking: Inferring, *, ledger: Ledger, writes: WritePath, settings: Settings, clock: Callable[[], int]
) -> Stretches:
    """What reads a shard's messages anew, with what makes its facts."""
    one = Reinference(
        ledger=ledger,
        writes=writes,
        drafter=asking.drafter,
        reconciler=asking.reconciler,
        policy=asking.wishing.policy,
        functional=settings.graph.functional_keys,
        clock=clock,
        deadline_s=settings.runtime.deadline_s,
    )
    return Stretches(ledger, one)
