"""Calls that meet share a bulk call: how they are grouped, and that each caller gets its own answer."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Sequence
from typing import Any

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from remora.bulk import Limits, Merger, groups
from remora.errors import DeadlineExceeded, InvalidInput, NotFound, Overloaded, TooLarge, Unavailable
from remora.merging_api import MergingHttpApi

PATIENCE_S = 30.0


class Backend:
    """Echoes items; `refused` items get an error; while `gate` is closed nothing is answered."""

    def __init__(self, limits: Limits | None = None) -> None:
        self.calls: list[list[int]] = []
        self.gate = asyncio.Event()
        self.gate.set()
        self.failing: Exception | None = None
        self.refused: set[int] = set()
        self.merger = Merger(self.one, self.many, limits)

    async def one(self, item: dict[str, Any]) -> dict[str, Any]:
        self.calls.append([item["n"]])
        await self.gate.wait()
        if item["n"] in self.refused:
            raise NotFound("no", {"n": item["n"]})
        return {"echo": item["n"]}

    async def many(self, items: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
        self.calls.append([item["n"] for item in items])
        await self.gate.wait()
        if self.failing is not None:
            raise self.failing
        error = {"code": "not_found", "message": "no"}
        return [
            {"error": {**error, "details": {"n": item["n"]}}} if item["n"] in self.refused else {"echo": item["n"]}
            for item in items
        ]

    async def ask(self, n: int, size: int = 10, patience_s: float = PATIENCE_S) -> int:
        return int((await self.merger.call({"n": n}, size, patience_s))["echo"])


@given(
    sizes=st.lists(st.integers(0, 50), max_size=60),
    limits=st.builds(Limits, items=st.integers(1, 7), bytes=st.integers(1, 100)),
)
def test_groups_keep_the_order_lose_nothing_and_fit(sizes: list[int], limits: Limits) -> None:
    cut = list(groups(sizes, limits))
    assert [index for run in cut for index in run] == list(range(len(sizes)))
    for run in cut:
        assert 1 <= len(run) <= limits.items
        assert len(run) == 1 or sum(sizes[run.start : run.stop]) <= limits.bytes


async def test_a_lone_call_goes_alone() -> None:
    backend = Backend()
    assert await backend.ask(1) == 1
    assert backend.calls == [[1]]


async def test_calls_that_meet_travel_together_and_each_gets_its_own_answer() -> None:
    backend = Backend()
    assert await asyncio.gather(*[backend.ask(n) for n in range(50)]) == list(range(50))
    assert backend.calls == [list(range(50))]


async def test_an_item_s_error_is_its_caller_s_alone() -> None:
    backend = Backend()
    backend.refused = {1}
    first, second, third = await asyncio.gather(*[backend.ask(n) for n in range(3)], return_exceptions=True)
    assert (first, third) == (0, 2)
    assert isinstance(second, NotFound)
    assert second.details == {"n": 1}


async def test_when_the_bulk_call_fails_everybody_hears_it_in_an_error_of_their_own() -> None:
    backend = Backend()
    backend.failing = Unavailable("down")
    heard = await asyncio.gather(*[backend.ask(n) for n in range(3)], return_exceptions=True)
    assert [str(error) for error in heard] == ["down"] * 3
    assert len({id(error) for error in heard}) == 3


@pytest.mark.parametrize("refusal", [TooLarge("too many items"), InvalidInput("no such body")])
async def test_a_bulk_call_that_is_refused_as_such_is_sent_one_by_one(refusal: Exception) -> None:
    backend = Backend()
    backend.failing = refusal
    backend.refused = {2}
    heard = await asyncio.gather(*[backend.ask(n) for n in range(3)], return_exceptions=True)
    assert heard[:2] == [0, 1]
    assert isinstance(heard[2], NotFound)
    assert backend.calls == [[0, 1, 2], [0], [1], [2]]


async def test_a_caller_that_gives_up_takes_nobody_along() -> None:
    backend = Backend()
    backend.gate.clear()
    callers = [asyncio.create_task(backend.ask(n)) for n in range(3)]
    while not backend.calls:
        await asyncio.sleep(0)
    callers[1].cancel()
    backend.gate.set()
    heard = await asyncio.gather(*callers, return_exceptions=True)
    assert (heard[0], heard[2]) == (0, 2)
    assert isinstance(heard[1], asyncio.CancelledError)


async def test_a_call_given_up_before_it_left_is_not_sent() -> None:
    backend = Backend()
    gone = asyncio.create_task(backend.ask(1))
    kept = asyncio.create_task(backend.ask(2))
    asyncio.get_running_loop().call_soon(gone.cancel)
    await asyncio.wait([gone, kept])
    assert gone.cancelled()
    assert backend.calls == [[2]]


async def test_who_waits_too_long_hears_it_while_the_others_go_on() -> None:
    backend = Backend()
    backend.gate.clear()
    patient = asyncio.create_task(backend.ask(1))
    with pytest.raises(DeadlineExceeded):
        await backend.ask(2, patience_s=0.01)
    backend.gate.set()
    assert await patient == 1


async def test_while_all_ways_are_taken_calls_wait_and_leave_together() -> None:
    backend = Backend(Limits(under_way=1))
    backend.gate.clear()
    first = asyncio.create_task(backend.ask(0))
    while not backend.calls:
        await asyncio.sleep(0)
    rest = [asyncio.create_task(backend.ask(n)) for n in range(1, 4)]
    await asyncio.sleep(0)
    backend.gate.set()
    assert await asyncio.gather(first, *rest) == [0, 1, 2, 3]
    assert backend.calls == [[0], [1, 2, 3]]


async def test_more_groups_than_ways_leave_one_after_the_other() -> None:
    backend = Backend(Limits(items=2, under_way=1))
    assert await asyncio.gather(*[backend.ask(n) for n in range(5)]) == [0, 1, 2, 3, 4]
    assert backend.calls == [[0, 1], [2, 3], [4]]


async def test_a_full_queue_refuses() -> None:
    backend = Backend(Limits(waiting=2))
    heard = await asyncio.gather(*[backend.ask(n) for n in range(3)], return_exceptions=True)
    assert heard[:2] == [0, 1]
    assert isinstance(heard[2], Overloaded)


async def test_closing_tells_those_that_wait_and_those_that_come() -> None:
    backend = Backend(Limits(under_way=1))
    backend.gate.clear()
    under_way = asyncio.create_task(backend.ask(1))
    while not backend.calls:
        await asyncio.sleep(0)
    waits = asyncio.create_task(backend.ask(2))
    await asyncio.sleep(0)
    await backend.merger.close()
    with pytest.raises(Unavailable, match="closed"):
        await under_way
    for late in (waits, backend.ask(3)):
        with pytest.raises(InvalidInput, match="closed"):
            await late


# --- over HTTP -------------------------------------------------------------------------------------------------------


async def test_adds_and_searches_at_once_are_two_bulk_calls_and_one_bad_item_is_never_sent() -> None:
    sent: dict[str, list[Any]] = {}

    def handler(request: httpx.Request) -> httpx.Response:
        items = json.loads(request.content)["items"]
        sent[request.url.path] = items
        return httpx.Response(200, json={"results": [{"status_code": 200, "answer": {"of": item}} for item in items]})

    async with MergingHttpApi("http://127.0.0.1:1", transport=httpx.MockTransport(handler)) as api:
        bad = api.add("x", user_id="u", metadata={"score": float("inf")})
        one, two, *_, refused = await asyncio.gather(
            api.add("a", user_id="u"),
            api.add("b", user_id="u", idempotency_key="k"),
            api.search("q", user_id="u"),
            api.search("r", user_id="u"),
            bad,
            return_exceptions=True,
        )
    assert isinstance(refused, InvalidInput)
    assert set(sent) == {"/v1/memories/bulk/", "/v1/memories/search/bulk/"}
    assert sent["/v1/memories/search/bulk/"] == [{"query": "q", "user_id": "u"}, {"query": "r", "user_id": "u"}]
    assert isinstance(one, dict)
    assert isinstance(two, dict)
    assert (one["of"]["messages"], two["of"]["messages"], two["of"]["idempotency_key"]) == ("a", "b", "k")


async def test_adds_whose_bulk_call_was_lost_are_told_their_own_keys() -> None:
    def handler(request: httpx.Request) -> httpx.Response:
        raise httpx.ReadError("cut", request=request)

    async with MergingHttpApi("http://127.0.0.1:1", transport=httpx.MockTransport(handler)) as api:
        lost = await asyncio.gather(
            *[api.add("a", user_id="u", idempotency_key=key) for key in ("k1", "k2")], return_exceptions=True
        )
    assert [error.details["idempotency_key"] for error in lost if isinstance(error, Unavailable)] == ["k1", "k2"]


async def test_a_search_that_waits_for_a_write_goes_alone() -> None:
    paths: list[str] = []

    def handler(request: httpx.Request) -> httpx.Response:
        paths.append(request.url.path)
        items = json.loads(request.content).get("items", [])
        return httpx.Response(200, json={"results": [{"status_code": 200, "answer": {}} for _ in items]})

    async with MergingHttpApi("http://127.0.0.1:1", transport=httpx.MockTransport(handler)) as api:
        await asyncio.gather(
            api.search("q", user_id="u"), api.search("r", user_id="u"), api.search("s", user_id="u", min_position=7)
        )
    assert sorted(paths) == ["/v1/memories/search/", "/v1/memories/search/bulk/"]


async def test_what_a_caller_changes_while_its_call_waits_is_not_sent() -> None:
    sent: list[Any] = []
    gate = asyncio.Event()

    async def handler(request: httpx.Request) -> httpx.Response:
        body = json.loads(request.content)
        sent.append(body["messages"] if "messages" in body else [item["messages"] for item in body["items"]])
        await gate.wait()
        results = [{"status_code": 200, "answer": {}} for _ in body.get("items", [])]
        return httpx.Response(200, json={"results": results})

    async with MergingHttpApi("http://127.0.0.1:1", transport=httpx.MockTransport(handler)) as api:
        first = [asyncio.create_task(api.add(f"{n}", user_id="u")) for n in range(2)]
        while not sent:
            await asyncio.sleep(0)
        said = [{"role": "user", "content": "one"}]
        waits = asyncio.create_task(api.add(said, user_id="u"))
        await asyncio.sleep(0)
        said.append({"role": "user", "content": "two"})
        gate.set()
        await asyncio.gather(*first, waits)
    assert sent == [["0", "1"], [{"role": "user", "content": "one"}]]
