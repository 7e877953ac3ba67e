"""When a language model is asked again. Pure: the time and chance are given."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from math import isfinite
from typing import Final

_FIRST_S: Final = 0.5
_LONGEST_S: Final = 30.0
_LONGEST_TOLD_S: Final = 3600.0
_AGAIN: Final = frozenset({408, 409, 425, 429})


def may_pass(status: int) -> bool:
    """Whether the same request may work later."""
    return status in _AGAIN or status >= 500  # noqa: PLR2004 - HTTP's own border


def told_s(headers: Mapping[str, str], now_s: float) -> float | None:
    """The pause that a server asks for, in seconds: `retry-after-ms`, or `Retry-After` as seconds or as a date.

    None: it asks for none that can be understood. `now_s`: unix seconds.
    """
    for name, unit_s in (("retry-after-ms", 0.001), ("retry-after", 1.0)):
        raw = headers.get(name, "").strip()
        try:
            pause_s = float(raw) * unit_s
        except ValueError:
            continue
        return min(max(0.0, pause_s), _LONGEST_TOLD_S) if isfinite(pause_s) else None
    return _until_s(headers.get("retry-after", ""), now_s)


def pause_s(attempt: int, told: float | None, chance: float) -> float:
    """How long before the next try: twice as long each time, and no shorter than the server asks for.

    Args:
        attempt: how often it was tried, from 1.
        told: seconds that the server asks for.
        chance: in [0, 1), so that callers who failed together don't come back together.
    """
    own = min(_LONGEST_S, _FIRST_S * 2.0 ** min(attempt - 1, 16)) * (0.5 + chance / 2)
    return own if told is None else max(own, told + chance * min(1.0, told / 4))


def _until_s(raw: str, now_s: float) -> float | None:
    try:
        at = parsedate_to_datetime(raw)
    except (ValueError, TypeError, OverflowError):
        return None
    at = at if at.tzinfo else at.replace(tzinfo=UTC)
    until_s = (at - datetime.fromtimestamp(now_s, UTC)).total_seconds()
    return min(max(0.0, until_s), _LONGEST_TOLD_S)
