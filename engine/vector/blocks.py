"""The scope blocks in memory: least recently used out, cold ones named and filled. How one is searched: `block`."""

from __future__ import annotations

from collections import Counter, OrderedDict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from engine.text.analyzer import Analyzer
from engine.types import Block, BlockKey, Derived
from engine.vector.block import Row, ScopeBlock

MOST_PENDING = 4096
MOST_BUFFERED_ROWS = 20_000
MOST_RECENT = 1024


@dataclass(slots=True)
class _Pending:
    """A block that was named cold at `since`, and what has changed from then on."""

    since: int
    rows: list[Row] = field(default_factory=list)


class Blocks:
    """Blocks by key, as far as `budget_bytes` goes; the one used last always stays.

    A key that isn't here becomes *pending* when it is asked for: from then on its changes are kept, so that a read
    of the ledger that was taken at any later position can be brought up to date. What is never filled is dropped.
    A memory's scope never changes, so a version says itself which blocks it is in.
    """

    def __init__(self, dimensions: int, analyzer: Analyzer, budget_bytes: int, position: int = 0) -> None:
        self.position = position
        self._dimensions = dimensions
        self._analyzer = analyzer
        self._budget_bytes = budget_bytes
        self._used_bytes = 0
        self._loaded: OrderedDict[BlockKey, ScopeBlock] = OrderedDict()
        self._pending: OrderedDict[BlockKey, _Pending] = OrderedDict()
        self._recent: OrderedDict[str, Derived] = OrderedDict()

    def get(self, key: BlockKey) -> ScopeBlock | None:
        """The block, or None: then it is cold, and pending from now on."""
        if (block := self._loaded.get(key)) is not None:
            self._loaded.move_to_end(key)
            return block
        if key not in self._pending:
            self._pending[key] = _Pending(self.position)
        self._pending.move_to_end(key)
        self._drop_stale()
        return None

    def apply(self, rows: Sequence[Row], until: int) -> None:
        """Takes in the changes up to `until`. Those up to the own position are here already."""
        rows = [row for row in rows if row.change.position > self.position]
        self.position = max(self.position, until)
        for row in rows:
            if row.change.version is None:
                self._recent.pop(row.change.memory_id, None)
        for key, concerned in self._routed(rows).items():
            if (block := self._loaded.get(key)) is not None:
                self._used_bytes -= block.bytes
                block.apply(concerned, until)
                block.derive(self._derived_of(concerned))
                self._used_bytes += block.bytes
            elif (pending := self._pending.get(key)) is not None:
                pending.rows.extend(concerned)
        self._drop_stale()
        self._evict()

    def fill(self, filled: Block) -> bool:
        """Loads a block as read from the ledger, and replays what changed since.

        False: it was read before the block was named, so something may be missing; it stays cold.
        """
        if filled.key in self._loaded:
            return True
        pending = self._pending.pop(filled.key, None) or _Pending(self.position)
        if filled.position < pending.since:
            return False
        block = ScopeBlock(self._dimensions, self._analyzer, filled.position)
        block.extend(filled.versions, filled.vectors)
        block.apply(pending.rows, self.position)
        block.derive(filled.derived)
        block.derive(self._recent.values())
        self._loaded[filled.key] = block
        self._used_bytes += block.bytes
        self._evict()
        return True

    def derive(self, rows: Sequence[Derived]) -> None:
        """Takes in what was computed of versions. What comes before its version, or while its block is being read, is
        kept for a while."""
        for block in self._loaded.values():
            if here := [one for one in rows if one.memory_id in block]:  # of most blocks none, and there are many
                self._used_bytes -= block.bytes
                block.derive(here)
                self._used_bytes += block.bytes
        for one in rows:
            self._recent[one.memory_id] = one
            self._recent.move_to_end(one.memory_id)
        while len(self._recent) > MOST_RECENT:
            self._recent.popitem(last=False)
        self._evict()

    @property
    def resident(self) -> dict[str, int]:
        """About how many bytes each part of the blocks takes."""
        total: Counter[str] = Counter()
        for block in self._loaded.values():
            total.update(block.resident)
        return dict(total)

    def _derived_of(self, rows: Sequence[Row]) -> list[Derived]:
        ids = (row.change.memory_id for row in rows)
        return [one for memory_id in ids if (one := self._recent.get(memory_id)) is not None]

    @property
    def loaded(self) -> Mapping[BlockKey, ScopeBlock]:
        """The blocks that are here."""
        return self._loaded

    def drop(self, rows: Iterable[Row]) -> None:
        """Lets go of the blocks that hold one of these memories or should: they are filled anew when asked for."""
        for row in rows:
            for key in [key for key in self._loaded if _is_in(row, key, self._loaded[key])]:
                self._used_bytes -= self._loaded.pop(key).bytes

    def _drop_stale(self) -> None:
        buffered = sum(len(pending.rows) for pending in self._pending.values())
        while self._pending and (len(self._pending) > MOST_PENDING or buffered > MOST_BUFFERED_ROWS):
            _, dropped = self._pending.popitem(last=False)
            buffered -= len(dropped.rows)

    def _evict(self) -> None:
        while len(self._loaded) > 1 and self._used_bytes > self._budget_bytes:
            _, evicted = self._loaded.popitem(last=False)
            self._used_bytes -= evicted.bytes

    def _routed(self, rows: Sequence[Row]) -> dict[BlockKey, list[Row]]:
        """Per block the changes it has to see, in order. One that says that a memory is gone doesn't say from where."""
        routed: dict[BlockKey, list[Row]] = {}
        for row in rows:
            for key in self._concerned(row):
                routed.setdefault(key, []).append(row)
        return routed

    def _concerned(self, row: Row) -> list[BlockKey]:
        project, version = row.change.project, row.change.version
        if version is not None:
            return [BlockKey(project, name, value) for name, value in version.scope.ids().items()]
        return [key for keys in (self._loaded, self._pending) for key in keys if key.project == project]


def _is_in(row: Row, key: BlockKey, block: ScopeBlock) -> bool:
    version = row.change.version
    should = version is not None and version.project == key.project and getattr(version.scope, key.field) == key.value
    return should or row.change.memory_id in block
