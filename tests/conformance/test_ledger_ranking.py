"""The weights that a project has set, in the ledger."""

from __future__ import annotations

from pathlib import Path

import pytest

from engine.errors import StaleEpoch
from engine.ledger.store import SqlLedger


async def test_each_project_has_its_own_and_they_outlive_the_process(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'ledger.db'}"
    ledger = SqlLedger(url)
    owner = await ledger.open()
    await ledger.put_ranking(owner.epoch, "mine", {"dense": 1.0, "when": 0.25})
    await ledger.put_ranking(owner.epoch, "theirs", {"dense": 3.0})
    await ledger.put_ranking(owner.epoch, "mine", {"dense": 2.0})
    await ledger.close()
    again = SqlLedger(url)
    await again.open()

    assert await again.ranking("mine") == {"dense": 2.0}
    assert await again.ranking("theirs") == {"dense": 3.0}
    assert await again.ranking("nobody's") == {}
    await again.close()


async def test_none_are_as_shipped() -> None:
    ledger = SqlLedger("sqlite://")
    owner = await ledger.open()
    await ledger.put_ranking(owner.epoch, "mine", {"dense": 2.0})
    await ledger.put_ranking(owner.epoch, "mine", {})

    assert await ledger.ranking("mine") == {}
    await ledger.close()


async def test_who_owns_the_shard_no_more_sets_nothing() -> None:
    ledger = SqlLedger("sqlite://")
    old = await ledger.open()
    await ledger.open()

    with pytest.raises(StaleEpoch):
        await ledger.put_ranking(old.epoch, "mine", {"dense": 2.0})
    assert await ledger.ranking("mine") == {}
    await ledger.close()
