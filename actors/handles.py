"""Typed handles: the engine's ports over actors. Retries and deadlines live in `calls`, the users' verbs elsewhere."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from actors.calls import Remote
from actors.language_model_handle import LanguageModelHandle
from actors.options import Address
from actors.orchestrator_handle import OrchestratorHandle, connect
from engine.as_of import AsOf, Moment
from engine.filters import Filter
from engine.graph_port import (
    BesideAnswer,
    BesideQuery,
    EntitiesAnswer,
    EntitiesQuery,
    GraphAnswer,
    GraphQuery,
    GraphStore,
    LinksAnswer,
    LinksQuery,
    MentionsAnswer,
    NeighboursAnswer,
    NeighboursQuery,
    PathAnswer,
    PathQuery,
)
from engine.ledger_port import (
    Alias,
    Command,
    ConversationRows,
    Deferred,
    Event,
    Feedback,
    FeedbackPage,
    Keys,
    Lacking,
    Ledger,
    LedgerAudit,
    Operation,
    OperationsPage,
    Ownership,
    Page,
    PastRows,
    Rating,
    ScopeCount,
    Stretch,
    Trace,
    WriteAnswer,
)
from engine.ports import (
    Embedder,
    EmbedderInfo,
    Encoded,
    Extractor,
    Fragment,
    Output,
    Priority,
    Reranker,
    Span,
    StatisticsAnswer,
    VectorAnswer,
    VectorQuery,
    VectorStore,
)
from engine.types import (
    Applied,
    AuditAnswer,
    Block,
    BlockKey,
    ChangeBatch,
    Derived,
    Entity,
    Json,
    LiveRows,
    MemoryVersion,
    Mending,
    Message,
    OperationState,
    Scope,
)

__all__ = [
    "EmbedderHandle",
    "ExtractorHandle",
    "GraphStoreHandle",
    "LanguageModelHandle",
    "LedgerHandle",
    "OrchestratorHandle",
    "VectorStoreHandle",
    "connect",
]

if TYPE_CHECKING:
    # Only their types are needed here: importing a shell means importing what it owns.
    from actors.embedder import EmbedderActor
    from actors.extractor import ExtractorActor
    from actors.graph_store import GraphStoreActor
    from actors.ledger import LedgerActor
    from actors.vector_store import VectorStoreActor


class EmbedderHandle(Embedder, Reranker):
    """An embedder behind an actor. Encoding twice does no harm, so a call is sent again while it restarts.

    `patient` False: a call that finds it down says so at once, for there is another to ask.
    """

    def __init__(self, address: Address, deadline_s: float, *, patient: bool = True) -> None:
        self._remote: Remote[EmbedderActor] = Remote(address, deadline_s)
        self._patient = patient

    async def info(self) -> EmbedderInfo:
        return await self._remote.ask(lambda actor: actor.info.remote(), again=self._patient)

    async def encode(
        self,
        windows: Sequence[str],
        spans: Sequence[Sequence[Span]] | None = None,
        outputs: frozenset[Output] = frozenset({Output.POOLED}),
        priority: Priority = Priority.ADD,
    ) -> Encoded:
        return await self._remote.ask(
            lambda actor: actor.encode.remote(windows, spans, outputs, priority), again=self._patient
        )

    async def score(self, query: str, texts: Sequence[str]) -> list[float]:
        return await self._remote.ask(lambda actor: actor.score.remote(query, texts), again=self._patient)


class ExtractorHandle(Extractor):
    """The extractor behind an actor."""

    def __init__(self, address: Address, deadline_s: float) -> None:
        self._remote: Remote[ExtractorActor] = Remote(address, deadline_s)

    async def extract(self, conversations: Sequence[Sequence[Message]]) -> list[list[Fragment]]:
        return await self._remote.ask(lambda actor: actor.extract.remote(conversations))

    async def entities(self, texts: Sequence[str]) -> list[tuple[Entity, ...]]:
        return await self._remote.ask(lambda actor: actor.entities.remote(texts))

    async def count_tokens(self, texts: Sequence[str]) -> list[int]:
        return await self._remote.ask(lambda actor: actor.count_tokens.remote(texts))


class LedgerHandle(Ledger):
    """The ledger behind an actor.

    A write whose answer was lost is sent again as it was: the port says that each command asks for the state of its
    operation first, so a second sending answers what is stored.
    """

    def __init__(self, address: Address, deadline_s: float) -> None:
        self._remote: Remote[LedgerActor] = Remote(address, deadline_s)

    async def open(self) -> Ownership:
        return await self._remote.ask(lambda actor: actor.open.remote())

    async def write(self, epoch: int, commands: Sequence[Command]) -> WriteAnswer:
        return await self._remote.ask(lambda actor: actor.write.remote(epoch, commands))

    async def unfinished(self) -> list[Operation]:
        return await self._remote.ask(lambda actor: actor.unfinished.remote())

    async def deferred(self, after: int, limit: int) -> list[Deferred]:
        return await self._remote.ask(lambda actor: actor.deferred.remote(after, limit))

    async def facts_of(
        self, project: str, memory_ids: Sequence[str], position: int | None = None
    ) -> dict[str, tuple[MemoryVersion, ...]]:
        return await self._remote.ask(lambda actor: actor.facts_of.remote(project, memory_ids, position))

    async def adds(self, project: str, scope: Scope, after: int, limit: int) -> list[Operation]:
        return await self._remote.ask(lambda actor: actor.adds.remote(project, scope, after, limit))

    async def traces(self, project: str, memory_ids: Sequence[str]) -> list[Trace]:
        return await self._remote.ask(lambda actor: actor.traces.remote(project, memory_ids))

    async def operation(self, project: str, operation_id: str) -> Operation | None:
        return await self._remote.ask(lambda actor: actor.operation.remote(project, operation_id))

    async def operation_named(self, project: str, key: str) -> Operation | None:
        return await self._remote.ask(lambda actor: actor.operation_named.remote(project, key))

    async def operations(
        self, project: str, scope: Scope | None, states: frozenset[OperationState], offset: int, limit: int
    ) -> OperationsPage:
        return await self._remote.ask(lambda actor: actor.operations.remote(project, scope, states, offset, limit))

    async def purged(self, project: str, memory_id: str) -> bool:
        return await self._remote.ask(lambda actor: actor.purged.remote(project, memory_id))

    async def get(self, project: str, memory_ids: Sequence[str]) -> list[MemoryVersion | None]:
        return await self._remote.ask(lambda actor: actor.get.remote(project, memory_ids))

    async def page(self, project: str, node: Filter, offset: int, limit: int, *, evidence: bool = False) -> Page:
        return await self._remote.ask(lambda actor: actor.page.remote(project, node, offset, limit, evidence))

    async def keys(self, project: str, node: Filter, limit: int, *, evidence: bool = False) -> Keys:
        return await self._remote.ask(lambda actor: actor.keys.remote(project, node, limit, evidence))

    async def moment(self, asked: AsOf) -> Moment:
        return await self._remote.ask(lambda actor: actor.moment.remote(asked))

    async def get_at(self, project: str, memory_ids: Sequence[str], position: int) -> list[MemoryVersion | None]:
        return await self._remote.ask(lambda actor: actor.get_at.remote(project, memory_ids, position))

    async def page_at(
        self, project: str, node: Filter, position: int, offset: int, limit: int, *, evidence: bool = False
    ) -> Page:
        return await self._remote.ask(
            lambda actor: actor.page_at.remote(project, node, position, offset, limit, evidence)
        )

    async def keys_at(self, project: str, node: Filter, position: int, limit: int, *, evidence: bool = False) -> Keys:
        return await self._remote.ask(lambda actor: actor.keys_at.remote(project, node, position, limit, evidence))

    async def rows_at(self, project: str, block: BlockKey | None, position: int, limit: int) -> PastRows:
        return await self._remote.ask(lambda actor: actor.rows_at.remote(project, block, position, limit))

    async def history(self, project: str, memory_id: str) -> list[Event]:
        return await self._remote.ask(lambda actor: actor.history.remote(project, memory_id))

    async def scopes(self, project: str) -> list[ScopeCount]:
        return await self._remote.ask(lambda actor: actor.scopes.remote(project))

    async def changes(self, after: int, limit: int) -> ChangeBatch:
        return await self._remote.ask(lambda actor: actor.changes.remote(after, limit))

    async def block(self, key: BlockKey) -> Block:
        return await self._remote.ask(lambda actor: actor.block.remote(key))

    async def begin_signals(self, epoch: int, made_by: str) -> None:
        await self._remote.ask(lambda actor: actor.begin_signals.remote(epoch, made_by))

    async def put_signals(self, epoch: int, made_by: str, rows: Sequence[Derived]) -> None:
        await self._remote.ask(lambda actor: actor.put_signals.remote(epoch, made_by, rows))

    async def lacking(self, after: str, limit: int) -> Lacking:
        return await self._remote.ask(lambda actor: actor.lacking.remote(after, limit))

    async def conversations(self, asked: Sequence[Stretch], limit: int) -> list[ConversationRows]:
        return await self._remote.ask(lambda actor: actor.conversations.remote(asked, limit))

    async def feedback(self, project: str, rating: Rating | None, limit: int) -> FeedbackPage:
        return await self._remote.ask(lambda actor: actor.feedback.remote(project, rating, limit))

    async def put_feedback(self, epoch: int, project: str, memory_id: str, given: Feedback | None) -> bool:
        return await self._remote.ask(lambda actor: actor.put_feedback.remote(epoch, project, memory_id, given))

    async def aliases(self, project: str) -> tuple[Alias, ...]:
        return await self._remote.ask(lambda actor: actor.aliases.remote(project))

    async def put_alias(self, epoch: int, project: str, alias: Alias) -> None:
        await self._remote.ask(lambda actor: actor.put_alias.remote(epoch, project, alias))

    async def drop_alias(self, epoch: int, project: str, scope: Scope, key: str) -> None:
        await self._remote.ask(lambda actor: actor.drop_alias.remote(epoch, project, scope, key))

    async def ranking(self, project: str) -> Mapping[str, float]:
        return await self._remote.ask(lambda actor: actor.ranking.remote(project))

    async def put_ranking(self, epoch: int, project: str, weights: Mapping[str, float]) -> None:
        await self._remote.ask(lambda actor: actor.put_ranking.remote(epoch, project, weights))

    async def setting(self, project: str, name: str) -> Json:
        return await self._remote.ask(lambda actor: actor.setting.remote(project, name))

    async def put_setting(self, epoch: int, project: str, name: str, value: Json) -> None:
        await self._remote.ask(lambda actor: actor.put_setting.remote(epoch, project, name, value))

    async def live(self, after: str, limit: int) -> LiveRows:
        return await self._remote.ask(lambda actor: actor.live.remote(after, limit))

    async def rows(self, memory_ids: Sequence[str]) -> LiveRows:
        return await self._remote.ask(lambda actor: actor.rows.remote(memory_ids))

    async def audit(self, after: str, limit: int) -> LedgerAudit:
        return await self._remote.ask(lambda actor: actor.audit.remote(after, limit))

    async def check(self) -> list[str]:
        return await self._remote.ask(lambda actor: actor.check.remote())

    async def status(self) -> Json:
        return await self._remote.ask(lambda actor: actor.status.remote())

    async def close(self) -> None:
        await self._remote.ask(lambda actor: actor.close.remote())


class VectorStoreHandle(VectorStore):
    """The vector store behind an actor. `apply`, `fill` and `derive` change nothing when they come twice."""

    def __init__(self, address: Address, deadline_s: float) -> None:
        self._remote: Remote[VectorStoreActor] = Remote(address, deadline_s)

    async def status(self) -> Applied:
        return await self._remote.ask(lambda actor: actor.status.remote())

    async def apply(self, batch: ChangeBatch) -> Applied:
        return await self._remote.ask(lambda actor: actor.apply.remote(batch))

    async def search(self, queries: Sequence[VectorQuery]) -> VectorAnswer:
        return await self._remote.ask(lambda actor: actor.search.remote(queries))

    async def statistics(self, queries: Sequence[VectorQuery]) -> StatisticsAnswer:
        return await self._remote.ask(lambda actor: actor.statistics.remote(queries))

    async def fill(self, block: Block) -> Applied:
        return await self._remote.ask(lambda actor: actor.fill.remote(block))

    async def derive(self, rows: Sequence[Derived]) -> None:
        await self._remote.ask(lambda actor: actor.derive.remote(rows))

    async def resident(self) -> Mapping[str, int]:
        return await self._remote.ask(lambda actor: actor.resident.remote())

    async def audit(self, after: str, until: str | None) -> AuditAnswer:
        return await self._remote.ask(lambda actor: actor.audit.remote(after, until))

    async def mend(self, mending: Mending) -> Applied:
        return await self._remote.ask(lambda actor: actor.mend.remote(mending))

    async def begin_rebuild(self) -> None:
        await self._remote.ask(lambda actor: actor.begin_rebuild.remote())

    async def load(self, rows: LiveRows) -> None:
        await self._remote.ask(lambda actor: actor.load.remote(rows))

    async def finish_rebuild(self, position: int) -> Applied:
        return await self._remote.ask(lambda actor: actor.finish_rebuild.remote(position), again=False)

    async def close(self) -> None:
        await self._remote.ask(lambda actor: actor.close.remote())


class GraphStoreHandle(GraphStore):
    """The graph store behind an actor."""

    def __init__(self, address: Address, deadline_s: float) -> None:
        self._remote: Remote[GraphStoreActor] = Remote(address, deadline_s)

    async def status(self) -> Applied:
        return await self._remote.ask(lambda actor: actor.status.remote())

    async def apply(self, batch: ChangeBatch) -> Applied:
        return await self._remote.ask(lambda actor: actor.apply.remote(batch))

    async def search(self, queries: Sequence[GraphQuery]) -> GraphAnswer:
        return await self._remote.ask(lambda actor: actor.search.remote(queries))

    async def mentions(self, queries: Sequence[GraphQuery]) -> MentionsAnswer:
        return await self._remote.ask(lambda actor: actor.mentions.remote(queries))

    async def entities(self, query: EntitiesQuery) -> EntitiesAnswer:
        return await self._remote.ask(lambda actor: actor.entities.remote(query))

    async def neighbours(self, query: NeighboursQuery) -> NeighboursAnswer:
        return await self._remote.ask(lambda actor: actor.neighbours.remote(query))

    async def path(self, query: PathQuery) -> PathAnswer:
        return await self._remote.ask(lambda actor: actor.path.remote(query))

    async def beside(self, query: BesideQuery) -> BesideAnswer:
        return await self._remote.ask(lambda actor: actor.beside.remote(query))

    async def links(self, query: LinksQuery) -> LinksAnswer:
        return await self._remote.ask(lambda actor: actor.links.remote(query))

    async def audit(self, after: str, until: str | None) -> AuditAnswer:
        return await self._remote.ask(lambda actor: actor.audit.remote(after, until))

    async def mend(self, mending: Mending) -> Applied:
        return await self._remote.ask(lambda actor: actor.mend.remote(mending))

    async def begin_rebuild(self) -> None:
        await self._remote.ask(lambda actor: actor.begin_rebuild.remote())

    async def load(self, rows: LiveRows) -> None:
        await self._remote.ask(lambda actor: actor.load.remote(rows))

    async def finish_rebuild(self, position: int) -> Applied:
        return await self._remote.ask(lambda actor: actor.finish_rebuild.remote(position), again=False)

    async def close(self) -> None:
        await self._remote.ask(lambda actor: actor.close.remote())
