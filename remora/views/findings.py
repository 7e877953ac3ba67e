"""What the doctor has found: a line each, with what to do under it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from remora import output

if TYPE_CHECKING:
    from remora.doctor.finding import Finding

_STYLES = {"ok": "green", "warning": "yellow", "failure": "red"}


def nothing(_finding: Finding) -> None:
    """For those who want to hear the end only."""


def finding(one: Finding) -> None:
    """One, as it comes."""
    output.marked(f"{one.verdict.value:<8}", _STYLES[one.verdict.value], f"{one.check:<10} {one.text}")
    if one.advice:
        output.line(f"{'':<19}{one.advice}")


def summary(found: Sequence[Finding], mended: Sequence[Finding], well: bool, *, looked_again: bool) -> None:
    """What was mended, what is left, and the whole in a sentence."""
    for one in mended:
        output.marked("mended  ", "green", f"{one.check:<10} {one.text}")
    left = [one for one in found if one.verdict.value != "ok"]
    if looked_again:
        for one in left:
            finding(one)
    output.line()
    warnings = sum(one.verdict.value == "warning" for one in left)
    if not well:
        output.line(f"{len(left) - warnings} to mend before Remora works here.", "red")
    else:
        output.line(f"Remora can work here{f'; {warnings} to look at' if warnings else ''}.", "green")
    if any(one.mend is not None for one in left):
        output.line("`remora doctor --fix` mends what it safely can.")
