"""What the events of a plan do to versions and events, on one connection. Synchronous; the rules are in
`docs/consistency.md`."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

from sqlalchemy import Connection, Row, bindparam, insert, select, update

from engine import ids
from engine.answers import add_row, changed_row
from engine.errors import Conflict, InvalidInput, InvariantViolated, NotFound, Purged, RemoraError
from engine.ledger import codec, erasure, source_rows
from engine.ledger.contents import with_facts
from engine.ledger.schema import events, versions
from engine.ledger.signal_rows import forget
from engine.ledger_port import (
    AddEvent,
    DeleteEvent,
    DeleteScopeEvent,
    Operation,
    OperationKind,
    Plan,
    PlannedEvent,
    PurgeEvent,
    Source,
    UpdateEvent,
)
from engine.types import Change, ChangeBatch, Doubt, EventKind, Flag, Json, MemoryVersion

# Built once: making a statement costs SQLAlchemy more than SQLite needs to run it.
_NEW_VERSIONS = insert(versions)
_NEW_EVENTS = insert(events)
_LIVE = select(versions).where(versions.c.project == bindparam("project_"), versions.c.live_to.is_(None))
_LIVE_BY_ID = _LIVE.where(versions.c.memory_id == bindparam("id_"))
_OF_MEMORY = (
    select(versions.c.fingerprint)
    .where(versions.c.project == bindparam("project_"), versions.c.memory_id == bindparam("id_"))
    .limit(1)
)
_TWIN = _LIVE.where(versions.c.fingerprint == bindparam("fingerprint_"))
_END = (
    update(versions)
    .where(versions.c.memory_id == bindparam("id_"), versions.c.version == bindparam("number_"))
    .values(live_to=bindparam("live_to"))
)
_LATER = (
    select(events.c.position)
    .where(events.c.memory_id == bindparam("id_"), events.c.position > bindparam("position_"))
    .limit(1)
)
_READ_ANEW = frozenset({"text", "relations"})
"""What is given when entities and relations are."""
_DOUBTS = {
    (False, False): Doubt.SOURCE_UPDATED,
    (False, True): Doubt.SOURCE_DELETED,
    (True, False): Doubt.SIBLING_UPDATED,
    (True, True): Doubt.SIBLING_DELETED,
}
"""By whether a fact was corrected, not a message, and whether it was deleted."""


class Effects:
    """Takes plans in and remembers what changed. `position` grows by one an event.

    `erased`: content was overwritten, so the database's files have to be rid of it.
    """

    def __init__(self, connection: Connection, position: int, now_us: int) -> None:
        self._connection = connection
        self._now_us = now_us
        self._after = position
        self.position = position
        self.erased = False
        self._changes: list[Change] = []
        self._vectors: list[bytes] = []

    def changes(self) -> ChangeBatch:
        """Everything that changed."""
        return ChangeBatch(self._after, self.position, tuple(self._changes), codec.stack(self._vectors))

    @contextmanager
    def whole(self) -> Iterator[None]:
        """All that is done within, or with an error nothing of it."""
        mark = (self.position, self.erased, len(self._changes), len(self._vectors))
        savepoint = self._connection.begin_nested()
        try:
            yield
        except BaseException:
            savepoint.rollback()
            self.position, self.erased, changes, vectors = mark
            del self._changes[changes:], self._vectors[vectors:]
            raise
        savepoint.commit()

    def of(self, operation: Operation, plan: Plan) -> Json:
        """Do what the plan says; the operation's result. What a correction makes doubtful is flagged.

        Raises:
            RemoraError: a rule is broken.
        """
        self._check(plan)
        if operation.kind is OperationKind.REINFER:
            self._check_content(operation)
        if operation.kind is OperationKind.PURGE:
            done = self._purges(operation, plan)
        else:
            rows = [row for event in plan.events for row in self._event(operation, plan, event)]
            source_rows.mark_read(self._connection, operation.project, plan.read, self.position)
            done = {"results": rows} if operation.result is None else with_facts(operation.result, plan.answer, rows)
            if _corrects(operation):
                self._flag_derived(operation, rows)
            if operation.kind is OperationKind.DELETE_ALL:
                done = {"results": [], "count": len(rows)}
        return {**plan.answer, **done, "position": self.position}

    def _purges(self, operation: Operation, plan: Plan) -> Json:
        before = self.position
        keys = {key for event in plan.events if isinstance(event, PurgeEvent) for key in self._purge(operation, event)}
        return {"results": [], "count": self.position - before, "keys": sorted(keys)}

    def _purge(self, operation: Operation, event: PurgeEvent) -> list[str]:
        """Erase, and record it of each memory; the keys of the operations that held something of it."""
        if event.memory_id is not None:
            doomed, said = erasure.doomed_by_id(self._connection, operation.project, event.memory_id)
            if not doomed:
                return []
        elif event.scope is not None and event.scope.ids():
            doomed, said = erasure.doomed_by_scope(self._connection, operation.project, event.scope), frozenset()
        else:
            raise InvalidInput("a purge names a memory or a scope")
        self.erased = True
        keys = erasure.erase_operations(self._connection, operation.project, doomed, event.scope, said)
        erasure.erase_versions(self._connection, doomed, self.position + 1)
        for one in doomed:
            self._record(operation, EventKind.PURGE, one.memory_id, one.version, None, None)
        return keys

    def _check(self, plan: Plan) -> None:
        for required in plan.requires:
            since = {"id_": required.memory_id, "position_": required.position}
            if self._connection.execute(_LATER, since).first() is not None:
                raise Conflict("a memory has changed meanwhile", {"memory_id": required.memory_id, "retry": True})

    def _check_content(self, operation: Operation) -> None:
        """A reading of messages that have been purged since goes with them."""
        for memory_id in operation.request["named"]:
            if isinstance(gone := self._gone(operation.project, memory_id), Purged):
                raise gone

    def _event(self, operation: Operation, plan: Plan, event: PlannedEvent) -> list[Json]:
        match event:
            case PurgeEvent():
                raise InvariantViolated("only a purge may purge", {"operation_id": operation.id})
            case AddEvent():
                return self._add(operation, plan, event)
            case UpdateEvent():
                return [self._update(operation, plan, event)]
            case DeleteEvent(memory_id):
                live = self._live_or_missing(operation.project, memory_id)
                return [self._end(operation, live, event.superseded_by, event.message_index)]
            case DeleteScopeEvent(scope):
                within = [versions.c[name] == value for name, value in scope.ids().items()]
                doomed = _LIVE.where(*within).order_by(versions.c.live_from)
                rows = self._connection.execute(doomed, {"project_": operation.project}).all()
                return [self._end(operation, row) for row in rows]

    def _add(self, operation: Operation, plan: Plan, event: AddEvent) -> list[Json]:
        """Nothing for a fact whose messages are all gone."""
        behind, flag = self._behind(operation.project, event.sources)
        if event.sources and not behind:
            return []
        twin = self._twin(operation.project, event.fingerprint)
        if twin is not None:
            return [add_row(EventKind.NONE, self._from_these_too(operation, twin, behind), event.message_index)]
        version = MemoryVersion(
            memory_id=event.memory_id,
            project=operation.project,
            scope=event.scope,
            text=event.text,
            version=1,
            live_from=self.position + 1,
            created_at_us=event.created_at_us,
            updated_at_us=event.created_at_us,
            role=event.role,
            name=event.name,
            metadata=event.metadata,
            expiration_date=event.expiration_date,
            entities=event.entities,
            relations=event.relations,
            categories=event.categories,
            operation_id=operation.id,
            sources=behind,
            flag=flag,
        )
        vector = codec.vector_bytes(plan.vectors[event.row])
        self._insert(version, vector, event.fingerprint)
        self._record(operation, EventKind.ADD, version.memory_id, version.version, version, vector)
        self._stand_behind(version, behind)
        return [add_row(EventKind.ADD, version, event.message_index)]

    def _behind(self, project: str, read: Sequence[Source]) -> tuple[tuple[str, ...], Flag | None]:
        """Those of a fact's messages that are live, and the first of them that has changed since it was read."""
        behind: list[str] = []
        flag = None
        for one in read:
            row = self._connection.execute(_LIVE_BY_ID, {"project_": project, "id_": one.memory_id}).one_or_none()
            if row is None:
                continue
            behind.append(one.memory_id)
            if row.version != one.version and flag is None:
                flag = Flag(Doubt.SOURCE_UPDATED, one.memory_id)
        return tuple(behind), flag

    def _from_these_too(self, operation: Operation, twin: Row[Any], behind: Sequence[str]) -> MemoryVersion:
        """A fact that is told again is from the new messages as well; a message that is told again stays one."""
        known = codec.version_of(twin)
        more = tuple(dict.fromkeys((*known.sources, *behind)))
        if not known.sources or more == known.sources or known.memory_id in behind:
            return known
        version = self._next(operation, known, sources=more)
        self._replace(operation, twin, known, version)
        self._stand_behind(version, behind)
        return version

    def _next(self, operation: Operation, old: MemoryVersion, **changed: Any) -> MemoryVersion:
        """The version after another."""
        return replace(
            old,
            version=old.version + 1,
            live_from=self.position + 1,
            updated_at_us=self._now_us,
            operation_id=operation.id,
            origin=old.origin or (old.live_from, old.operation_id),
            **changed,
        )

    def _replace(self, operation: Operation, row: Row[Any], old: MemoryVersion, version: MemoryVersion) -> None:
        """Another version with the same text."""
        self._close_version(old)
        self._insert(version, row.vector, row.fingerprint)
        self._record(operation, EventKind.UPDATE, version.memory_id, version.version, version, row.vector)

    def _stand_behind(self, version: MemoryVersion, messages: Sequence[str]) -> None:
        source_rows.stand_behind(self._connection, version.project, version.memory_id, messages, version.live_from)

    def _update(self, operation: Operation, plan: Plan, event: UpdateEvent) -> Json:
        row = self._live_or_missing(operation.project, event.memory_id)
        old, given = codec.version_of(row), event.given
        behind, _ = self._behind(operation.project, event.sources)
        if not given and not event.withdrawn:
            return add_row(EventKind.NONE, self._from_these_too(operation, row, behind), event.message_index or 0)
        version = self._next(
            operation,
            old,
            sources=tuple(one for one in dict.fromkeys((*old.sources, *behind)) if one not in event.withdrawn),
            flag=None if "text" in given else old.flag,
            text=event.text if "text" in given else old.text,
            entities=event.entities if given & _READ_ANEW else old.entities,
            relations=event.relations if given & _READ_ANEW else old.relations,
            categories=event.categories if "categories" in given else old.categories,
            metadata=event.metadata if "metadata" in given else old.metadata,
            expiration_date=event.expiration_date if "expiration_date" in given else old.expiration_date,
            created_at_us=event.created_at_us if "timestamp" in given else old.created_at_us,
        )
        fingerprint: bytes | None = row.fingerprint
        if "text" in given:
            fingerprint = ids.fingerprint(version.scope, version.role, version.name, version.text)
            twin = self._twin(operation.project, fingerprint)
            if twin is not None and twin.memory_id != event.memory_id and (event.sources or event.withdrawn):
                self._from_these_too(operation, twin, version.sources if event.withdrawn else behind)
                return self._end(operation, row, twin.memory_id, event.message_index)
            if twin is not None and twin.memory_id != event.memory_id:
                raise Conflict("a memory with this text exists already", {"memory_id": twin.memory_id})
        vector = row.vector if event.row is None else codec.vector_bytes(plan.vectors[event.row])
        self._close_version(old)
        self._insert(version, vector, fingerprint)
        self._record(operation, EventKind.UPDATE, version.memory_id, version.version, version, vector)
        self._stand_behind(version, behind)
        return changed_row(EventKind.UPDATE, version, old.text, event.message_index)

    def _end(
        self, operation: Operation, row: Row[Any], superseded_by: str | None = None, message_index: int | None = None
    ) -> Json:
        old = codec.version_of(row)
        self._close_version(old)
        self._record(operation, EventKind.DELETE, old.memory_id, old.version, None, None, superseded_by)
        return changed_row(EventKind.DELETE, old, old.text, message_index)

    def _flag_derived(self, operation: Operation, rows: Sequence[Json]) -> None:
        """A correction of one memory: of a message all facts from it, of a fact all others from its messages."""
        deleted = operation.kind is OperationKind.DELETE
        for changed in {row["id"] for row in rows}:
            messages = source_rows.sources_of(self._connection, [changed])
            doubt = _DOUBTS[bool(messages), deleted]
            self._flag(operation, messages or {changed}, Flag(doubt, changed))

    def _flag(self, operation: Operation, messages: Iterable[str], flag: Flag) -> None:
        for fact_id in sorted(source_rows.facts_from(self._connection, messages) - {flag.memory_id}):
            asked = {"project_": operation.project, "id_": fact_id}
            row = self._connection.execute(_LIVE_BY_ID, asked).one_or_none()
            if row is not None and (old := codec.version_of(row)).flag is None:
                self._replace(operation, row, old, self._next(operation, old, flag=flag))

    def _twin(self, project: str, fingerprint: bytes) -> Row[Any] | None:
        same = {"project_": project, "fingerprint_": fingerprint}
        return self._connection.execute(_TWIN, same).one_or_none()

    def _live_or_missing(self, project: str, memory_id: str) -> Row[Any]:
        row = self._connection.execute(_LIVE_BY_ID, {"project_": project, "id_": memory_id}).one_or_none()
        if row is None:
            raise self._gone(project, memory_id)
        return row

    def _gone(self, project: str, memory_id: str) -> RemoraError:
        known = self._connection.execute(_OF_MEMORY, {"project_": project, "id_": memory_id}).one_or_none()
        if known is not None and known.fingerprint is None:
            return Purged("this memory was erased for good", {"memory_id": memory_id})
        return NotFound("Memory not found!", {"memory_id": memory_id})

    def _insert(self, version: MemoryVersion, vector: bytes, fingerprint: bytes | None) -> None:
        self._connection.execute(_NEW_VERSIONS, codec.version_row(version, vector, fingerprint))

    def _close_version(self, old: MemoryVersion) -> None:
        this = {"id_": old.memory_id, "number_": old.version, "live_to": self.position + 1}
        self._connection.execute(_END, this)
        forget(self._connection, [old.memory_id])

    def _record(
        self,
        operation: Operation,
        kind: EventKind,
        memory_id: str,
        version_number: int,
        version: MemoryVersion | None,
        vector: bytes | None,
        superseded_by: str | None = None,
    ) -> None:
        self.position += 1
        self._connection.execute(
            _NEW_EVENTS,
            {
                "position": self.position,
                "kind": kind.value,
                "memory_id": memory_id,
                "version": version_number,
                "project": operation.project,
                "at_us": self._now_us,
                "operation_id": operation.id,
                "superseded_by": superseded_by,
            },
        )
        self._changes.append(Change(self.position, kind, memory_id, operation.project, version))
        if vector is not None:
            self._vectors.append(vector)


def _corrects(operation: Operation) -> bool:
    """Whether somebody says that one memory is wrong."""
    if operation.kind is OperationKind.UPDATE:
        return "text" in operation.request["given"]
    return operation.kind is OperationKind.DELETE
