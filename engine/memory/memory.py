"""The memory system of a shard: put together over its ports, started and ended."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from functools import partial
from typing import Any

from engine.alias_book import AliasBook
from engine.aliased_graph import AliasedGraph
from engine.between_indexes import BetweenIndexes
from engine.clock import now_us
from engine.config import Settings
from engine.faults import FAULTS, FaultPoints
from engine.finishing import Rerank, nobody
from engine.gate import Gate, Load, Room
from engine.graph_path import GraphPath
from engine.graph_port import GraphStore
from engine.index_feed import IndexFeed
from engine.inference.making import inference, inferring
from engine.inference.wishing import Wishing
from engine.ledger_port import Known, Ledger, Ownership
from engine.memory.door import Door
from engine.memory.embedding import EmbeddingVerbs
from engine.memory.exports import ExportVerbs
from engine.memory.feedback import FeedbackVerbs
from engine.memory.graphs import GraphVerbs
from engine.memory.inference import InferenceVerbs
from engine.memory.legs import LegVerbs
from engine.memory.lookups import LookupVerbs
from engine.memory.moments import Moments
from engine.memory.operations import OperationVerbs
from engine.memory.parts import Parts
from engine.memory.reinfer import ReinferVerbs
from engine.memory.searches import SearchVerbs
from engine.memory.status import status_of
from engine.memory.upkeep import UpkeepVerbs
from engine.memory.whole_writes import WholeWriteVerbs
from engine.memory.writes import WriteVerbs
from engine.models import Models
from engine.named_graph import NamedGraph
from engine.operation_list import OperationList
from engine.past.worlds import Worlds
from engine.ports import Embedder, Extractor, LanguageModel, Reranker, VectorStore
from engine.rankings import Rankings
from engine.reinference.making import reinference
from engine.search_legs import SearchLegs
from engine.search_path import SearchPath
from engine.signals import SignalFeed
from engine.upkeep import Upkeep
from engine.upkeep.subject import graph_subject, vector_subject
from engine.write_path import WritePath

_SHORT = Load(tokens=32)
_ALWAYS_ADDS = 32
_ALWAYS_SEARCHES = 12
"""So many short texts are let in whatever the pace: the models need a few at once to show it."""


class Memory(
    WriteVerbs,
    InferenceVerbs,
    SearchVerbs,
    EmbeddingVerbs,
    LookupVerbs,
    ExportVerbs,
    FeedbackVerbs,
    GraphVerbs,
    OperationVerbs,
    UpkeepVerbs,
    ReinferVerbs,
    LegVerbs,
    WholeWriteVerbs,
):
    """One shard's memory system: implements `engine.shard_api.ShardApi` over the ports that it is given.

    `start` makes it the owner of the shard; until then calls are refused. It owns the tasks that it starts, not the
    ports: whoever made those closes them, after `close`.

    Args:
        ledger: the truth.
        embedder: texts to vectors.
        extractor: messages to memories, texts to entities.
        vector: dense and keyword index.
        graph: entity graph.
        settings: limits, weights, deadlines.
        reranker: puts hits in order where a search wants it.
        language_model: makes facts of messages; None: they are kept as they are.
        shard: which one it is, for its status.
        faults: named points that tests arm.
        clock: now in microseconds UTC.
    """

    def __init__(
        self,
        *,
        ledger: Ledger,
        embedder: Embedder,
        extractor: Extractor,
        vector: VectorStore,
        graph: GraphStore,
        settings: Settings,
        reranker: Reranker | None = None,
        language_model: LanguageModel | None = None,
        shard: int = 0,
        faults: FaultPoints = FAULTS,
        clock: Callable[[], int] = now_us,
    ) -> None:
        models = Models(
            embedder,
            extractor,
            batch_texts=settings.embed.batch_texts,
            queue_texts=settings.embed.queue_texts,
            in_flight=settings.embedders,
        )
        named = NamedGraph(graph, models)
        vector_feed = IndexFeed("vector", vector, ledger.changes)
        graph_feed = IndexFeed("graph", BetweenIndexes(named, vector_feed, faults), ledger.changes)
        signals = SignalFeed(
            ledger=ledger, models=models, vector=vector, reached=vector_feed, settings=settings.signals
        )
        aliases = AliasBook(ledger)
        asked = AliasedGraph(graph, aliases)
        rerank = nobody if reranker is None else reranker.score
        over = partial(_searches, models=models, settings=settings, rerank=rerank)
        past = Worlds(ledger=ledger, models=models, settings=settings, aliases=aliases, searches=over)
        admitted = _write_gate(settings)
        legs = SearchLegs(
            ledger=ledger,
            vector=vector,
            graph=asked,
            vector_feed=vector_feed,
            graph_feed=graph_feed,
            deadline_s=settings.search.leg_deadline_s,
        )
        wishing = Wishing(ledger, settings.infer)
        asking = None
        if language_model is not None:
            asking = inferring(
                ledger=ledger, legs=legs, models=models, model=language_model, wishing=wishing, settings=settings
            )
        writes = WritePath(
            ledger=ledger,
            models=models,
            feeds=(vector_feed, graph_feed),
            listeners=(signals, past),
            gate=admitted,
            batch_operations=settings.ledger.batch_operations,
            apply_deadline_s=settings.runtime.apply_deadline_s,
            faults=faults,
            rules=settings.extract.relations == "rules",
            inference=None if asking is None else inference(asking, ledger=ledger, settings=settings, faults=faults),
        )
        replays = None
        if asking is not None:
            replays = reinference(asking, ledger=ledger, writes=writes, settings=settings, clock=clock)
        searches, graphs = over(ledger, legs), GraphPath(graph=asked, feed=graph_feed, ledger=ledger)
        subjects = (vector_subject(vector, vector_feed), graph_subject(named, graph_feed))
        super().__init__(
            Parts(
                shard=shard,
                settings=settings,
                clock=clock,
                ledger=ledger,
                vector=vector,
                reranker=reranker,
                language_model=language_model,
                models=models,
                vector_feed=vector_feed,
                graph_feed=graph_feed,
                signals=signals,
                writes=writes,
                searches=searches,
                graphs=graphs,
                past=past,
                aliases=aliases,
                inferring=asking,
                wishing=wishing,
                rankings=Rankings(ledger, settings.search.leg_deadline_s),
                operations=OperationList(ledger, writes.is_running),
                upkeep=Upkeep(ledger, subjects, shard=shard),
                reinference=replays,
                door=Door(_read_gate(settings, admitted), settings.runtime.deadline_s),
                moments=Moments(ledger=ledger, past=past, searches=searches, graphs=graphs, clock=clock),
            )
        )
        self._started = False

    async def start(self) -> None:
        """Own the shard, take up what was left unfinished, and begin to feed the indexes."""
        parts = self._parts
        ownership = await parts.writes.start()
        for feed in (parts.vector_feed, parts.graph_feed):
            feed.start(ownership.position)
        parts.signals.start(ownership.epoch, ownership.position)
        parts.upkeep.start()
        self._started = True

    async def close(self) -> None:
        """Stop. What is accepted and not finished is finished after the next start."""
        parts = self._parts
        self._started = False
        await asyncio.gather(parts.upkeep.close(), parts.signals.close())
        if parts.reinference is not None:
            await parts.reinference.close()
        await parts.writes.close()
        await parts.searches.close()
        await parts.past.close()
        await asyncio.gather(parts.vector_feed.close(), parts.graph_feed.close())
        await parts.models.close()

    @property
    def ownership(self) -> Ownership:
        """What `start` got; raises Unavailable when it isn't the owner, or not any more."""
        return self._parts.writes.ownership

    async def indexes_at(self, position: int) -> None:
        """Wait until both indexes have come to a position."""
        await asyncio.gather(self._parts.vector_feed.reached(position), self._parts.graph_feed.reached(position))

    async def signals_complete(self) -> None:
        """Wait until every memory has its derived signals."""
        await self._parts.signals.complete()

    async def status(self) -> dict[str, Any]:
        """What runs, and how far it is; never fails: a part that is away says so."""
        return await status_of(self._parts, started=self._started)


def _searches(ledger: Known, legs: SearchLegs, *, models: Models, settings: Settings, rerank: Rerank) -> SearchPath:
    """Searches over these indexes, those of now or of an earlier state."""
    return SearchPath(
        ledger=ledger,
        models=models,
        legs=legs,
        settings=settings.search,
        language=settings.vector.language,
        rerank=rerank,
        infers=settings.llm.is_set,
    )


def _read_gate(settings: Settings, writes: Gate) -> Gate:
    limits = settings.limits
    most_s = limits.search_wait_s
    room = Room(limits.pending_reads, limits.pending_bytes, limits.pending_tokens)
    # Where writes wait longer than searches may, each search takes longer than the pace of the last half minute says.
    return Gate(
        "reads",
        room,
        time.monotonic,
        longest_s=most_s,
        always=_ALWAYS_SEARCHES * _SHORT.work,
        crowded=lambda: writes.wait_s > most_s,
    )


def _write_gate(settings: Settings) -> Gate:
    limits = settings.limits
    return Gate(
        "operations",
        Room(limits.pending_operations, limits.pending_bytes, limits.pending_tokens),
        time.monotonic,
        longest_s=min(limits.write_wait_s, settings.runtime.deadline_s / 2),
        always=_ALWAYS_ADDS * _SHORT.work,
    )
