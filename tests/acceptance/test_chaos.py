"""A short seeded run of `bench/chaos.py`: every kind of actor is killed twice under load, and nothing may be wrong."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]

ROOT = Path(__file__).resolve().parents[2]


def test_nothing_acknowledged_is_lost_doubled_torn_or_leaked() -> None:
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("REMORA_", "RAY_"))}
    command = [sys.executable, "bench/chaos.py", "--operations", "700", "--clients", "16", "--kills", "14"]
    done = subprocess.run(
        [*command, "--seed", "7", "--model", "hashing"],
        cwd=ROOT,
        env=environment | {"PYTHONPATH": str(ROOT)},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=540,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "14 kills" in done.stdout
