"""The names that a person has said to mean the same: kept by the ledger, remembered here. One for a shard."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterable, Mapping
from typing import Final

from engine.errors import Conflict
from engine.ledger_port import Alias, Ledger
from engine.types import Entity, Json, Scope, ScopeField

_MOST_PROJECTS: Final = 10_000
_KEPT_S: Final = 5.0
"""So long what was read is taken to be true: a purge removes some beside this book."""


class AliasBook:
    """Reads and changes them. Only the owner of the shard changes them, so that what is remembered stays true.

    Args:
        ledger: keeps them.
        clock: in seconds.
    """

    def __init__(self, ledger: Ledger, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._ledger = ledger
        self._clock = clock
        self._known: dict[str, tuple[float, tuple[Alias, ...]]] = {}
        self._changes = 0

    async def standing(self, project: str, scope: Mapping[ScopeField, str]) -> dict[str, str]:
        """By the key of another name, the name that stands for it in memories with all these ids."""
        return resolved(self._within(await self._rows(project), scope))

    async def merge(self, epoch: int, project: str, alias: Alias) -> Json:
        """Let a name mean another; the same again changes nothing.

        Raises:
            Conflict: the other means this one already.
            StaleEpoch: somebody else owns the shard.
        """
        rows = await self._rows(project)
        stands = await self.standing(project, alias.scope.ids())
        if Entity(stands.get(Entity(alias.into).key, alias.into)).key == alias.key:
            raise Conflict(f"{alias.into!r} is merged into {alias.name!r}: split it first", {"into": alias.into})
        known = next((one for one in rows if (one.scope, one.key) == (alias.scope, alias.key)), None)
        changed = known is None or known.into != alias.into
        if changed:
            try:
                await self._ledger.put_alias(epoch, project, alias)
            finally:
                self._changed(project)
        return {"name": alias.name, "into": alias.into, "changed": changed, **await self._told(project, alias.scope)}

    async def split(self, epoch: int, project: str, scope: Scope, name: str) -> Json:
        """Let a name mean what it says again; what does already changes nothing.

        Raises:
            StaleEpoch: somebody else owns the shard.
        """
        key = Entity(name).key
        changed = any((one.scope, one.key) == (scope, key) for one in await self._rows(project))
        if changed:
            try:
                await self._ledger.drop_alias(epoch, project, scope, key)
            finally:
                self._changed(project)
        return {"name": name, "into": None, "changed": changed, **await self._told(project, scope)}

    def _changed(self, project: str) -> None:
        """Whether it was written isn't known after an error: the ledger is asked again."""
        self._changes += 1
        self._known.pop(project, None)

    async def _told(self, project: str, scope: Scope) -> Json:
        mine = (one for one in await self._rows(project) if one.scope == scope)
        return {"aliases": [{"name": one.name, "into": one.into} for one in mine]}

    async def _rows(self, project: str) -> tuple[Alias, ...]:
        since_s, known = self._known.get(project, (-math.inf, ()))
        now_s = self._clock()
        if now_s - since_s < _KEPT_S:
            return known
        changes = self._changes
        found = await self._ledger.aliases(project)
        if changes != self._changes:  # Somebody has changed some meanwhile: these may be the old ones.
            return found
        if len(self._known) >= _MOST_PROJECTS:
            self._known.clear()
        self._known[project] = now_s, found
        return found

    @staticmethod
    def _within(rows: Iterable[Alias], scope: Mapping[ScopeField, str]) -> dict[str, str]:
        """Those of the scope and of wider ones; of two for one name that of the narrower scope."""
        mine = (one for one in rows if one.scope.ids().items() <= scope.items())
        return {one.key: one.into for one in sorted(mine, key=lambda one: len(one.scope.ids()))}


def resolved(into: Mapping[str, str]) -> dict[str, str]:
    """Each key with the name that stands for it in the end; what leads back to itself stands for itself. Pure."""
    found: dict[str, str] = {}
    for key in into:
        name, seen = into[key], {key}
        while (next_key := Entity(name).key) in into and next_key not in seen:
            seen.add(next_key)
            name = into[next_key]
        if next_key not in seen:
            found[key] = name
    return found
