"""Figures as people read them: bytes, milliseconds, rates. Pure; what isn't known is a dash."""

from __future__ import annotations

_UNKNOWN = "-"
_THOUSAND = 1000
_MEGA = 1_000_000
_MINUTE_S = 60
_HOUR_S = 3600
_DAY_S = 86_400
_TEN = 10


def memory(size_bytes: float | None) -> str:
    """As 19 kB, 812 MB or 1.2 GB."""
    if size_bytes is None:
        return _UNKNOWN
    if size_bytes < _MEGA:
        return f"{size_bytes / _THOUSAND:.0f} kB"
    mega = size_bytes / _MEGA
    return f"{mega:.0f} MB" if mega < _THOUSAND else f"{mega / _THOUSAND:.1f} GB"


def time(ms: float | None) -> str:
    """As 0.4 ms, 35 ms, 1.2 s or 3 min."""
    if ms is None:
        return _UNKNOWN
    if ms < _TEN:
        return f"{ms:.1f} ms"
    if ms < _THOUSAND:
        return f"{ms:.0f} ms"
    seconds = ms / _THOUSAND
    return f"{seconds:.1f} s" if seconds < _MINUTE_S else age(seconds)


def age(seconds: float | None) -> str:
    """As 45 s, 3 min, 5 h or 2 d."""
    if seconds is None:
        return _UNKNOWN
    for unit, name in ((_DAY_S, "d"), (_HOUR_S, "h"), (_MINUTE_S, "min")):
        if seconds >= unit:
            return f"{seconds / unit:.0f} {name}"
    return f"{seconds:.0f} s"


def rate(per_s: float | None) -> str:
    """As 0.3, 45 or 1,234 a second."""
    if per_s is None:
        return _UNKNOWN
    return f"{per_s:.1f}" if 0 < per_s < _TEN else f"{per_s:,.0f}"


def share(part: float | None) -> str:
    """As 35%."""
    return _UNKNOWN if part is None else f"{part * 100:.0f}%"


def count(number: float | None) -> str:
    """As 1,234."""
    return _UNKNOWN if number is None else f"{number:,.0f}"


def ratio(number: float | None) -> str:
    """As 0.07."""
    return _UNKNOWN if number is None else f"{number:.2f}"


def of(number: int, what: str, many: str | None = None) -> str:
    """As 1 shard or 2 shards."""
    return f"{number:,} {what if number == 1 else many or what + 's'}"


def size(items: float | None) -> str:
    """As 14.2."""
    return _UNKNOWN if items is None else f"{items:.1f}"
