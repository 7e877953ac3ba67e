"""What the README says of clients, held to: few lines, each run by a test."""

from __future__ import annotations

import re
from pathlib import Path

from tests.acceptance.readme import MOST_LINES, ways

ACCEPTANCE = Path(__file__).parents[1] / "acceptance"


def test_each_way_takes_under_six_lines() -> None:
    assert ways()
    for name, code in ways().items():
        assert len([line for line in code.splitlines() if line.strip()]) < MOST_LINES, name


def test_each_way_is_run_by_a_test() -> None:
    run = {
        name
        for path in ACCEPTANCE.glob("test_*.py")
        for name in re.findall(r"(?:lines_for\(|ways\(\)\[)\"([^\"]+)\"", path.read_text())
    }
    assert run == set(ways())
