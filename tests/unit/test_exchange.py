"""Many calls in one exchange."""

from __future__ import annotations

import asyncio
import pickle
import threading
from collections.abc import Callable
from typing import Any

import pytest

from actors.desk import Admit, Desk
from actors.exchange import LEFT, Calls, Channel, Gone, Replies
from engine.errors import InvalidInput, NotFound, Overloaded
from engine.shares import Shares


class Server:
    """A desk whose calls end when the test says so, and that counts its exchanges."""

    def __init__(self, *admit: Admit) -> None:
        self.desk = Desk(self._perform, *admit)
        self.gates: dict[str, asyncio.Event] = {}
        self.under_way: list[str] = []
        self.cancelled: list[str] = []
        self.exchanges: list[int] = []
        self.waiting = 0

    async def _perform(self, verb: str, args: tuple[Any, ...], fields: dict[str, Any]) -> Any:
        if verb in self.gates:
            self.under_way.append(verb)
            try:
                await self.gates[verb].wait()
            except asyncio.CancelledError:
                self.cancelled.append(verb)
                raise
            finally:
                self.under_way.remove(verb)
        if verb == "fail":
            raise NotFound("nothing here", {"id": "x"})
        return {"verb": verb, "args": args, **fields}

    async def send(self, name: str, calls: Calls) -> Replies:
        self.exchanges.append(len(calls))
        self.waiting += 1
        try:
            return await self.desk.exchange(name, calls)
        finally:
            self.waiting -= 1


async def test_calls_that_come_together_share_one_exchange() -> None:
    server, channel = Server(), Channel()
    answers = await asyncio.gather(*[channel.call(server.send, f"v{n}", (n,), {"k": n}) for n in range(20)])
    assert [answer["args"] for answer in answers] == [(n,) for n in range(20)]
    assert server.exchanges == [20]


async def test_a_slow_call_holds_up_nobody() -> None:
    server, channel = Server(), Channel()
    server.gates["slow"] = asyncio.Event()
    slow = asyncio.ensure_future(channel.call(server.send, "slow", (), {}))
    for round_ in range(10):
        answers = await asyncio.gather(*[channel.call(server.send, "quick", (n,), {}) for n in range(5)])
        assert len(answers) == 5, round_
    assert not slow.done()
    assert server.waiting <= 3
    server.gates["slow"].set()
    assert (await slow)["verb"] == "slow"


async def test_many_slow_calls_leave_room_for_new_ones() -> None:
    server, channel = Server(), Channel()
    server.gates["slow"] = asyncio.Event()
    slow = []
    for n in range(10):
        slow.append(asyncio.ensure_future(channel.call(server.send, "slow", (n,), {})))
        assert (await channel.call(server.send, "quick", (), {}))["verb"] == "quick"
    server.gates["slow"].set()
    assert [answer["args"] for answer in await asyncio.gather(*slow)] == [(n,) for n in range(10)]


async def test_an_error_goes_to_its_own_caller() -> None:
    server, channel = Server(), Channel()
    outcomes = await asyncio.gather(
        channel.call(server.send, "fine", (), {}), channel.call(server.send, "fail", (), {}), return_exceptions=True
    )
    assert isinstance(outcomes[0], dict)
    assert isinstance(outcomes[1], NotFound)
    assert outcomes[1].details == {"id": "x"}


async def test_when_the_desk_is_gone_its_callers_hear_of_it_and_new_ones_reach_the_next() -> None:
    channel, gone = Channel(), asyncio.Event()

    async def dying(_name: str, _calls: Calls) -> Replies:
        await gone.wait()
        raise ConnectionError("the actor died")

    lost = [asyncio.ensure_future(channel.call(dying, "v", (n,), {})) for n in range(2)]
    await asyncio.sleep(0.005)
    lost.append(asyncio.ensure_future(channel.call(dying, "v", (2,), {})))
    await asyncio.sleep(0.005)
    gone.set()
    outcomes = await asyncio.gather(*lost, return_exceptions=True)
    assert all(isinstance(outcome, ConnectionError) for outcome in outcomes)
    server = Server()
    assert (await channel.call(server.send, "again", (), {}))["verb"] == "again"


async def test_a_caller_that_left_before_the_exchange_is_not_sent() -> None:
    server, channel = Server(), Channel()
    server.gates["slow"] = asyncio.Event()
    slow = asyncio.ensure_future(channel.call(server.send, "slow", (), {}))
    while not server.exchanges:
        await asyncio.sleep(0)
    leaving, staying = (asyncio.ensure_future(channel.call(server.send, verb, (), {})) for verb in ("left", "stayed"))
    await asyncio.sleep(0)
    leaving.cancel()
    assert (await staying)["verb"] == "stayed"
    server.gates["slow"].set()
    await slow
    assert sum(server.exchanges) == 2


async def test_a_call_that_a_replaced_desk_had_is_reported_lost() -> None:
    old, new, channel = Server(), Server(), Channel()
    old.gates["slow"] = asyncio.Event()
    slow = asyncio.ensure_future(channel.call(old.send, "slow", (), {}))
    await channel.call(old.send, "quick", (), {})
    await channel.call(new.send, "quick", (), {})
    outcome = (await asyncio.gather(slow, return_exceptions=True))[0]
    assert isinstance(outcome, Gone)


async def test_the_desk_tells_how_many_calls_travel_together() -> None:
    server, channel = Server(), Channel()
    await asyncio.gather(*[channel.call(server.send, "v", (), {}) for _ in range(8)])
    await channel.call(server.send, "v", (), {})
    figures = server.desk.figures()
    assert figures["calls"]["buckets"] == {"1": 1, "8": 1}
    assert figures["replies"]["sum"] == 9


async def test_what_cannot_be_sent_is_its_own_callers_mistake() -> None:
    server, channel = Server(), Channel()
    outcomes = await asyncio.gather(
        channel.call(server.send, "fine", (), {}),
        channel.call(server.send, "add", ((item for item in "abc"),), {}),
        channel.call(server.send, "add", (), {"metadata": {"lock": threading.Lock()}}),
        return_exceptions=True,
    )
    assert isinstance(outcomes[0], dict)
    assert isinstance(outcomes[1], InvalidInput)
    assert isinstance(outcomes[2], InvalidInput)
    assert server.exchanges == [1]


async def test_what_cannot_be_read_over_there_is_its_own_callers_mistake() -> None:
    server, channel = Server(), Channel()
    outcomes = await asyncio.gather(
        channel.call(server.send, "fine", (), {}),
        channel.call(server.send, "add", (Unreadable(),), {}),
        return_exceptions=True,
    )
    assert isinstance(outcomes[0], dict)
    assert isinstance(outcomes[1], InvalidInput)
    assert "can't be read" in str(outcomes[1])


class Unreadable:
    """Travels, and fails where it arrives: as a class does that exists only at the caller."""

    def __reduce__(self) -> tuple[type[int], tuple[str]]:
        return int, ("not a number",)


async def test_an_exchange_that_ends_late_leaves_a_clients_new_calls_alone() -> None:
    server = Server()
    server.gates = {name: asyncio.Event() for name in ("first", "second", "quick", "slow")}

    def packed(number: int, verb: str) -> Calls:
        return [(number, verb, pickle.dumps(((), {})))]

    early, late = (
        asyncio.ensure_future(server.send("client", packed(number, verb)))
        for number, verb in enumerate(("first", "second"))
    )
    await turns(5)
    # The second call ends after the first, and before the first exchange has gone: that one takes both answers along.
    server.gates["first"].set()
    await turns(2)
    server.gates["second"].set()
    _, replies = await early
    assert [reply[0] for reply in replies] == [0, 1]
    assert not late.done()
    # The client has nothing under way, so it is forgotten; and comes again before the late exchange has gone.
    again = asyncio.ensure_future(server.send("client", packed(2, "quick") + packed(3, "slow")))
    assert (await late)[1] == []
    server.gates["quick"].set()
    assert [reply[0] for reply in (await again)[1]] == [2]

    server.gates["slow"].set()
    _, replies = await server.send("client", [])
    assert [reply[0] for reply in replies] == [3]


async def turns(count: int) -> None:
    """Let the event loop go round."""
    for _ in range(count):
        await asyncio.sleep(0)


async def test_a_caller_that_goes_away_takes_its_call_along() -> None:
    server, channel = Server(), Channel()
    server.gates = {name: asyncio.Event() for name in ("left", "stays")}
    stays, left = (asyncio.ensure_future(channel.call(server.send, verb, (), {})) for verb in ("stays", "left"))
    await until(lambda: set(server.under_way) == {"stays", "left"})
    left.cancel()
    await until(lambda: server.under_way == ["stays"])
    assert server.cancelled == ["left"]
    server.gates["stays"].set()
    assert (await stays)["verb"] == "stays"
    assert server.desk.figures()["left"] == 1
    await until(lambda: server.waiting == 0)


async def test_a_call_whose_time_is_up_is_given_up_over_there() -> None:
    server, channel = Server(), Channel()
    server.gates["slow"] = asyncio.Event()
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.01):
            await channel.call(server.send, "slow", (), {})
    await until(lambda: not server.under_way)
    assert server.cancelled == ["slow"]
    await until(lambda: server.waiting == 0)
    assert (await channel.call(server.send, "next", (), {}))["verb"] == "next"


async def test_a_call_given_up_before_its_first_step_is_forgotten_too() -> None:
    server = Server()
    first = [(0, "never", pickle.dumps(((), {}))), (0, LEFT, b"")]
    assert (await server.send("client", first))[1] == []
    assert server.cancelled == []
    assert server.desk.figures()["left"] == 1


async def test_an_answer_that_is_there_already_is_nothing_to_give_up() -> None:
    server, channel = Server(), Channel()
    answered = asyncio.ensure_future(channel.call(server.send, "quick", (), {}))
    await answered
    assert not answered.cancel()
    await channel.call(server.send, "next", (), {})
    assert server.desk.figures()["left"] == 0


async def test_a_call_without_a_place_is_refused_and_the_others_are_done() -> None:
    shares = Shares("calls", 4, 10_000, lambda: 0.0)
    server, channel = Server(lambda verb, size: shares.admit(changing=verb == "add", size_bytes=size)), Channel()
    server.gates["add"] = asyncio.Event()
    adds = [asyncio.ensure_future(channel.call(server.send, "add", (n,), {})) for n in range(5)]
    refused = [one for one in (await asyncio.wait(adds, return_when=asyncio.FIRST_EXCEPTION))[0] if one.exception()]
    assert {type(one.exception()) for one in refused} == {Overloaded}
    assert all(one.exception().details["retry_after_s"] >= 1 for one in refused)  # type: ignore[union-attr]
    assert (await channel.call(server.send, "search", (), {}))["verb"] == "search"
    server.gates["add"].set()
    outcomes = await asyncio.gather(*adds, return_exceptions=True)
    assert sum(isinstance(one, Overloaded) for one in outcomes) == 2
    assert {one["pending"] for one in shares.figures().values()} == {0}


async def until(true: Callable[[], bool]) -> None:
    """Let the event loop go round until that is so."""
    async with asyncio.timeout(5):
        while not true():
            await asyncio.sleep(0)
