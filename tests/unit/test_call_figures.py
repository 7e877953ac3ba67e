"""Calls by verb: how many, how many now, how long."""

from __future__ import annotations

import asyncio

from engine.call_figures import CallFigures


async def test_a_call_runs_until_its_task_ends() -> None:
    calls = CallFigures()
    gate = asyncio.Event()

    async def serve(verb: str) -> None:
        calls.begin(verb)
        await gate.wait()

    tasks = [asyncio.ensure_future(serve(verb)) for verb in ("add", "add", "search")]
    await asyncio.sleep(0)
    figures = calls.figures()
    assert figures["calls"] == {"add": 2, "search": 1}
    assert figures["running"] == 3
    assert figures["took_ms"] == {}
    gate.set()
    await asyncio.gather(*tasks)
    figures = calls.figures()
    assert figures["running"] == 0
    assert {verb: took["count"] for verb, took in figures["took_ms"].items()} == {"add": 2, "search": 1}


async def test_a_call_that_fails_or_is_cancelled_runs_no_more() -> None:
    calls = CallFigures()

    async def fail() -> None:
        calls.begin("fail")
        raise ValueError

    async def hang() -> None:
        calls.begin("hang")
        await asyncio.Event().wait()

    hanging = asyncio.ensure_future(hang())
    await asyncio.gather(asyncio.ensure_future(fail()), return_exceptions=True)
    hanging.cancel()
    await asyncio.gather(hanging, return_exceptions=True)
    assert calls.figures()["running"] == 0
    assert calls.figures()["took_ms"].keys() == {"fail", "hang"}
