"""The rows of a block, column by column, as signals are computed from them."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date

import numpy as np
import numpy.typing as npt

from engine.ranking.codes import Codes
from engine.temporal.columns import TimeColumns
from engine.temporal.range import DAY_US
from engine.temporal.told import told
from engine.text.analyzer import Analyzer
from engine.text.statements import stated_share
from engine.types import Derived, FloatArray, Json, MemoryVersion
from engine.vector.growing import Growing
from engine.vector.keywords import KeywordIndex
from engine.vector.neighbours import Neighbours

UNNAMED = -1
_FOREVER_US = int(np.iinfo(np.int64).max)
_EPOCH_DAY = date(1970, 1, 1).toordinal()
NO_TOKENS: Codes = np.zeros((0, 1), np.int8)
_VERSION_BYTES = 1500
_POSTING_BYTES = 12


class Rows:
    """Rows are appended and removed, never changed, but for what is derived of them; removed ones stay until `keep`."""

    def __init__(self, dimensions: int, analyzer: Analyzer) -> None:
        self.analyzer = analyzer
        self.versions: list[MemoryVersion | None] = []
        self.keywords = KeywordIndex(analyzer)
        self.neighbours = Neighbours()
        self.tokens: list[Codes] = []
        self._live: Growing[np.bool_] = Growing(np.bool_)
        self._vectors: Growing[np.float32] = Growing(np.float32, dimensions)
        self._contexts: Growing[np.float32] = Growing(np.float32, dimensions)
        self._in_context: Growing[np.bool_] = Growing(np.bool_)
        self._speaker: Growing[np.int64] = Growing(np.int64)
        self._stated: Growing[np.float32] = Growing(np.float32)
        self._said_at: Growing[np.int64] = Growing(np.int64)
        self._until: Growing[np.int64] = Growing(np.int64)
        self._tells_time: Growing[np.float32] = Growing(np.float32)
        self._time_row: Growing[np.int64] = Growing(np.int64)
        self._time_from: Growing[np.int64] = Growing(np.int64)
        self._time_until: Growing[np.int64] = Growing(np.int64)
        self._speakers: dict[str, int] = {}
        self._spoken: list[int] = []
        self._version_bytes = 0
        self._posting_bytes = 0
        self._token_bytes = 0

    def __len__(self) -> int:
        return len(self.versions)

    @property
    def live(self) -> npt.NDArray[np.bool_]:
        """Which rows count."""
        return self._live.rows

    def live_at(self, at_us: int) -> npt.NDArray[np.bool_]:
        """Which rows count and haven't expired."""
        return self._live.rows & (self._until.rows > at_us)

    @property
    def vectors(self) -> FloatArray:
        """Unit vectors, float32 (n, d)."""
        return self._vectors.rows

    @property
    def contexts(self) -> FloatArray:
        """Unit vectors of the memories inside their conversations, zero where there is none yet."""
        return self._contexts.rows

    @property
    def in_context(self) -> npt.NDArray[np.bool_]:
        """Which rows have such a vector."""
        return self._in_context.rows

    @property
    def speaker(self) -> npt.NDArray[np.int64]:
        """A number for each who spoke, see `number_of`; `UNNAMED`: nobody says who."""
        return self._speaker.rows

    @property
    def stated(self) -> FloatArray:
        """How much of each states something rather than asks."""
        return self._stated.rows

    @property
    def times(self) -> TimeColumns:
        """When each was said, and of which times it tells."""
        return TimeColumns(
            self._said_at.rows, self._tells_time.rows, self._time_row.rows, self._time_from.rows, self._time_until.rows
        )

    @property
    def speakers(self) -> list[str]:
        """Who speaks in live rows, the most first."""
        counts = {name: self._spoken[number] for name, number in self._speakers.items() if self._spoken[number]}
        return sorted(counts, key=lambda name: (-counts[name], name))

    @property
    def are_several_named(self) -> bool:
        """Whether two or more speak."""
        return sum(count > 0 for count in self._spoken) > 1

    def asks_another(self, at: int, next_at: int) -> bool:
        """Whether a row asks something, and another one speaks in the next."""
        one, other = self.versions[at], self.versions[next_at]
        if one is None or other is None or self.stated[at] == 1.0:
            return False
        return (one.name, one.role) != (other.name, other.role)

    def numbers_of(self, names: Sequence[str]) -> list[int]:
        """The numbers of those speakers who are here."""
        return [number for name in names if (number := self._speakers.get(name)) is not None]

    @property
    def resident(self) -> Json:
        """About how many bytes each part takes."""
        times = 2 * self._said_at.nbytes + self._tells_time.nbytes + 3 * self._time_row.nbytes
        return {
            "versions": self._version_bytes,
            "vectors": self._vectors.nbytes,
            "context": self._contexts.nbytes + self._in_context.nbytes,
            "tokens": self._token_bytes,
            "keywords": self._posting_bytes,
            "other": times + self.neighbours.nbytes + self._speaker.nbytes + self._stated.nbytes + self._live.nbytes,
        }

    def reserve(self, more: int) -> None:
        """Room for so many more rows."""
        self._vectors.reserve(more)
        self._contexts.reserve(more)

    def append(self, version: MemoryVersion, vector: FloatArray) -> int:
        """Takes in a version with its unit vector; returns its row."""
        at = len(self.versions)
        self.versions.append(version)
        self._live.append(True)
        self._vectors.append(vector)
        self._contexts.append(0.0)
        self._in_context.append(False)
        self.tokens.append(NO_TOKENS)
        self._speaker.append(self._speaks(version.name))
        self._stated.append(stated_share(version.text))
        self._tells(at, version)
        self.neighbours.append(version)
        self._posting_bytes += _POSTING_BYTES * self.keywords.append(version.text)
        self._version_bytes += _VERSION_BYTES + 2 * len(version.text)
        return at

    def remove(self, at: int) -> None:
        """Takes a row out; once."""
        version = self.versions[at]
        if version is None:
            return
        self.keywords.remove(at, version.text)
        self.neighbours.remove(at, version)
        if version.name is not None:
            self._spoken[self._speakers[version.name]] -= 1
        self.versions[at] = None
        self._live.rows[at] = False
        self._put_tokens(at, NO_TOKENS)

    def derive(self, at: int, derived: Derived) -> None:
        """Takes in what was computed of a row after it was committed; it replaces what was there."""
        length = float(np.linalg.norm(derived.context))
        self._contexts.rows[at] = derived.context / length if length else derived.context
        self._in_context.rows[at] = True
        self._put_tokens(at, derived.tokens)

    def keep(self, kept: npt.NDArray[np.int64]) -> None:
        """Only these rows, all of them live, in this order."""
        share = len(kept) / max(1, len(self.versions))
        self._version_bytes, self._posting_bytes = int(self._version_bytes * share), int(self._posting_bytes * share)
        versions = [version for at in kept if (version := self.versions[at]) is not None]
        self.versions = list(versions)
        self.tokens = [self.tokens[at] for at in kept]
        self._live.keep(kept)
        self._until.keep(kept)
        self._vectors.keep(kept)
        self._contexts.keep(kept)
        self._in_context.keep(kept)
        self._speaker.keep(kept)
        self._stated.keep(kept)
        self._keep_times(kept)
        self.keywords.compact(kept)
        self.neighbours.rebuild(versions)

    def _keep_times(self, kept: npt.NDArray[np.int64]) -> None:
        times = self.times.take(kept)
        self._tells_time.replace(times.strength)
        columns = (self._said_at, self._time_row, self._time_from, self._time_until)
        for column, left in zip(columns, (times.said_at_us, times.row, times.from_us, times.until_us), strict=True):
            column.replace(left)

    def _put_tokens(self, at: int, tokens: Codes) -> None:
        self._token_bytes += tokens.nbytes - self.tokens[at].nbytes
        self.tokens[at] = tokens

    def _speaks(self, name: str | None) -> int:
        if name is None:
            return UNNAMED
        if (number := self._speakers.get(name)) is None:
            number = self._speakers[name] = len(self._spoken)
            self._spoken.append(0)
        self._spoken[number] += 1
        return number

    def _tells(self, at: int, version: MemoryVersion) -> None:
        times = told(version.text, version.created_at_us, self.analyzer.language_of(version.text))
        self._said_at.append(version.created_at_us)
        self._until.append(_until_us(version))
        self._tells_time.append(times.strength)
        for one in times.ranges:
            self._time_row.append(at)
            self._time_from.append(one.from_us)
            self._time_until.append(one.until_us)


def is_over(version: MemoryVersion, at_us: int) -> bool:
    """Whether the memory's last day is over."""
    return at_us >= _until_us(version)


def _until_us(version: MemoryVersion) -> int:
    """The end of the memory's last day in UTC."""
    if version.expiration_date is None:
        return _FOREVER_US
    days = date.fromisoformat(version.expiration_date).toordinal() - _EPOCH_DAY + 1
    return days * DAY_US
