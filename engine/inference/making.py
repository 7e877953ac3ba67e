"""Puts inference together over the ports of a shard."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from engine.config import Settings
from engine.facts.making import FactMaker
from engine.faults import FaultPoints
from engine.gate import token_guess
from engine.inference.drafting import Drafter
from engine.inference.inference import Inference
from engine.inference.reconciling import Reconciler
from engine.inference.wishing import Wishing
from engine.ledger_port import Ledger
from engine.ledger_writer import LedgerWriter
from engine.models import Models
from engine.ports import LanguageModel
from engine.search_legs import SearchLegs


def fact_maker(model: LanguageModel, settings: Settings) -> FactMaker:
    """What asks a language model for facts."""
    infer = settings.infer
    return FactMaker(model, _guessed, window_tokens=infer.window_tokens, deadline_s=infer.deadline_s)


@dataclass(frozen=True, slots=True)
class Inferring:
    """What facts are made by, and what becomes of them decided; nothing of it writes."""

    drafter: Drafter
    reconciler: Reconciler
    wishing: Wishing


def inferring(
    *, ledger: Ledger, legs: SearchLegs, models: Models, model: LanguageModel, wishing: Wishing, settings: Settings
) -> Inferring:
    """What asks, over the ports of a shard."""
    return Inferring(
        Drafter(ledger, models, fact_maker(model, settings), wishing),
        Reconciler(ledger=ledger, legs=legs, model=model, models=models, settings=settings),
        wishing,
    )


def inference(
    asking: Inferring, *, ledger: Ledger, settings: Settings, faults: FaultPoints
) -> Callable[[LedgerWriter], Inference]:
    """What makes a shard's inference, once there is who writes."""

    def made(writer: LedgerWriter) -> Inference:
        return Inference(
            ledger=ledger,
            writer=writer,
            drafter=asking.drafter,
            reconciler=asking.reconciler,
            policy=asking.wishing.policy,
            adds=settings.infer.adds or settings.llm.calls_at_once,
            faults=faults,
        )

    return made


def _guessed(texts: Sequence[str]) -> list[int]:
    return [token_guess(text) for text in texts]
