"""The derived signals of an earlier state: those that are kept and were the same then, and the others computed now."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterable, Sequence
from dataclasses import replace

from engine.conversations import Conversation, Window, conversation_of, order_of, windows
from engine.errors import RemoraError
from engine.models import Models
from engine.ports import Priority
from engine.signals.computing import compute, made_by
from engine.types import Derived, MemoryVersion

_log = logging.getLogger(__name__)

_MOST_WINDOWS = 64
"""So many are encoded for a question: about a second. The newest; the memories of others have no signals then."""
_AT_ONCE = 8


async def derived_of(models: Models, versions: Sequence[MemoryVersion], kept: Iterable[Derived]) -> list[Derived]:
    """The signals of all versions of a state, with whole conversations. What can't be encoded now is left out.

    Args:
        models: for what isn't kept.
        versions: all that were live.
        kept: the signals of today; which of them were the same then is told by their key.
    """
    made = made_by(await models.info())
    known = {one.key: one for one in kept}
    found: list[Derived] = []
    lacking: list[Window] = []
    for window in await asyncio.to_thread(lambda: list(_windows(versions, made))):
        keys = [window.key_of(place) for place in range(len(window.versions))]
        if all(key in known for key in keys):
            found += [
                replace(known[key], memory_id=version.memory_id, version=version.version)
                for key, version in zip(keys, window.versions, strict=True)
            ]
        else:
            lacking.append(window)
    lacking.sort(key=lambda window: order_of(window.versions[-1]), reverse=True)
    return found + await _computed(models, lacking[:_MOST_WINDOWS])


def _windows(versions: Sequence[MemoryVersion], made: str) -> Iterable[Window]:
    conversations: dict[Conversation, list[MemoryVersion]] = {}
    for version in versions:
        conversations.setdefault(conversation_of(version), []).append(version)
    for conversation, said in conversations.items():
        yield from windows(conversation, sorted(said, key=order_of), made)


async def _computed(models: Models, todo: Sequence[Window]) -> list[Derived]:
    found: list[Derived] = []
    for start in range(0, len(todo), _AT_ONCE):
        try:
            found += await compute(models, todo[start : start + _AT_ONCE], Priority.READ)
        except RemoraError as error:
            _log.warning("signals of an earlier state can't be computed now: %s", error)
            break
    return found
