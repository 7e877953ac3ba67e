"""Which lines go into a text, and the text. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from engine.context.lines import Line


@dataclass(frozen=True, slots=True)
class Group:
    """Lines of one heading, in the order of time."""

    heading: str
    lines: tuple[Line, ...]

    @property
    def text(self) -> str:
        return "\n".join([self.heading, *(line.text for line in self.lines)])


def chosen(lines: Sequence[Line], costs: Mapping[str, int], budget: int) -> list[Line]:
    """The best lines that fit, best first. One that is too long for what is left leaves its place to shorter ones.

    Args:
        lines: best first.
        costs: in tokens, of each line's text and of each heading, with the end of the line.
        budget: in tokens, for everything.
    """
    left, headings, kept = budget, set[str](), list[Line]()
    for line in lines:
        cost = costs[line.text] + (0 if line.heading in headings else costs[line.heading])
        if cost <= left:
            left -= cost
            headings.add(line.heading)
            kept.append(line)
    return kept


def grouped(lines: Sequence[Line]) -> list[Group]:
    """The lines under their headings: the group with the best line first, in a group the oldest line first."""
    groups: dict[str, list[Line]] = {}
    for line in sorted(lines, key=lambda line: -line.score):
        groups.setdefault(line.heading, []).append(line)
    return [Group(heading, tuple(sorted(some, key=lambda line: line.order))) for heading, some in groups.items()]


def text_of(groups: Sequence[Group]) -> str:
    """What is pasted."""
    return "\n\n".join(group.text for group in groups)
