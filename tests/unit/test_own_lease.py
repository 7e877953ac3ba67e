"""A runtime of one's own that is found not to fit is given back, once, however the look at it ends."""

from __future__ import annotations

import asyncio
from typing import Any, cast

import pytest

from engine.errors import Unavailable
from remora.errors import InvalidInput
from remora.targets import Own


class _Lease:
    def __init__(self) -> None:
        self.given_back = 0

    def give_back(self) -> None:
        self.given_back += 1


class _Api:
    """Says of itself what it is told to say."""

    def __init__(self, dimensions: int | None = None) -> None:
        self.asked = asyncio.Event()
        self._dimensions = dimensions

    async def status(self) -> dict[str, Any]:
        self.asked.set()
        if self._dimensions is None:
            raise Unavailable("no shard answers")
        return {"shards": [{"embedder": {"dimensions": self._dimensions}}]}


class _SilentApi(_Api):
    async def status(self) -> dict[str, Any]:
        self.asked.set()
        await asyncio.Event().wait()
        raise AssertionError("never reached")


@pytest.fixture
def lease() -> _Lease:
    return _Lease()


def _runs(monkeypatch: pytest.MonkeyPatch, lease: _Lease, api: _Api) -> None:
    monkeypatch.setattr(Own, "_take", lambda _self, _given_up: cast(Any, (lease, api)))


async def test_other_dimensions_give_it_back(monkeypatch: pytest.MonkeyPatch, lease: _Lease) -> None:
    _runs(monkeypatch, lease, _Api(dimensions=384))
    with pytest.raises(InvalidInput, match="768"):
        await Own(dimensions=768).open()
    assert lease.given_back == 1


async def test_no_answer_gives_it_back(monkeypatch: pytest.MonkeyPatch, lease: _Lease) -> None:
    _runs(monkeypatch, lease, _Api())
    with pytest.raises(Unavailable):
        await Own(dimensions=384).open()
    assert lease.given_back == 1


async def test_a_caller_who_goes_away_meanwhile_gives_it_back(monkeypatch: pytest.MonkeyPatch, lease: _Lease) -> None:
    api = _SilentApi()
    _runs(monkeypatch, lease, api)
    opening = asyncio.create_task(Own(dimensions=384).open())
    await api.asked.wait()
    opening.cancel()
    with pytest.raises(asyncio.CancelledError):
        await opening
    assert lease.given_back == 1


async def test_one_that_fits_stays_until_it_is_closed(monkeypatch: pytest.MonkeyPatch, lease: _Lease) -> None:
    _runs(monkeypatch, lease, _Api(dimensions=384))
    link = await Own(dimensions=384).open()
    assert lease.given_back == 0
    await link.close()
    assert lease.given_back == 1
