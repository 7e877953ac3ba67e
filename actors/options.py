"""Names and Ray options of every actor: the one place. What the actors do lives in their own files."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from engine.config import Settings

VERSION = "0.1.0"
"""Of what the actors say to each other. Actors of two versions don't share a runtime."""

FAULTS_VARIABLE = "REMORA_FAULTS"
HEALTH = "health"
_HEALTH_CALLS = 8
_WORK_CALLS = 1000


class Part(StrEnum):
    """The actors of one shard, leaves first: the order in which they are started."""

    LEDGER = "ledger"
    VECTOR_STORE = "vector-store"
    GRAPH_STORE = "graph-store"
    EMBEDDER = "embedder"
    EXTRACTOR = "extractor"
    ORCHESTRATOR = "orchestrator"


LEAVES: tuple[Part, ...] = tuple(part for part in Part if part is not Part.ORCHESTRATOR)


@dataclass(frozen=True, slots=True)
class Address:
    """How an actor is found."""

    part: Part
    namespace: str
    shard: int = 0

    @property
    def name(self) -> str:
        return f"{self.part}-{self.shard}"


def addresses(settings: Settings, shard: int = 0) -> dict[Part, Address]:
    """Of every actor of a shard."""
    return {part: Address(part, settings.runtime.namespace, shard) for part in Part}


CLASS_OPTIONS: dict[str, Any] = {"concurrency_groups": {HEALTH: _HEALTH_CALLS}}
"""What Ray takes only where a class becomes an actor class: health calls run in a loop of their own."""


def actor_options(address: Address, settings: Settings, *, cuda: bool = False) -> dict[str, Any]:
    """What Ray is told when the actor is made.

    No CPUs are reserved: the actors share the machine with the user's own tasks, which count theirs.
    Nothing is retried by Ray: only the handle knows which call may be sent twice. Detached: the runtime ends them.
    """
    return {
        "name": address.name,
        "namespace": address.namespace,
        "get_if_exists": True,
        "lifetime": "detached",
        "max_restarts": -1,
        "max_task_retries": 0,
        "max_concurrency": _WORK_CALLS,
        "num_cpus": 0,
        "num_gpus": _gpus(address.part, settings, cuda=cuda),
    }


def _gpus(part: Part, settings: Settings, *, cuda: bool) -> float:
    wants = settings.embed.device == "cuda" or (settings.embed.device == "auto" and cuda)
    return 1.0 if part is Part.EMBEDDER and wants else 0.0
