"""Which memories belong to one conversation, in which order, and the windows that it is cut into. Pure.

A window holds neighbouring memories whole. It is encoded once, so that every memory in it is seen with those around it
("late chunking": Günther et al., 2024, https://arxiv.org/abs/2409.04701).
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import msgpack

from engine.pickling import by_fields
from engine.types import MemoryVersion, Scope

WINDOW_SIZE = 1000
"""About 240 tokens: what the smallest models see at once. In characters, see `size_of`."""
_DENSE = re.compile("[\u2e80-\U0003ffff]")
_DENSE_SIZE = 4
_BETWEEN = "\n"
WINDOW_KEY_BYTES = 16

Order = tuple[int, int]


@by_fields
@dataclass(frozen=True, slots=True)
class Conversation:
    """Names the messages of one run of one exact scope; without a run, those of one add (`operation_id`).

    `facts`: not the messages, but the facts that were made of them, which would only repeat what stands beside them.
    """

    project: str
    scope: Scope
    operation_id: str | None = None
    facts: bool = False


@dataclass(frozen=True, slots=True)
class Window:
    """Neighbouring memories as one text. `key` is what is made of it: another text or conversation has another."""

    key: bytes
    text: str
    versions: tuple[MemoryVersion, ...]
    spans: tuple[tuple[int, int], ...]
    full: bool

    def key_of(self, place: int) -> bytes:
        """Of what is made of the memory at that place in it."""
        return self.key + place.to_bytes(2)


def conversation_of(version: MemoryVersion) -> Conversation:
    """The conversation that a memory belongs to; updates don't change it."""
    facts = bool(version.sources)
    if version.scope.run_id is not None:
        return Conversation(version.project, version.scope, None, facts)
    made_by = version.operation_id if version.origin is None else version.origin[1]
    return Conversation(version.project, version.scope, made_by, facts)


def order_of(version: MemoryVersion) -> Order:
    """Where a memory stands in its conversation: by when it was said, then by when it was added."""
    return version.created_at_us, version.live_from if version.origin is None else version.origin[0]


def size_of(text: str) -> int:
    """Characters, where one that is a word or a syllable of its own (Chinese, Japanese, Korean) counts for four."""
    return len(text) + (_DENSE_SIZE - 1) * len(_DENSE.findall(text))


def windows(conversation: Conversation, versions: Sequence[MemoryVersion], made_by: str) -> Iterator[Window]:
    """Cut a stretch of a conversation, in order, into windows from its start; only the last one isn't `full`.

    A window that is full stays what it is when the conversation goes on behind it. A memory longer than a window has
    one of its own.

    Args:
        conversation: whose.
        versions: live ones, in order.
        made_by: the model and format of what is made of the windows: part of the keys.
    """
    taken: list[MemoryVersion] = []
    size = 0
    for version in versions:
        added = size_of(version.text) + len(_BETWEEN)
        if taken and size + added > WINDOW_SIZE:
            yield _window(conversation, taken, made_by, full=True)
            taken, size = [], 0
        taken.append(version)
        size += added
    if taken:
        yield _window(conversation, taken, made_by, full=False)


def _window(conversation: Conversation, taken: Sequence[MemoryVersion], made_by: str, *, full: bool) -> Window:
    text = _BETWEEN.join(version.text for version in taken)
    spans: list[tuple[int, int]] = []
    start = 0
    for version in taken:
        spans.append((start, start + len(version.text)))
        start += len(version.text) + len(_BETWEEN)
    whose = [made_by, conversation.project, *conversation.scope.ids().items(), conversation.operation_id, text]
    digest = hashlib.blake2b(
        msgpack.packb(whose, unicode_errors="surrogatepass"), digest_size=WINDOW_KEY_BYTES
    ).digest()
    return Window(digest, text, tuple(taken), tuple(spans), full)
