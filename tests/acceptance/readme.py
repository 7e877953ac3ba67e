"""The README's lines, as they stand there, to be run against a runtime at another address."""

from __future__ import annotations

import re
from pathlib import Path

_README = Path(__file__).parents[2] / "README.md"
_SECTION = "## Use it from what you have\n"
_BLOCK = re.compile(r"^\*\*(.+?)\*\*[^\n]*\n\n```(\w+)\n(.*?)```$", re.MULTILINE | re.DOTALL)
_ADDRESS = "http://127.0.0.1:8000"
MOST_LINES = 6


def ways() -> dict[str, str]:
    """The lines of the section "Use it from what you have", by the name in front of each."""
    section = _README.read_text().partition(_SECTION)[2].partition("\n## ")[0]
    return {name: code for name, _language, code in _BLOCK.findall(section)}


def lines_for(name: str, url: str) -> str:
    """Those of one way, for a runtime at `url`."""
    code = ways()[name]
    assert _ADDRESS in code, code
    return code.replace(_ADDRESS, url)
