"""What a vector table says of itself: which model made it and up to where it is durable. A small file beside it."""

from __future__ import annotations

import json
import os
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from engine.errors import Conflict
from engine.ports import EmbedderInfo

LAYOUT = 1
_TYPES = [str, int, str, int, int, int, str, int]
_LATER = ("unerased", "place", "manifest")


class DamagedMark(ValueError):
    """What should be a mark isn't one."""


@dataclass(frozen=True, slots=True)
class Mark:
    """`position`: everything up to it survives a power cut. `layout` and `language` decide how the rows are made.

    `language`: the identity of the analyzer.

    `unerased`: see `Applied.unerased`. `place`: the name of the file in use, which lies beside the one that was asked
    for; empty: that one itself. `manifest`: the version of Lite's manifest that the position stands for; 0: not known.
    """

    model: str
    dimensions: int
    language: str
    layout: int = LAYOUT
    position: int = 0
    unerased: int = 0
    place: str = ""
    manifest: int = 0

    @classmethod
    def of(cls, info: EmbedderInfo, language: str) -> Mark:
        """The mark of an empty table."""
        return cls(info.model, info.dimensions, language)

    @classmethod
    def parse(cls, text: str) -> Mark:
        """Raises `DamagedMark` for anything but what `text` makes."""
        try:
            mark = cls(**json.loads(text))
        except (ValueError, TypeError) as error:
            raise DamagedMark(str(error)) from error
        if [type(value) for value in asdict(mark).values()] != _TYPES or not mark._possible():
            raise DamagedMark(f"unexpected values: {text[:200]}")
        return mark

    def _possible(self) -> bool:
        return min(self.position, self.unerased, self.manifest) >= 0 and Path(self.place).name == self.place

    def text(self) -> str:
        """As JSON. What says nothing is left out, so that earlier versions can read it too."""
        values = asdict(self)
        return json.dumps({name: value for name, value in values.items() if name not in _LATER or value})

    def at(self, position: int, unerased: int = 0) -> Mark:
        """The same table at another position."""
        return replace(self, position=position, unerased=unerased)

    def serves(self, wanted: Mark, place: str) -> bool:
        """Whether rows made under this mark can be used under `wanted`; if not, they have to be made again.

        Raises:
            Conflict: another model made them. That isn't undone silently: it may be a mistake in the settings.
        """
        if (self.model, self.dimensions) != (wanted.model, wanted.dimensions):
            raise Conflict(
                f"the vectors in {place} were made by {self.model} ({self.dimensions} dimensions), the embedder in use "
                f"is {wanted.model} ({wanted.dimensions}); "
                f"set embed.model back, or remove {place} to rebuild the index",
                {"found": asdict(self), "wanted": asdict(wanted)},
            )
        return (self.language, self.layout) == (wanted.language, wanted.layout) and self.position > 0


def read_mark(path: Path) -> Mark | None:
    """The mark in the file, or None when there is no file.

    Raises:
        DamagedMark: the file holds something else.
    """
    try:
        return Mark.parse(path.read_bytes().decode(errors="replace"))
    except FileNotFoundError:
        return None


def write_mark(path: Path, mark: Mark) -> None:
    """Replaces the file as a whole: after a crash it is the old one or the new one."""
    fresh = path.with_name(path.name + ".new")
    with fresh.open("w", encoding="utf-8") as file:
        file.write(mark.text())
        file.flush()
        os.fsync(file.fileno())
    fresh.replace(path)
    sync_directory(path.parent)


def sync_directory(path: Path) -> None:
    """Makes what was created, renamed and removed in a directory durable."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
