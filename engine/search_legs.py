"""What the indexes of one shard say to a search: calls shared between searches, cold blocks filled, losses mended.

Every answer is of an index that has all it once confirmed. What is made of the answers is the caller's business.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Protocol, TypeVar

from engine.batch_queue import BatchQueue
from engine.circuit import Circuit
from engine.concurrency import TaskSet
from engine.errors import Unavailable
from engine.graph_port import AskedGraph, GraphHit, GraphQuery
from engine.index_feed import IndexFeed
from engine.ledger_port import Ledger
from engine.ports import KeywordStatistics, VectorHit, VectorQuery, VectorStore
from engine.types import Applied, BlockKey, Json, Relation

_BATCH = 64
_IN_FLIGHT = 8
_COMPANY_S = 0.001
_ROUNDS = 6


@dataclass(frozen=True, slots=True)
class GraphFound:
    """What the graph says to one query."""

    applied: Applied
    hits: tuple[GraphHit, ...]
    relations: tuple[Relation, ...]


@dataclass(frozen=True, slots=True)
class VectorFound:
    """What the vector index says to one query."""

    applied: Applied
    hits: tuple[VectorHit, ...]
    cold: BlockKey | None = None
    speakers: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Counted:
    """What the texts that a query is asked of say of its terms. `speakers`: who speaks in them."""

    applied: Applied
    statistics: KeywordStatistics | None
    cold: BlockKey | None
    speakers: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class _Mentions:
    applied: Applied
    counts: Mapping[str, int]


class _OfBlock(Protocol):
    @property
    def applied(self) -> Applied: ...

    @property
    def cold(self) -> BlockKey | None: ...


class _OfIndex(Protocol):
    @property
    def applied(self) -> Applied: ...


Q = TypeVar("Q")
B = TypeVar("B", bound=_OfBlock)
I = TypeVar("I", bound=_OfIndex)  # noqa: E741 - beside Q and B
T = TypeVar("T")


class SearchLegs:
    """Asks the indexes; concurrent searches share calls.

    Args:
        ledger: fills cold blocks.
        vector: dense and keyword index.
        graph: entity graph.
        vector_feed: tells whether the vector index has lost something.
        graph_feed: the same for the graph.
        deadline_s: how long an index may take for a call; one that takes longer is left alone until it answers.
    """

    def __init__(
        self,
        *,
        ledger: Ledger,
        vector: VectorStore,
        graph: AskedGraph,
        vector_feed: IndexFeed,
        graph_feed: IndexFeed,
        deadline_s: float,
    ) -> None:
        self._ledger = ledger
        self._vector = vector
        self._graph = graph
        self._vector_feed = vector_feed
        self._graph_feed = graph_feed
        self._filling: dict[BlockKey, asyncio.Task[None]] = {}
        self._tasks = TaskSet()
        self._deadline_s = deadline_s
        self._vector_circuit = Circuit("vector index", self._tasks, deadline_s=deadline_s)
        self._graph_circuit = Circuit("graph index", self._tasks, deadline_s=deadline_s)
        self._vector_calls = _queue(self._search_vectors, "vector search")
        self._graph_calls = _queue(self._search_graph, "graph search")
        self._statistics_calls = _queue(self._count_terms, "keyword statistics")
        self._mentions_calls = _queue(self._count_mentions, "graph mentions")

    async def close(self) -> None:
        """End what is under way."""
        await self._tasks.close()
        for queue in (self._vector_calls, self._graph_calls, self._statistics_calls, self._mentions_calls):
            await queue.close()

    async def reached(self, position: int) -> None:
        """Wait until both indexes have come to a position."""
        await asyncio.gather(self._vector_feed.reached(position), self._graph_feed.reached(position))

    @property
    def position(self) -> int:
        """Up to where the vector index has come."""
        return self._vector_feed.position

    async def nearest(self, query: VectorQuery) -> VectorFound:
        """What the vector index finds."""
        found = await self._from_blocks(query, self._vector_calls.submit)
        if found is None:
            # The blocks in use don't fit into memory together: the index on disk answers this one.
            return await self._vector_calls.submit(replace(query, block=None, statistics=None))
        return found

    async def statistics(self, query: VectorQuery) -> Counted | None:
        """What this shard's texts say of the terms of a query; None: the index can't tell."""
        return await self._from_blocks(query, self._statistics_calls.submit)

    async def around(self, query: GraphQuery) -> GraphFound:
        """What lies near the entities of a query."""
        return await self._from_graph(query, self._graph_calls.submit)

    async def mentions(self, query: GraphQuery) -> Mapping[str, int]:
        """How many memories of this shard mention each entity that the query may start from."""
        return (await self._from_graph(query, self._mentions_calls.submit)).counts

    async def _from_blocks(self, query: VectorQuery, ask: Callable[[VectorQuery], Awaitable[B]]) -> B | None:
        """The answer of an index that has lost nothing; None: the query's block doesn't stay in memory."""
        self._vector_circuit.check()
        await self._known(self._vector_feed)
        for _ in range(_ROUNDS):
            since = self._vector_feed.confirmed
            found = await ask(query)
            if not self._vector_feed.observe(found.applied, since):
                await self._caught_up(self._vector_feed)
            elif found.cold is None:
                return found
            else:
                await self._fill(found.cold)
        return None

    async def _from_graph(self, query: GraphQuery, ask: Callable[[GraphQuery], Awaitable[I]]) -> I:
        self._graph_circuit.check()
        await self._known(self._graph_feed)
        for _ in range(_ROUNDS):
            since = self._graph_feed.confirmed
            found = await ask(query)
            if self._graph_feed.observe(found.applied, since):
                return found
            await self._caught_up(self._graph_feed)
        raise Unavailable("the graph is being caught up", {"retry_after_s": 1})

    async def _known(self, feed: IndexFeed) -> None:
        if not feed.is_known:
            self._check(feed)
            await feed.known()

    async def _caught_up(self, feed: IndexFeed) -> None:
        self._check(feed)
        await feed.caught_up()

    def _check(self, feed: IndexFeed) -> None:
        """Nobody waits for an index that others have waited for in vain."""
        if feed.stalled_s > self._deadline_s:
            raise Unavailable(f"the {feed.name} index does not catch up", {"part": feed.name, "retry_after_s": 1})

    async def _fill(self, key: BlockKey) -> None:
        """Read a block from the ledger into the index; searches that need the same one share it."""
        task = self._filling.get(key)
        if task is None:
            task = self._tasks.start(self._fill_from_ledger(key), name=f"fill of {key.field}")
            self._filling[key] = task
            task.add_done_callback(lambda _: self._filling.pop(key, None))
        await asyncio.shield(task)

    async def _fill_from_ledger(self, key: BlockKey) -> None:
        await self._vector.fill(await self._ledger.block(key))

    async def _search_vectors(self, queries: list[VectorQuery]) -> list[VectorFound | Exception]:
        answer = await self._asked(self._vector_circuit, self._vector.search, queries)
        speakers = answer.speakers or ((),) * len(answer.hits)
        found = zip(answer.hits, answer.cold, speakers, strict=True)
        return [VectorFound(answer.applied, hits, cold, who) for hits, cold, who in found]

    async def _search_graph(self, queries: list[GraphQuery]) -> list[GraphFound | Exception]:
        answer = await self._asked(self._graph_circuit, self._graph.search, queries)
        relations = answer.relations or ((),) * len(answer.hits)
        return [GraphFound(answer.applied, hits, edges) for hits, edges in zip(answer.hits, relations, strict=True)]

    async def _count_terms(self, queries: list[VectorQuery]) -> list[Counted | Exception]:
        answer = await self._asked(self._vector_circuit, self._vector.statistics, queries)
        speakers = answer.speakers or ((),) * len(answer.statistics)
        counted = zip(answer.statistics, answer.cold, speakers, strict=True)
        return [Counted(answer.applied, one, cold, who) for one, cold, who in counted]

    async def _count_mentions(self, queries: list[GraphQuery]) -> list[_Mentions | Exception]:
        answer = await self._asked(self._graph_circuit, self._graph.mentions, queries)
        return [_Mentions(answer.applied, counts) for counts in answer.mentions]

    async def _asked(self, circuit: Circuit, ask: Callable[[Sequence[Q]], Awaitable[T]], queries: Sequence[Q]) -> T:
        # In the background the first of them alone is asked again: others may have come only to make it too much.
        return await circuit.call(lambda: ask(queries), lambda: ask(queries[:1]))

    def status(self) -> Json:
        """Calls so far. `left_alone`: indexes that don't answer, and are asked again in the background."""
        circuits = {"vector": self._vector_circuit, "graph": self._graph_circuit}
        return {
            "left_alone": [name for name, circuit in circuits.items() if circuit.is_open],
            "searches": self._vector_calls.stats.items,
            "vector_calls": self._vector_calls.stats.batches,
            "graph_calls": self._graph_calls.stats.batches,
        }

    def queues(self) -> Json:
        """Figures of the queues in front of the indexes."""
        return {"vector": self._vector_calls.figures(), "graph": self._graph_calls.figures()}


def _queue(run: Callable[[list[Q]], Awaitable[list[T | Exception]]], name: str) -> BatchQueue[Q, T]:
    return BatchQueue(run, name=name, max_items=_BATCH, in_flight=_IN_FLIGHT, linger_s=_COMPANY_S)
