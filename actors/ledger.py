"""The ledger's actor shell. Transactions live in `engine.ledger`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import ray

from actors.options import Address
from actors.shell import Shell
from engine import ledger
from engine.as_of import AsOf, Moment
from engine.config import Settings
from engine.filters import Filter
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
from engine.types import Block, BlockKey, ChangeBatch, Derived, Json, LiveRows, MemoryVersion, OperationState, Scope


class LedgerActor(Shell[Ledger]):
    """Owns the SQL connections of a shard."""

    def __init__(self, address: Address, settings: Settings) -> None:
        super().__init__(address, settings, lambda: ledger.build(settings, address.index))

    @ray.method
    async def open(self) -> Ownership:
        """As `Ledger.open`."""
        return await (await self.enter("open")).open()

    @ray.method
    async def write(self, epoch: int, commands: Sequence[Command]) -> WriteAnswer:
        """As `Ledger.write`."""
        return await (await self.enter("write")).write(epoch, commands)

    @ray.method
    async def unfinished(self) -> list[Operation]:
        """As `Ledger.unfinished`."""
        return await (await self.enter("unfinished")).unfinished()

    @ray.method
    async def deferred(self, after: int, limit: int) -> list[Deferred]:
        """As `Ledger.deferred`."""
        return await (await self.enter("deferred")).deferred(after, limit)

    @ray.method
    async def facts_of(
        self, project: str, memory_ids: Sequence[str], position: int | None
    ) -> dict[str, tuple[MemoryVersion, ...]]:
        """As `Ledger.facts_of`."""
        return await (await self.enter("facts_of")).facts_of(project, memory_ids, position)

    @ray.method
    async def adds(self, project: str, scope: Scope, after: int, limit: int) -> list[Operation]:
        """As `Ledger.adds`."""
        return await (await self.enter("adds")).adds(project, scope, after, limit)

    @ray.method
    async def traces(self, project: str, memory_ids: Sequence[str]) -> list[Trace]:
        """As `Ledger.traces`."""
        return await (await self.enter("traces")).traces(project, memory_ids)

    @ray.method
    async def operation(self, project: str, operation_id: str) -> Operation | None:
        """As `Ledger.operation`."""
        return await (await self.enter("operation")).operation(project, operation_id)

    @ray.method
    async def operation_named(self, project: str, key: str) -> Operation | None:
        """As `Ledger.operation_named`."""
        return await (await self.enter("operation_named")).operation_named(project, key)

    @ray.method
    async def operations(
        self, project: str, scope: Scope | None, states: frozenset[OperationState], offset: int, limit: int
    ) -> OperationsPage:
        """As `Ledger.operations`."""
        return await (await self.enter("operations")).operations(project, scope, states, offset, limit)

    @ray.method
    async def purged(self, project: str, memory_id: str) -> bool:
        """As `Ledger.purged`."""
        return await (await self.enter("purged")).purged(project, memory_id)

    @ray.method
    async def get(self, project: str, memory_ids: Sequence[str]) -> list[MemoryVersion | None]:
        """As `Ledger.get`."""
        return await (await self.enter("get")).get(project, memory_ids)

    @ray.method
    async def page(self, project: str, node: Filter, offset: int, limit: int, evidence: bool) -> Page:
        """As `Ledger.page`."""
        return await (await self.enter("page")).page(project, node, offset, limit, evidence=evidence)

    @ray.method
    async def keys(self, project: str, node: Filter, limit: int, evidence: bool) -> Keys:
        """As `Ledger.keys`."""
        return await (await self.enter("keys")).keys(project, node, limit, evidence=evidence)

    @ray.method
    async def moment(self, asked: AsOf) -> Moment:
        """As `Ledger.moment`."""
        return await (await self.enter("moment")).moment(asked)

    @ray.method
    async def get_at(self, project: str, memory_ids: Sequence[str], position: int) -> list[MemoryVersion | None]:
        """As `Ledger.get_at`."""
        return await (await self.enter("get_at")).get_at(project, memory_ids, position)

    @ray.method
    async def page_at(self, project: str, node: Filter, position: int, offset: int, limit: int, evidence: bool) -> Page:
        """As `Ledger.page_at`."""
        return await (await self.enter("page_at")).page_at(project, node, position, offset, limit, evidence=evidence)

    @ray.method
    async def keys_at(self, project: str, node: Filter, position: int, limit: int, evidence: bool) -> Keys:
        """As `Ledger.keys_at`."""
        return await (await self.enter("keys_at")).keys_at(project, node, position, limit, evidence=evidence)

    @ray.method
    async def rows_at(self, project: str, block: BlockKey | None, position: int, limit: int) -> PastRows:
        """As `Ledger.rows_at`."""
        return await (await self.enter("rows_at")).rows_at(project, block, position, limit)

    @ray.method
    async def history(self, project: str, memory_id: str) -> list[Event]:
        """As `Ledger.history`."""
        return await (await self.enter("history")).history(project, memory_id)

    @ray.method
    async def scopes(self, project: str) -> list[ScopeCount]:
        """As `Ledger.scopes`."""
        return await (await self.enter("scopes")).scopes(project)

    @ray.method
    async def changes(self, after: int, limit: int) -> ChangeBatch:
        """As `Ledger.changes`."""
        return await (await self.enter("changes")).changes(after, limit)

    @ray.method
    async def block(self, key: BlockKey) -> Block:
        """As `Ledger.block`."""
        return await (await self.enter("block")).block(key)

    @ray.method
    async def begin_signals(self, epoch: int, made_by: str) -> None:
        """As `Ledger.begin_signals`."""
        await (await self.enter("begin_signals")).begin_signals(epoch, made_by)

    @ray.method
    async def put_signals(self, epoch: int, made_by: str, rows: Sequence[Derived]) -> None:
        """As `Ledger.put_signals`."""
        await (await self.enter("put_signals")).put_signals(epoch, made_by, rows)

    @ray.method
    async def lacking(self, after: str, limit: int) -> Lacking:
        """As `Ledger.lacking`."""
        return await (await self.enter("lacking")).lacking(after, limit)

    @ray.method
    async def conversations(self, asked: Sequence[Stretch], limit: int) -> list[ConversationRows]:
        """As `Ledger.conversations`."""
        return await (await self.enter("conversations")).conversations(asked, limit)

    @ray.method
    async def feedback(self, project: str, rating: Rating | None, limit: int) -> FeedbackPage:
        """As `Ledger.feedback`."""
        return await (await self.enter("feedback")).feedback(project, rating, limit)

    @ray.method
    async def put_feedback(self, epoch: int, project: str, memory_id: str, given: Feedback | None) -> bool:
        """As `Ledger.put_feedback`."""
        return await (await self.enter("put_feedback")).put_feedback(epoch, project, memory_id, given)

    @ray.method
    async def aliases(self, project: str) -> tuple[Alias, ...]:
        """As `Ledger.aliases`."""
        return await (await self.enter("aliases")).aliases(project)

    @ray.method
    async def put_alias(self, epoch: int, project: str, alias: Alias) -> None:
        """As `Ledger.put_alias`."""
        await (await self.enter("put_alias")).put_alias(epoch, project, alias)

    @ray.method
    async def drop_alias(self, epoch: int, project: str, scope: Scope, key: str) -> None:
        """As `Ledger.drop_alias`."""
        await (await self.enter("drop_alias")).drop_alias(epoch, project, scope, key)

    @ray.method
    async def ranking(self, project: str) -> Mapping[str, float]:
        """As `Ledger.ranking`."""
        return await (await self.enter("ranking")).ranking(project)

    @ray.method
    async def put_ranking(self, epoch: int, project: str, weights: Mapping[str, float]) -> None:
        """As `Ledger.put_ranking`."""
        await (await self.enter("put_ranking")).put_ranking(epoch, project, weights)

    @ray.method
    async def setting(self, project: str, name: str) -> Json:
        """As `Ledger.setting`."""
        return await (await self.enter("setting")).setting(project, name)

    @ray.method
    async def put_setting(self, epoch: int, project: str, name: str, value: Json) -> None:
        """As `Ledger.put_setting`."""
        await (await self.enter("put_setting")).put_setting(epoch, project, name, value)

    @ray.method
    async def live(self, after: str, limit: int) -> LiveRows:
        """As `Ledger.live`."""
        return await (await self.enter("live")).live(after, limit)

    @ray.method
    async def rows(self, memory_ids: Sequence[str]) -> LiveRows:
        """As `Ledger.rows`."""
        return await (await self.enter("rows")).rows(memory_ids)

    @ray.method
    async def audit(self, after: str, limit: int) -> LedgerAudit:
        """As `Ledger.audit`."""
        return await (await self.enter("audit")).audit(after, limit)

    @ray.method
    async def check(self) -> list[str]:
        """As `Ledger.check`."""
        return await (await self.enter("check")).check()

    @ray.method
    async def status(self) -> Json:
        """As `Ledger.status`."""
        return await (await self.enter("status")).status()

    @ray.method
    async def close(self) -> None:
        """As `Ledger.close`."""
        await (await self.enter("close")).close()
