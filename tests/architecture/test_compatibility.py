"""What the table of Mem0's clients names as its tests is there."""

from __future__ import annotations

import re
from itertools import pairwise
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
LINES = (ROOT / "docs" / "compatibility.md").read_text().splitlines()
ROWS = [
    line
    for line, following in pairwise([*LINES, ""])
    if line.startswith("| ") and not line.startswith("| ---") and not following.startswith("| ---")
]
NAMED = sorted({name for row in ROWS for name in re.findall(r"`(tests/[^`]+)`", row)})


@pytest.mark.parametrize("name", NAMED)
def test_what_a_row_names_exists(name: str) -> None:
    file, _, test = name.partition("::")
    assert re.search(rf"^(async )?def {re.escape(test)}\(", (ROOT / file).read_text(), re.MULTILINE), name


def test_each_row_names_a_test() -> None:
    assert len(ROWS) > 10
    for row in ROWS:
        assert "::test_" in row, row
