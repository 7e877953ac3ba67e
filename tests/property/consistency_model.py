"""The model that the consistency test compares with: a memory system in a few lines, without concurrency or crashes."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from engine import ids, ingest
from engine.ledger_port import Operation, OperationKind
from engine.types import Json, Scope


@dataclass
class Memo:
    scope: Scope
    role: str
    name: str | None
    texts: list[str]
    metadata: dict[str, Any]
    events: list[str] = field(default_factory=lambda: ["ADD"])

    @property
    def sameness(self) -> tuple[Any, ...]:
        return self.scope, self.role, self.name, ids.canonical_text(self.texts[-1])

    @property
    def purged(self) -> bool:
        return "PURGE" in self.events

    def within(self, scope: Scope) -> bool:
        return scope.ids().items() <= self.scope.ids().items()


class Model:
    """Does operations one by one. `live` is what there is, `all` also what is gone, `blanked` whose content is erased.

    `bodies`: what was asked, by operation, as it was before anything was erased.
    """

    def __init__(self, secret: bytes, bodies: dict[str, Json]) -> None:
        self.secret = secret
        self.bodies = bodies
        self.live: dict[str, Memo] = {}
        self.all: dict[str, Memo] = {}
        self.blanked: set[str] = set()
        self.position = 0
        self._done: list[Operation] = []
        self._touched: dict[str, set[str]] = {}
        self._failed: set[str] = set()

    def do(self, operation: Operation) -> tuple[str, Any]:
        """("SUCCEEDED", rows or count) or ("FAILED", error code)."""
        body = self.bodies[operation.id]
        touched = self._touched[operation.id] = {body["memory_id"]} if "memory_id" in body else set()
        state, outcome = self._do(operation, body)
        if isinstance(outcome, list):
            touched |= {key for _, key in outcome}
        if state == "FAILED":
            self._failed.add(operation.id)
            touched |= {twin for text in texts_in(body) if (twin := self._namesake(body["memory_id"], text))}
        if outcome == "purged":
            self.blanked.add(operation.id)
        self._done.append(operation)
        return state, outcome

    def _do(self, operation: Operation, body: Json) -> tuple[str, Any]:
        match operation.kind:
            case OperationKind.ADD:
                return "SUCCEEDED", self._add(operation.id, body)
            case OperationKind.UPDATE:
                return self._update(body["memory_id"], body["given"])
            case OperationKind.DELETE:
                return self._delete(body["memory_id"])
            case OperationKind.DELETE_ALL:
                return "SUCCEEDED", self._delete_all(operation.id, ingest.scope_of(body))
            case OperationKind.PURGE:
                return self._purge(body)
            case OperationKind.CLAIM | OperationKind.REINFER:
                return "SUCCEEDED", []

    def _add(self, operation_id: str, body: dict[str, Any]) -> list[tuple[str, str]]:
        rows = []
        said = [message for message in ingest.messages_of(body) if message.role != "system"]
        for index, message in enumerate(said):
            memo = Memo(ingest.scope_of(body), message.role, message.name, [message.content.strip()], body["metadata"])
            twin = self._twin(memo)
            if twin is not None:
                rows.append(("NONE", twin))
                continue
            key = ids.memory_id(self.secret, operation_id, index)
            self.live[key] = self.all[key] = memo
            self.position += 1
            rows.append(("ADD", key))
        return rows

    def _update(self, key: str, given: dict[str, Any]) -> tuple[str, Any]:
        memo = self.live.get(key)
        if memo is None:
            return "FAILED", self._missing(key)
        text = given.get("text", memo.texts[-1])
        changed = Memo(memo.scope, memo.role, memo.name, [text], {})
        if "text" in given and self._twin(changed) not in (None, key):
            return "FAILED", "conflict"
        memo.texts.append(text)
        memo.metadata = given.get("metadata", memo.metadata)
        memo.events.append("UPDATE")
        self.position += 1
        return "SUCCEEDED", [("UPDATE", key)]

    def _delete(self, key: str) -> tuple[str, Any]:
        if key not in self.live:
            return "FAILED", self._missing(key)
        self._end(key)
        return "SUCCEEDED", [("DELETE", key)]

    def _delete_all(self, operation_id: str, scope: Scope) -> int:
        doomed = [key for key, memo in self.live.items() if memo.within(scope)]
        for key in doomed:
            self._end(key)
        self._touched[operation_id] |= set(doomed)
        return len(doomed)

    def _end(self, key: str) -> None:
        self.live.pop(key).events.append("DELETE")
        self.position += 1

    def _missing(self, key: str) -> str:
        return "purged" if key in self.all and self.all[key].purged else "not_found"

    def _purge(self, body: Json) -> tuple[str, Any]:
        scope = ingest.scope_of(body) if "scope" in body else None
        if scope is None and body["memory_id"] not in self.all:
            return "FAILED", "not_found"
        named = [key for key, memo in self.all.items() if memo.within(scope)] if scope else [body["memory_id"]]
        doomed = [key for key in named if not self.all[key].purged]
        for key in doomed:
            self.live.pop(key, None)
            self.all[key].events.append("PURGE")
            self.position += 1
        for operation in self._done:
            asked = self.bodies[operation.id]
            concerned = self._touched[operation.id] & set(doomed) or (scope is not None and _within(asked, scope))
            if operation.kind is not OperationKind.PURGE and (concerned or self._failed_to_say(operation, doomed)):
                self.blanked.add(operation.id)
        return "SUCCEEDED", len(doomed)

    def _failed_to_say(self, operation: Operation, doomed: list[str]) -> bool:
        """Whether it failed to write what one of these memories said, in the lane of that memory."""
        body = self.bodies[operation.id]
        theirs = [memo for memo in map(self.all.__getitem__, doomed) if _lane(body) == memo.scope.owner()]
        return operation.id in self._failed and bool(texts_in(body) & {text for memo in theirs for text in memo.texts})

    def _namesake(self, key: str, text: str) -> str | None:
        """The memory that keeps another from saying a text."""
        memo = self.live.get(key)
        return None if memo is None else self._twin(Memo(memo.scope, memo.role, memo.name, [text], {}))

    def _twin(self, memo: Memo) -> str | None:
        return next((key for key, other in self.live.items() if other.sameness == memo.sameness), None)

    def texts_kept(self) -> set[str]:
        """Texts that may still be somewhere: of memories that aren't purged, and of requests that aren't blanked."""
        kept = {text for memo in self.all.values() if not memo.purged for text in memo.texts}
        done = self._touched.keys() - self.blanked
        return kept | {text for one in done for text in texts_in(self.bodies[one])}

    def texts_erased(self) -> set[str]:
        """Texts that nobody may find any more, not even as a part of another."""
        gone = {text for memo in self.all.values() if memo.purged for text in memo.texts}
        gone |= {text for one in self.blanked for text in texts_in(self.bodies[one])}
        kept = self.texts_kept()
        return {text for text in gone if not any(text in other for other in kept)}


def _within(body: Json, scope: Scope) -> bool:
    return "scope" in body and scope.ids().items() <= body["scope"].items()


def _lane(body: Json) -> tuple[str, str] | None:
    return ingest.scope_of(body).owner() if "scope" in body else None


def texts_in(body: Json) -> set[str]:
    """What a request says."""
    said = {message.content.strip() for message in ingest.messages_of(body)} if "messages" in body else set()
    return said | ({body["given"]["text"]} if "text" in body.get("given", {}) else set())
