"""The error of a table that has lost rows."""

from __future__ import annotations

from engine.errors import Unavailable


class LostRows(Unavailable):
    """What was written since the mark may be gone: the changes since then have to be sent again."""
