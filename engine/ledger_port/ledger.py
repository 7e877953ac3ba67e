"""The port itself: the durable, ordered log."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Protocol

from engine.as_of import AsOf, Moment
from engine.filters import Filter
from engine.ledger_port.aliases import Alias
from engine.ledger_port.audits import LedgerAudit
from engine.ledger_port.conversations import ConversationRows, Lacking, Stretch
from engine.ledger_port.feedback import Feedback, FeedbackPage, Rating
from engine.ledger_port.history import Event, PastRows
from engine.ledger_port.operations import Deferred, Operation, OperationsPage
from engine.ledger_port.pages import Keys, Page, ScopeCount
from engine.ledger_port.traces import Trace
from engine.ledger_port.writes import Command, Ownership, WriteAnswer
from engine.types import Block, BlockKey, ChangeBatch, Derived, Json, LiveRows, MemoryVersion, OperationState, Scope


class Known(Protocol):
    """What single memories say, now or at another time."""

    async def get(self, project: str, memory_ids: Sequence[str]) -> list[MemoryVersion | None]: ...

    async def facts_of(self, project: str, memory_ids: Sequence[str]) -> dict[str, tuple[MemoryVersion, ...]]: ...


class Ledger(Protocol):
    """The durable, ordered log: the only truth. What each write means is fixed in `docs/consistency.md`."""

    async def open(self) -> Ownership:
        """Become the shard's owner: earlier owners' writes are refused from now on."""
        ...

    async def write(self, epoch: int, commands: Sequence[Command]) -> WriteAnswer:
        """Do the commands in order, in one transaction. Safe to send again when the answer was lost.

        Raises:
            StaleEpoch: somebody else owns the shard; nothing was written.
        """
        ...

    async def unfinished(self) -> list[Operation]:
        """The accepted operations that have not begun to take effect, in the order of acceptance."""
        ...

    async def operation(self, project: str, operation_id: str) -> Operation | None: ...

    async def operation_named(self, project: str, key: str) -> Operation | None:
        """The operation (or claim) that a caller gave this idempotency key."""
        ...

    async def operations(
        self, project: str, scope: Scope | None, states: frozenset[OperationState], offset: int, limit: int
    ) -> OperationsPage:
        """Operations (not claims) in one of these states, newest first: those whose scope has all ids of `scope`."""
        ...

    async def get(self, project: str, memory_ids: Sequence[str]) -> list[MemoryVersion | None]:
        """The live versions."""
        ...

    async def purged(self, project: str, memory_id: str) -> bool:
        """Whether there was such a memory and its content has been erased."""
        ...

    async def deferred(self, after: int, limit: int) -> list[Deferred]:
        """At most `limit` operations whose facts are still to come, those with `seq > after`, by `seq`."""
        ...

    async def facts_of(
        self, project: str, memory_ids: Sequence[str], position: int | None = None
    ) -> dict[str, tuple[MemoryVersion, ...]]:
        """Of the messages among these that stand behind facts (of none other): the facts that are live, or were then;
        maybe none is left."""
        ...

    async def adds(self, project: str, scope: Scope, after: int, limit: int) -> list[Operation]:
        """At most `limit` adds that have succeeded and hold their messages still, those with `seq > after`, by `seq`;
        only those whose scope has all ids of `scope`."""
        ...

    async def traces(self, project: str, memory_ids: Sequence[str]) -> list[Trace]:
        """What has become of the facts, live or ended, that these messages stood behind, by id."""
        ...

    async def page(self, project: str, node: Filter, offset: int, limit: int, *, evidence: bool = False) -> Page:
        """Without messages that stand behind facts, unless `evidence` wants them."""
        ...

    async def keys(self, project: str, node: Filter, limit: int, *, evidence: bool = False) -> Keys:
        """What the first pages consist of, without the versions themselves."""
        ...

    async def moment(self, asked: AsOf) -> Moment:
        """The last state that is not after what is asked for; position 0 is before all that happened."""
        ...

    async def get_at(self, project: str, memory_ids: Sequence[str], position: int) -> list[MemoryVersion | None]:
        """The versions that were live then. As in all reads of the past, what has been purged since isn't there."""
        ...

    async def page_at(
        self, project: str, node: Filter, position: int, offset: int, limit: int, *, evidence: bool = False
    ) -> Page:
        """As `page` would have answered then."""
        ...

    async def keys_at(self, project: str, node: Filter, position: int, limit: int, *, evidence: bool = False) -> Keys:
        """As `keys` would have answered then."""
        ...

    async def rows_at(self, project: str, block: BlockKey | None, position: int, limit: int) -> PastRows:
        """What was live then in a block (None: in the project), unless it is more than `limit`."""
        ...

    async def history(self, project: str, memory_id: str) -> list[Event]:
        """Oldest first; empty when the memory was never there."""
        ...

    async def scopes(self, project: str) -> list[ScopeCount]: ...

    async def changes(self, after: int, limit: int) -> ChangeBatch:
        """At most `limit` changes after a position, oldest first."""
        ...

    async def block(self, key: BlockKey) -> Block:
        """All live versions of a block with their vectors and derived signals, at one position."""
        ...

    async def begin_signals(self, epoch: int, made_by: str) -> None:
        """Let go of derived signals that another model or format made.

        Raises:
            StaleEpoch: somebody else owns the shard.
        """
        ...

    async def put_signals(self, epoch: int, made_by: str, rows: Sequence[Derived]) -> None:
        """Keep derived signals of whole windows; a window of which a version has ended meanwhile is left out.

        A version's end removes its signals, and those of all memories that were encoded in one window with it.

        Raises:
            StaleEpoch: somebody else owns the shard; nothing was written.
        """
        ...

    async def lacking(self, after: str, limit: int) -> Lacking:
        """At most `limit` live memories without derived signals, those with `memory_id > after`."""
        ...

    async def conversations(self, asked: Sequence[Stretch], limit: int) -> list[ConversationRows]:
        """At most `limit` live memories of each stretch of a run; an add's are told whole."""
        ...

    async def aliases(self, project: str) -> tuple[Alias, ...]:
        """The names of a project that mean another."""
        ...

    async def put_alias(self, epoch: int, project: str, alias: Alias) -> None:
        """Let a name mean another in a scope, durably, in place of what it meant. The same again changes nothing.

        Raises:
            StaleEpoch: somebody else owns the shard; nothing was written.
        """
        ...

    async def drop_alias(self, epoch: int, project: str, scope: Scope, key: str) -> None:
        """Let the name of that key mean what it says again. The same again changes nothing.

        Raises:
            StaleEpoch: somebody else owns the shard; nothing was written.
        """
        ...

    async def ranking(self, project: str) -> Mapping[str, float]:
        """The weights of signals that a project has set; empty: none."""
        ...

    async def put_ranking(self, epoch: int, project: str, weights: Mapping[str, float]) -> None:
        """Set them durably; empty: as shipped. The same again changes nothing.

        Raises:
            StaleEpoch: somebody else owns the shard; nothing was written.
        """
        ...

    async def setting(self, project: str, name: str) -> Json:
        """What a project has set under that name; empty: nothing."""
        ...

    async def put_setting(self, epoch: int, project: str, name: str, value: Json) -> None:
        """Set it durably in place of what was set before; empty: nothing. The same again changes nothing.

        Raises:
            StaleEpoch: somebody else owns the shard; nothing was written.
        """
        ...

    async def feedback(self, project: str, rating: Rating | None, limit: int) -> FeedbackPage:
        """What is thought of a project's memories, the newest first; `rating`: only such."""
        ...

    async def put_feedback(self, epoch: int, project: str, memory_id: str, given: Feedback | None) -> bool:
        """Set what is thought of a live memory durably, in place of what was; None: nothing. False: it isn't there.

        Raises:
            StaleEpoch: somebody else owns the shard; nothing was written.
        """
        ...

    async def live(self, after: str, limit: int) -> LiveRows:
        """At most `limit` live versions with their vectors, of all projects, by id; those with `memory_id > after`."""
        ...

    async def rows(self, memory_ids: Sequence[str]) -> LiveRows:
        """The live versions with these ids, of any project; those that aren't live are left out."""
        ...

    async def audit(self, after: str, limit: int) -> LedgerAudit:
        """The same memories as `live`, as digests."""
        ...

    async def check(self) -> list[str]:
        """What contradicts itself in the ledger, a sentence each; empty when it is sound."""
        ...

    async def status(self) -> Json: ...

    async def close(self) -> None: ...
