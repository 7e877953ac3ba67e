"""Typed handles: the engine's ports, and the users' verbs, over actors. Retries and deadlines live in `calls`."""

from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Unpack, cast

from ray import ObjectRef

from actors.calls import Remote
from actors.exchange import Calls, Channel, Replies, Send
from actors.options import Address, Part, addresses
from engine.api import (
    AddFields,
    CallFields,
    DeleteAllFields,
    GraphEntitiesFields,
    ListFields,
    MemoryApi,
    NeighboursFields,
    PageFields,
    PathFields,
    SearchFields,
    UpdateFields,
    WriteFields,
)
from engine.config import Settings
from engine.errors import DeadlineExceeded, Unavailable
from engine.filters import Filter
from engine.ports import (
    Command,
    Embedder,
    EmbedderInfo,
    Encoded,
    EntitiesAnswer,
    EntitiesQuery,
    Event,
    Extractor,
    Fragment,
    GraphAnswer,
    GraphQuery,
    GraphStore,
    Ledger,
    NeighboursAnswer,
    NeighboursQuery,
    Operation,
    Output,
    Ownership,
    Page,
    PathAnswer,
    PathQuery,
    Priority,
    ScopeCount,
    Span,
    VectorAnswer,
    VectorQuery,
    VectorStore,
    WriteAnswer,
)
from engine.types import Applied, Block, BlockKey, ChangeBatch, Entity, Json, JsonList, MemoryVersion, Message

if TYPE_CHECKING:
    # Only their types are needed here: importing a shell means importing what it owns.
    from actors.embedder import EmbedderActor
    from actors.extractor import ExtractorActor
    from actors.graph_store import GraphStoreActor
    from actors.ledger import LedgerActor
    from actors.orchestrator import OrchestratorActor
    from actors.vector_store import VectorStoreActor

_MARGIN_S = 2.0
"""How much longer a caller waits than it lets the orchestrator work, so that the orchestrator's own answer wins."""


class EmbedderHandle(Embedder):
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


class ExtractorHandle(Extractor):
    """The extractor behind an actor."""

    def __init__(self, address: Address, deadline_s: float) -> None:
        self._remote: Remote[ExtractorActor] = Remote(address, deadline_s)

    async def extract(self, conversations: Sequence[Sequence[Message]]) -> list[list[Fragment]]:
        return await self._remote.ask(lambda actor: actor.extract.remote(conversations))

    async def entities(self, texts: Sequence[str]) -> list[tuple[Entity, ...]]:
        return await self._remote.ask(lambda actor: actor.entities.remote(texts))


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

    async def operation(self, project: str, operation_id: str) -> Operation | None:
        return await self._remote.ask(lambda actor: actor.operation.remote(project, operation_id))

    async def get(self, project: str, memory_ids: Sequence[str]) -> list[MemoryVersion | None]:
        return await self._remote.ask(lambda actor: actor.get.remote(project, memory_ids))

    async def page(self, project: str, node: Filter, offset: int, limit: int) -> Page:
        return await self._remote.ask(lambda actor: actor.page.remote(project, node, offset, limit))

    async def history(self, project: str, memory_id: str) -> list[Event]:
        return await self._remote.ask(lambda actor: actor.history.remote(project, memory_id))

    async def scopes(self, project: str) -> list[ScopeCount]:
        return await self._remote.ask(lambda actor: actor.scopes.remote(project))

    async def changes(self, after: int, limit: int) -> ChangeBatch:
        return await self._remote.ask(lambda actor: actor.changes.remote(after, limit))

    async def block(self, key: BlockKey) -> Block:
        return await self._remote.ask(lambda actor: actor.block.remote(key))

    async def status(self) -> Json:
        return await self._remote.ask(lambda actor: actor.status.remote())

    async def close(self) -> None:
        await self._remote.ask(lambda actor: actor.close.remote())


class VectorStoreHandle(VectorStore):
    """The vector store behind an actor. `apply` and `fill` change nothing when they come twice."""

    def __init__(self, address: Address, deadline_s: float) -> None:
        self._remote: Remote[VectorStoreActor] = Remote(address, deadline_s)

    async def status(self) -> Applied:
        return await self._remote.ask(lambda actor: actor.status.remote())

    async def apply(self, batch: ChangeBatch) -> Applied:
        return await self._remote.ask(lambda actor: actor.apply.remote(batch))

    async def search(self, queries: Sequence[VectorQuery]) -> VectorAnswer:
        return await self._remote.ask(lambda actor: actor.search.remote(queries))

    async def fill(self, block: Block) -> Applied:
        return await self._remote.ask(lambda actor: actor.fill.remote(block))

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

    async def entities(self, query: EntitiesQuery) -> EntitiesAnswer:
        return await self._remote.ask(lambda actor: actor.entities.remote(query))

    async def neighbours(self, query: NeighboursQuery) -> NeighboursAnswer:
        return await self._remote.ask(lambda actor: actor.neighbours.remote(query))

    async def path(self, query: PathQuery) -> PathAnswer:
        return await self._remote.ask(lambda actor: actor.path.remote(query))

    async def close(self) -> None:
        await self._remote.ask(lambda actor: actor.close.remote())


class OrchestratorHandle(MemoryApi):
    """The users' verbs behind the orchestrator of a shard.

    Concurrent calls travel together. While the orchestrator restarts, calls wait within their deadline. A write always
    carries an idempotency key (made here if the caller gave none), so sending it again has one effect.
    """

    def __init__(self, address: Address, deadline_s: float) -> None:
        self._remote: Remote[OrchestratorActor] = Remote(address, deadline_s)
        self._deadline_s = deadline_s
        self._channel = Channel()

    async def add(self, messages: str | Json | Sequence[Json], **fields: Unpack[AddFields]) -> Json:
        return await self._write("add", (messages,), {**fields})

    async def update(self, memory_id: str, **fields: Unpack[UpdateFields]) -> Json:
        return await self._write("update", (memory_id,), {**fields})

    async def delete(self, memory_id: str, **fields: Unpack[WriteFields]) -> Json:
        return await self._write("delete", (memory_id,), {**fields})

    async def delete_all(self, **fields: Unpack[DeleteAllFields]) -> Json:
        return await self._write("delete_all", (), {**fields})

    async def search(self, query: str, **fields: Unpack[SearchFields]) -> Json:
        return await self._call("search", (query,), {**fields})

    async def get(self, memory_id: str, **fields: Unpack[CallFields]) -> Json:
        return await self._call("get", (memory_id,), {**fields})

    async def list(self, **fields: Unpack[ListFields]) -> Json:
        return await self._call("list", (), {**fields})

    async def history(self, memory_id: str, **fields: Unpack[CallFields]) -> JsonList:
        return cast(JsonList, await self._call("history", (memory_id,), {**fields}))

    async def entities(self, **fields: Unpack[PageFields]) -> Json:
        return await self._call("entities", (), {**fields})

    async def add_batch(self, items: Sequence[Json], **fields: Unpack[CallFields]) -> JsonList:
        keyed = [{"idempotency_key": uuid.uuid4().hex, **item} for item in items]
        return cast(JsonList, await self._call("add_batch", (keyed,), {**fields}))

    async def search_batch(self, items: Sequence[Json], **fields: Unpack[CallFields]) -> JsonList:
        return cast(JsonList, await self._call("search_batch", (items,), {**fields}))

    async def graph_entities(self, **fields: Unpack[GraphEntitiesFields]) -> Json:
        return await self._call("graph_entities", (), {**fields})

    async def neighbours(self, entity: str, **fields: Unpack[NeighboursFields]) -> Json:
        return await self._call("neighbours", (entity,), {**fields})

    async def path(self, source: str, target: str, **fields: Unpack[PathFields]) -> Json:
        return await self._call("path", (source, target), {**fields})

    async def operation(self, operation_id: str, **fields: Unpack[CallFields]) -> Json:
        return await self._call("operation", (operation_id,), {**fields})

    async def status(self) -> dict[str, Any]:
        return await self._remote.ask(lambda actor: actor.status.remote(), deadline_s=self._deadline_s)

    async def _call(self, verb: str, args: tuple[Any, ...], fields: Json) -> Json:
        answer: Json = await self._remote.ask(
            lambda actor: self._channel.call(_sender(actor), verb, args, fields), deadline_s=self._patience(fields)
        )
        return answer

    async def _write(self, verb: str, args: tuple[Any, ...], fields: Json) -> Json:
        key = fields.get("idempotency_key") or uuid.uuid4().hex
        try:
            answer = await self._call(verb, args, {**fields, "idempotency_key": key})
        except (DeadlineExceeded, Unavailable) as error:
            raise Unavailable(
                f"{error.message}; whether it was accepted is not known: send it again with this idempotency key",
                {**error.details, "idempotency_key": key},
            ) from error
        return answer

    def _patience(self, fields: Mapping[str, Any]) -> float:
        wanted = fields.get("deadline_s")
        limit = min(wanted, self._deadline_s) if isinstance(wanted, int | float) else self._deadline_s
        return max(limit, 0) + _MARGIN_S


def _sender(actor: Any) -> Send:
    def send(name: str, calls: Calls) -> ObjectRef[Replies]:
        sent: ObjectRef[Replies] = actor.exchange.remote(name, calls)
        return sent

    return send


def connect(settings: Settings, shard: int = 0) -> OrchestratorHandle:
    """The users' verbs of a running shard. Ray has to be connected; nothing is looked up yet."""
    return OrchestratorHandle(addresses(settings, shard)[Part.ORCHESTRATOR], settings.runtime.deadline_s)
