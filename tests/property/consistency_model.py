"""The model that the consistency test compares with: a memory system in a few lines, without concurrency or crashes."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from engine import ids, ingest
from engine.ledger_port import Operation, OperationKind
from engine.types import Scope


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


class Model:
    """Does operations one by one. `live` is what there is, `all` also what is gone."""

    def __init__(self, secret: bytes) -> None:
        self.secret = secret
        self.live: dict[str, Memo] = {}
        self.all: dict[str, Memo] = {}
        self.position = 0

    def do(self, operation: Operation) -> tuple[str, Any]:
        """("SUCCEEDED", rows or count) or ("FAILED", error code)."""
        body = operation.request
        match operation.kind:
            case OperationKind.ADD:
                return "SUCCEEDED", self._add(operation.id, body)
            case OperationKind.UPDATE:
                return self._update(body["memory_id"], body["given"])
            case OperationKind.DELETE:
                if body["memory_id"] not in self.live:
                    return "FAILED", "not_found"
                self._end(body["memory_id"])
                return "SUCCEEDED", [("DELETE", body["memory_id"])]
            case OperationKind.CLAIM:
                return "SUCCEEDED", []
            case OperationKind.DELETE_ALL:
                wanted = ingest.scope_of(body).ids().items()
                doomed = [key for key, memo in self.live.items() if wanted <= memo.scope.ids().items()]
                for key in doomed:
                    self._end(key)
                return "SUCCEEDED", len(doomed)

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
            return "FAILED", "not_found"
        text = given.get("text", memo.texts[-1])
        changed = Memo(memo.scope, memo.role, memo.name, [text], {})
        if "text" in given and self._twin(changed) not in (None, key):
            return "FAILED", "conflict"
        memo.texts.append(text)
        memo.metadata = given.get("metadata", memo.metadata)
        memo.events.append("UPDATE")
        self.position += 1
        return "SUCCEEDED", [("UPDATE", key)]

    def _end(self, key: str) -> None:
        self.live.pop(key).events.append("DELETE")
        self.position += 1

    def _twin(self, memo: Memo) -> str | None:
        return next((key for key, other in self.live.items() if other.sameness == memo.sameness), None)
