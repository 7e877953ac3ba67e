"""Conversations, and the derived signals of their memories."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from engine.conversations import Conversation, Order
from engine.types import MemoryVersion


@dataclass(frozen=True, slots=True)
class Stretch:
    """A conversation, or what comes `after` a place in it."""

    conversation: Conversation
    after: Order | None = None


@dataclass(frozen=True, slots=True)
class ConversationRows:
    """Live versions of a stretch of a conversation, in order. `keys`: of the signals that are there, by memory id.

    `more`: the conversation goes on behind them.
    """

    versions: tuple[MemoryVersion, ...]
    keys: Mapping[str, bytes]
    more: bool = False


@dataclass(frozen=True, slots=True)
class Lacking:
    """Live memories that have no signals, by id, and where they belong. `total`: of all, told with the first page."""

    memories: tuple[tuple[str, Conversation], ...]
    total: int | None = None
