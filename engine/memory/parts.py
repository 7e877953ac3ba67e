"""What the memory system of a shard consists of, once it is put together."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field

from engine.alias_book import AliasBook
from engine.config import LimitSettings, Settings
from engine.graph_path import GraphPath
from engine.index_feed import IndexFeed
from engine.inference.making import Inferring
from engine.inference.wishing import Wishing
from engine.ledger_port import Ledger
from engine.memory.door import Door
from engine.memory.moments import Moments
from engine.models import Models
from engine.operation_list import OperationList
from engine.past.worlds import Worlds
from engine.ports import LanguageModel, Reranker, VectorStore
from engine.rankings import Rankings
from engine.reinference.stretches import Stretches
from engine.search_path import SearchPath
from engine.signals import SignalFeed
from engine.upkeep import Upkeep
from engine.write_path import WritePath


@dataclass(frozen=True, slots=True, kw_only=True)
class Parts:
    """What the verbs of a shard work with.

    `shard`: which one it is. `clock`: now in microseconds UTC. `searches`, `graphs`: of now; `moments` knows those of
    earlier states, which `past` makes.
    """

    shard: int
    settings: Settings
    clock: Callable[[], int]
    ledger: Ledger
    vector: VectorStore
    reranker: Reranker | None
    language_model: LanguageModel | None
    models: Models
    vector_feed: IndexFeed
    graph_feed: IndexFeed
    signals: SignalFeed
    writes: WritePath
    searches: SearchPath
    graphs: GraphPath
    past: Worlds
    aliases: AliasBook
    inferring: Inferring | None
    wishing: Wishing
    rankings: Rankings
    operations: OperationList
    upkeep: Upkeep
    reinference: Stretches | None
    door: Door
    moments: Moments
    exporting: asyncio.Lock = field(default_factory=asyncio.Lock)

    @property
    def limits(self) -> LimitSettings:
        """What requests may ask for at most."""
        return self.settings.limits
