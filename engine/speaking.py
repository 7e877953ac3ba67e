"""Who speaks in the scopes that were searched last, as far as their blocks have told."""

from __future__ import annotations

from collections import OrderedDict

from engine.ranking.speakers import MOST_SPEAKERS
from engine.types import BlockKey

_MOST_SCOPES = 4096
_MOST_NAMES = 256


class Speaking:
    """Names by scope; the scope that was searched longest ago is forgotten first."""

    def __init__(self) -> None:
        self._names: OrderedDict[BlockKey, tuple[str, ...]] = OrderedDict()

    def __contains__(self, key: BlockKey) -> bool:
        return key in self._names

    def of(self, key: BlockKey | None) -> tuple[str, ...]:
        """Who speaks there; nobody in a scope that hasn't told, or in the whole of everything (None)."""
        return () if key is None else self._names.get(key, ())

    def note(self, key: BlockKey, names: tuple[str, ...]) -> None:
        """A block says who speaks; of very many it says only whom a query named."""
        known = self._names.get(key, ())
        if len(names) >= MOST_SPEAKERS:
            names = tuple(dict.fromkeys((*names, *known)))[:_MOST_NAMES]
        self._names[key] = names
        self._names.move_to_end(key)
        while len(self._names) > _MOST_SCOPES:
            self._names.popitem(last=False)
