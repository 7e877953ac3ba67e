"""Which rows of a block match a filter, and the best of them."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from engine.filters import And, Compare, Everything, Filter, Op, conjunction, matches
from engine.types import BlockKey, FloatArray, MemoryVersion

_ASKED_FIRST = 4


class Matcher:
    """Which rows match a filter; each is asked at most once, which costs far more than a score."""

    def __init__(self, versions: Sequence[MemoryVersion | None], node: Filter) -> None:
        self._versions = versions
        self._node = node
        self._known: dict[int, bool] = {}
        self._all: npt.NDArray[np.bool_] | None = None

    def __call__(self, at: int) -> bool:
        """Whether the row matches."""
        if (known := self._known.get(at)) is None:
            version = self._versions[at]
            known = self._known[at] = version is not None and matches(self._node, version)
        return known

    def all(self) -> npt.NDArray[np.bool_]:
        """The answer for every row: bool (rows,)."""
        if self._all is None:
            self._all = np.fromiter(map(self, range(len(self._versions))), np.bool_, len(self._versions))
        return self._all


class Matchers:
    """The matchers of one search: queries with the same filter share one."""

    def __init__(self, versions: Sequence[MemoryVersion | None], key: BlockKey | None) -> None:
        self._versions = versions
        self._key = key
        self._made: list[tuple[Filter, Matcher]] = []

    def of(self, node: Filter) -> Matcher | None:
        """None when every row matches."""
        left = remainder(node, self._key)
        if isinstance(left, Everything):
            return None
        for known, matcher in self._made:
            if known == left:
                return matcher
        self._made.append((left, matcher := Matcher(self._versions, left)))
        return matcher


def remainder(node: Filter, key: BlockKey | None) -> Filter:
    """What is left of `node` to be asked of a row that is known to be in the block `key`."""
    match node:
        case And(parts):
            return conjunction(*(remainder(part, key) for part in parts))
        case Compare(field, Op.EQ, value, None) | Compare(field, Op.IN, [value], None):
            return Everything() if key is not None and (field, value) == (key.field, key.value) else node
        case _:
            return node


def best(scores: FloatArray, allowed: npt.NDArray[np.bool_], limit: int, matcher: Matcher | None) -> list[int]:
    """The rows with the `limit` highest scores among those allowed that match, best first.

    A filter is asked of a few times as many rows first, which is enough unless hardly any match.
    """
    candidates = np.flatnonzero(allowed)
    if matcher is None:
        return _highest(scores, candidates, limit)
    first = _highest(scores, candidates, _ASKED_FIRST * limit)
    accepted = [at for at in first if matcher(at)]
    if len(accepted) >= limit or len(first) == len(candidates):
        return accepted[:limit]
    return _highest(scores, np.flatnonzero(allowed & matcher.all()), limit)


def _highest(scores: FloatArray, candidates: npt.NDArray[np.int64], size: int) -> list[int]:
    if size < len(candidates):
        candidates = candidates[np.argpartition(-scores[candidates], size)[:size]]
    order = np.argsort(-scores[candidates], kind="stable")
    rows: list[int] = candidates[order].tolist()
    return rows
