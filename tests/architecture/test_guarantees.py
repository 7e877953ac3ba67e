"""Each guarantee names what tries to break it, and all of that exists."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
GUARANTEES = (ROOT / "docs" / "guarantees.md").read_text()
NAMED = sorted(set(re.findall(r"`((?:tests|bench)/[^`]+)`", GUARANTEES)))


@pytest.mark.parametrize("path", NAMED)
def test_what_tries_to_break_a_guarantee_exists(path: str) -> None:
    file = ROOT / path
    assert file.is_file(), f"docs/guarantees.md names {path}, which isn't there"
    assert path.startswith("bench/") or "def test_" in file.read_text(), f"{path} tests nothing"


def test_each_guarantee_has_a_number_and_names_a_test() -> None:
    rows = [line for line in GUARANTEES.splitlines() if line.startswith("| ") and "**" in line]
    assert [row.split("|")[1].strip() for row in rows] == [str(number) for number in range(1, len(rows) + 1)]
    assert len(rows) > 1
    for row in rows:
        assert "`tests/" in row.split("|")[3], row


def test_whoever_reads_on_finds_the_guarantees() -> None:
    assert "(docs/guarantees.md)" in (ROOT / "README.md").read_text()
    assert "(guarantees.md)" in (ROOT / "docs" / "consistency.md").read_text()
