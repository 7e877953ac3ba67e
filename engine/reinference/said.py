"""The messages of an add as they are now: corrected ones as corrected, deleted ones left out. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from engine import ingest
from engine.ledger_port import Operation
from engine.types import Json, MemoryVersion


@dataclass(frozen=True, slots=True)
class Said:
    """`operation`: the add, as if it had come with these messages and wishes; its result names the memories of these.
    `memories`: of all its messages that are there still, in their order.
    """

    operation: Operation
    memories: tuple[MemoryVersion, ...]

    @property
    def memory_ids(self) -> tuple[str, ...]:
        """Of these."""
        return tuple(one.memory_id for one in self.memories)


def rows_of(add: Operation) -> list[Json]:
    """`[{id, message_index}]`: the memories of an add's messages; a long message has several."""
    result = add.result or {}
    rows = result["messages"] if "messages" in result else result.get("results", ())
    return [{"id": row["id"], "message_index": row["message_index"]} for row in rows if "message_index" in row]


def is_verbatim(add: Operation) -> bool:
    """Whether no language model was asked about the messages when they were added."""
    return (add.result or {}).get("extractor") != ingest.LANGUAGE_MODEL


def said(add: Operation, live: Mapping[str, MemoryVersion], wishes: Json, operation_id: str) -> Said:
    """An add as it is to be read now.

    Args:
        add: as the ledger has it.
        live: the memories of its messages that are there still.
        wishes: those of this reading; they win over those that the add came with.
        operation_id: under which facts are made.
    """
    rows = rows_of(add)
    pieces: dict[int, list[str]] = {}
    for row in rows:
        pieces.setdefault(row["message_index"], []).append(row["id"])
    messages = [list(message) for message in add.request["messages"]]
    for index, held in pieces.items():
        messages[index][1] = _content(messages[index][1], held, live)
    request = {**add.request, "messages": messages, "wishes": {**(add.request.get("wishes") or {}), **wishes}}
    kept = [row for row in rows if row["id"] in live]
    operation = replace(add, id=operation_id, request=request, result={"results": kept})
    return Said(operation, tuple(live[one] for one in dict.fromkeys(row["id"] for row in kept)))


def _content(original: str, held: Sequence[str], live: Mapping[str, MemoryVersion]) -> str:
    """A message as it was said, unless one of its pieces has another text by now, or is gone."""
    if all(one in live and live[one].version == 1 for one in held):
        return original
    return "\n".join(live[one].text for one in dict.fromkeys(held) if one in live)
