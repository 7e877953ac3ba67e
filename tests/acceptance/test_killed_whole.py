"""Every process of a runtime is killed at once during a load; what was acknowledged is there after the next start."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

import pytest

from tests.acceptance.place import Place
from tests.acceptance.teller import Teller

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]

USERS = 6
KILL_AFTER = (3, 60, 200)
"""Acknowledged changes since the start: at the very first ones, and in the midst of it."""
LOAD_DEADLINE_S = 120.0


@pytest.fixture
def tellers(place: Place) -> Iterator[list[Teller]]:
    made = [Teller(place.url, f"user{number}", number) for number in range(USERS)]
    yield made
    for teller in made:
        teller.close()


def changed_until_killed(place: Place, tellers: list[Teller], acknowledged: int) -> None:
    """All callers at work; everything is killed after so many acknowledgements, whoever is under way."""
    killed, told = threading.Event(), threading.Semaphore(0)
    with ThreadPoolExecutor(len(tellers)) as threads:
        work = [threads.submit(teller.tell, killed, told) for teller in tellers]
        try:
            for _ in range(acknowledged):
                assert told.acquire(timeout=LOAD_DEADLINE_S), f"too slow: {[one for one in work if one.done()]}"
        finally:
            place.kill()
            killed.set()
        for one in work:
            one.result()


def check(place: Place, tellers: list[Teller]) -> None:
    with ThreadPoolExecutor(len(tellers)) as threads:
        list(threads.map(check_one, tellers))
    verified = place.run("verify", timeout_s=LOAD_DEADLINE_S)
    assert verified.returncode == 0, verified.stdout + verified.stderr


def check_one(teller: Teller) -> None:
    doubt, teller.doubt = teller.doubt, None
    teller.all_before_is_done()
    teller.doubt = doubt
    whole_or_absent = [teller.expected(doubt=False), teller.expected(doubt=True)]
    assert sorted(teller.listed().values()) in [sorted(texts.elements()) for texts in whole_or_absent]
    teller.settle()
    teller.all_before_is_done()
    teller.check_everything()
    text = next(fate.text for fate in reversed(teller.known.values()) if fate.text)
    assert text in teller.search(text)


@contextmanager
def served(place: Place) -> Iterator[None]:
    serving = place.start("serve")
    serving.wait_for("Ctrl-C stops it")
    yield
    serving.stop()


def test_all_acknowledged_changes_survive_the_death_of_every_process(place: Place, tellers: list[Teller]) -> None:
    place.environment |= {"REMORA_EMBED_MODEL": "hashing", "REMORA_EXTRACT_ENTITIES": "none"}
    for acknowledged in KILL_AFTER:
        place.start("serve").wait_for("Ctrl-C stops it")
        if any(teller.known for teller in tellers):
            check(place, tellers)
        changed_until_killed(place, tellers, acknowledged)
        assert place.leftovers() == {}
        place.wait_until_unlocked()
    with served(place):
        check(place, tellers)
    assert place.leftovers() == {}
