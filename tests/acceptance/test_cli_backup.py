"""A backup while Remora serves and is written to; everything is killed, and restored elsewhere."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tests.acceptance.place import STOP_DEADLINE_S, Place
from tests.acceptance.teller import Teller

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]

USERS = 4
DEADLINE_S = 120.0


@pytest.fixture
def tellers(place: Place) -> Iterator[list[Teller]]:
    made = [Teller(place.url, f"user{number}", number) for number in range(USERS)]
    yield made
    for teller in made:
        teller.close()


def acknowledged_before(tellers: list[Teller]) -> dict[str, list[str]]:
    """Every user's texts that a backup which begins now has to have."""
    return {teller.user: list(teller.expected(doubt=False).elements()) for teller in tellers}


def test_a_backup_of_a_runtime_at_work_brings_everything_back(
    place: Place, tellers: list[Teller], tmp_path: Path
) -> None:
    place.environment |= {"REMORA_EMBED_MODEL": "hashing", "REMORA_EXTRACT_ENTITIES": "none", "REMORA_SHARDS": "2"}
    backup = str(tmp_path / "backup")
    place.start("serve").wait_for("Ctrl-C stops it")
    killed, told = threading.Event(), threading.Semaphore(0)
    for teller in tellers:
        for _ in range(5):
            teller.all_before_is_done()
    before = acknowledged_before(tellers)
    adding = [Teller(place.url, f"other{number}", number) for number in range(USERS)]
    with ThreadPoolExecutor(USERS) as threads:
        work = [threads.submit(one.tell, killed, told) for one in adding]
        try:
            for _ in range(40):
                assert told.acquire(timeout=DEADLINE_S)
            made = place.run("backup", backup, "--json", timeout_s=DEADLINE_S)
        finally:
            place.kill()
            killed.set()
        for done in work:
            done.result()
    for one in adding:
        one.close()
    assert made.returncode == 0, made.stderr
    files = json.loads(made.stdout)["files"]
    assert [file["shard"] for file in files] == [0, 1]
    assert place.run("backup", "--verify", backup).returncode == 0
    place.wait_until_unlocked()

    old = place.environment["REMORA_DATA_DIR"]
    refused = place.run("restore", backup)
    assert refused.returncode == 2
    assert "isn't empty" in refused.stderr
    place.environment["REMORA_DATA_DIR"] = str(tmp_path / "elsewhere")
    restored = place.run("restore", backup)
    assert restored.returncode == 0, restored.stderr
    assert "Restored." in restored.stdout
    Path(old).rename(tmp_path / "lost")

    serving = place.start("serve")
    serving.wait_for("Ctrl-C stops it")
    assert place.run("restore", backup).returncode == 2
    for teller in tellers:
        listed = teller.listed()
        assert sorted(listed.values()) == sorted(before[teller.user])
        assert [teller.search(text)[0] for text in before[teller.user]] == before[teller.user]
        teller.all_before_is_done()
    verified = place.run("verify", timeout_s=DEADLINE_S)
    assert verified.returncode == 0, verified.stdout + verified.stderr
    assert serving.stop() == 0
    assert place.run("status", timeout_s=STOP_DEADLINE_S).returncode == 4
    assert place.leftovers() == {}
