"""Names and Ray options of every actor: the one place. What the actors do lives in their own files."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from engine.config import Settings

VERSION = "0.1.0"
"""Of what the actors say to each other. Actors of two versions don't share a runtime."""

FAULTS_VARIABLE = "REMORA_FAULTS"
HEALTH = "health"
_HEALTH_CALLS = 8
PEERS = "peers"
_PEER_CALLS = 1000
_WORK_CALLS = 1000
_WAITING_CALLS = 20_000
"""Of one process, to one actor: more than ours ever send, so that a job's mistake doesn't fill the memory."""
DIRECT_CALLS = 900
"""Of an orchestrator's places, those for jobs that call its verbs one by one; the rest is for exchanges."""


class Part(StrEnum):
    """What actors there are, leaves first. Each shard has one of each, but embedders serve all shards, and so does the
    language model, where one is set."""

    LEDGER = "ledger"
    VECTOR_STORE = "vector-store"
    GRAPH_STORE = "graph-store"
    EMBEDDER = "embedder"
    EXTRACTOR = "extractor"
    LANGUAGE_MODEL = "language-model"
    ORCHESTRATOR = "orchestrator"


SHARED = frozenset({Part.EMBEDDER, Part.LANGUAGE_MODEL})
"""They serve all shards."""
LEAVES: tuple[Part, ...] = tuple(part for part in Part if part is not Part.ORCHESTRATOR)


@dataclass(frozen=True, slots=True)
class Address:
    """How an actor is found. `index`: of its shard; for an embedder, its number among them."""

    part: Part
    namespace: str
    index: int = 0

    @property
    def name(self) -> str:
        return f"{self.part}-{self.index}"


def addresses(settings: Settings, shard: int = 0) -> dict[Part, Address]:
    """Of the actors that one shard has to itself."""
    return {part: Address(part, settings.runtime.namespace, shard) for part in Part if part not in SHARED}


def embedders(settings: Settings) -> list[Address]:
    """Of the embedders, which serve all shards."""
    return [Address(Part.EMBEDDER, settings.runtime.namespace, index) for index in range(settings.embedders)]


def language_model(settings: Settings) -> Address | None:
    """Of the language model, which serves all shards; None: none is set."""
    return Address(Part.LANGUAGE_MODEL, settings.runtime.namespace) if settings.llm.is_set else None


def every_address(settings: Settings) -> list[Address]:
    """Of all actors of a runtime, part by part, in the order of their numbers."""
    counts = dict.fromkeys(Part, settings.shards)
    counts |= {Part.EMBEDDER: settings.embedders, Part.LANGUAGE_MODEL: int(settings.llm.is_set)}
    return [Address(part, settings.runtime.namespace, index) for part in Part for index in range(counts[part])]


CLASS_OPTIONS: dict[str, Any] = {"concurrency_groups": {HEALTH: _HEALTH_CALLS, PEERS: _PEER_CALLS}}
"""What Ray takes only where a class becomes an actor class: these calls have places and a loop of their own."""


def actor_options(
    address: Address, settings: Settings, *, gpus: float = 0, place: Mapping[str, Any] | None = None
) -> dict[str, Any]:
    """What Ray is told when the actor is made. `gpus`: how many there are; `place`: options that say on which node.

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
        "max_concurrency": _places(address, settings),
        "max_pending_calls": _WAITING_CALLS,
        "num_cpus": 0,
        "num_gpus": _share(address.part, settings, gpus),
        **(place or {}),
    }


def _places(address: Address, settings: Settings) -> int:
    """Calls at once. The language model's wait inside, where they are counted and their time runs."""
    if address.part is not Part.LANGUAGE_MODEL:
        return _WORK_CALLS
    return settings.llm.calls_at_once + settings.llm.queue_calls + _HEALTH_CALLS


def wants_gpu(part: Part, settings: Settings, gpus: float) -> bool:
    """Whether what computes in such an actor is to run on a GPU, of which there are so many."""
    match part:
        case Part.EMBEDDER:
            device = settings.embed.device
        case Part.LANGUAGE_MODEL if settings.llm.local is not None:
            device = settings.llm.device
        case _:
            return False
    return device == "cuda" or (device == "auto" and gpus >= 1)


def _share(part: Part, settings: Settings, gpus: float) -> float:
    """Of a GPU, for each that wants one: a whole one where they suffice; else as many on each as have to be."""
    if not wants_gpu(part, settings, gpus):
        return 0.0
    counts = {Part.EMBEDDER: settings.embedders, Part.LANGUAGE_MODEL: 1}
    wanting = sum(count for one, count in counts.items() if wants_gpu(one, settings, gpus))
    return 1.0 / math.ceil(wanting / max(int(gpus), 1))
