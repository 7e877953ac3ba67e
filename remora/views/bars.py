"""Small bars for shares, made of characters. Pure."""

from __future__ import annotations

_EIGHTHS = " ▏▎▍▌▋▊▉"
_FULL = "█"


def bar(share: float, *, width: int, ascii_only: bool = False) -> str:
    """A bar of `width` characters, filled by a share in [0, 1]."""
    share = min(max(share, 0.0), 1.0)
    if ascii_only:
        filled = round(share * width)
        return "#" * filled + "." * (width - filled)
    eighths = round(share * width * 8)
    whole, part = divmod(eighths, 8)
    drawn = _FULL * whole + (_EIGHTHS[part] if part else "")
    return drawn.ljust(width)
