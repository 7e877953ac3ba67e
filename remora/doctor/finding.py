"""What a check says: a value that can be shown, and at times mended."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any


class Verdict(StrEnum):
    """How bad it is: nothing to do; it works, but; it doesn't work."""

    OK = "ok"
    WARNING = "warning"
    FAILURE = "failure"


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was looked at. `advice`: what to do about it. `mend` does it; only where that loses nothing."""

    check: str
    verdict: Verdict
    text: str
    advice: str | None = None
    mend: Callable[[], None] | None = field(default=None, compare=False, repr=False)

    def as_json(self) -> dict[str, Any]:
        """As users of `--json` see it."""
        shown = {"check": self.check, "verdict": self.verdict.value, "text": self.text, "advice": self.advice}
        return {**shown, "mendable": self.mend is not None}


def ok(check: str, text: str) -> Finding:
    """All is well."""
    return Finding(check, Verdict.OK, text)


def warning(check: str, text: str, advice: str, mend: Callable[[], None] | None = None) -> Finding:
    """It works, but."""
    return Finding(check, Verdict.WARNING, text, advice, mend)


def failure(check: str, text: str, advice: str | None, mend: Callable[[], None] | None = None) -> Finding:
    """It doesn't work."""
    return Finding(check, Verdict.FAILURE, text, advice, mend)
