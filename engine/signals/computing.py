"""From windows of conversations to what is kept of each memory in them: one pass of the encoder a window."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from engine.conversations import Window
from engine.models import Models
from engine.packed import rounded
from engine.ports import EmbedderInfo, Encoded, Priority
from engine.ranking.codes import CODE_DIMENSIONS, encode
from engine.types import Derived, TokenCodes

_FORMAT = "late-2"
"""Another one when anything changes in how windows are cut, pooled or coded: then all is computed anew."""


def made_by(info: EmbedderInfo) -> str:
    """Names the model and the format of signals, and so what they may be compared with."""
    return f"{_FORMAT}/{CODE_DIMENSIONS}/{info.text_prefix}/{info.model}"


@dataclass(frozen=True, slots=True)
class _Part:
    """A window from one of its memories on."""

    window: Window
    start: int

    @property
    def text(self) -> str:
        return self.window.text[self.window.spans[self.start][0] :]

    @property
    def spans(self) -> list[tuple[int, int]]:
        offset = self.window.spans[self.start][0]
        return [(start - offset, end - offset) for start, end in self.window.spans[self.start :]]


async def compute(models: Models, windows: Sequence[Window], priority: Priority = Priority.SIGNAL) -> list[Derived]:
    """The signals of every memory in the windows.

    What a model doesn't see of a window because it is longer than it takes is encoded once more, from there on.

    Raises:
        RemoraError: what the embedder says.
    """
    found: dict[tuple[bytes, int], Derived] = {}
    parts = [_Part(window, 0) for window in windows]
    while parts:
        encoded = await models.windows([part.text for part in parts], [part.spans for part in parts], priority)
        left: list[_Part] = []
        row = 0
        for part in parts:
            many = len(part.spans)
            again = _take(found, part, encoded, row)
            row += many
            if again is not None:
                left.append(_Part(part.window, again))
        parts = left
    return list(found.values())


def _take(found: dict[tuple[bytes, int], Derived], part: _Part, encoded: Encoded, row: int) -> int | None:
    """Keep what was encoded of one part; the place from where on it has to be encoded again, if there is one."""
    window = part.window
    for at, version in enumerate(window.versions[part.start :]):
        place = part.start + at
        tokens = _codes(encoded, row + at)
        if encoded.tokens and not len(tokens) and version.text.strip() and place > part.start:
            # The memory before this one may have been cut.
            return max(part.start + 1, place - 1)
        key = window.key_of(place)
        # As exact as it is kept: an answer is the same before and after it has been there.
        context = rounded(encoded.pooled[row + at])
        found[window.key, place] = Derived(version.memory_id, version.version, key, context, tokens)
    return None


def _codes(encoded: Encoded, row: int) -> TokenCodes:
    if not encoded.tokens:
        return np.zeros((0, CODE_DIMENSIONS), dtype=np.int8)
    return encode(encoded.tokens[row])
