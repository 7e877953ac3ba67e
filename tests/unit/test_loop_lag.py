"""A blocked event loop is seen, also while it is blocked."""

from __future__ import annotations

import asyncio
import threading
import time

from engine.loop_lag import LoopLag
from engine.types import Json


async def test_a_callback_that_blocks_the_loop_is_seen() -> None:
    lag = LoopLag()
    lag.watch()
    while not lag.figures()["count"]:
        await asyncio.sleep(0)
    threading.Event().wait(0.3)  # what must not happen in a loop
    seen = lag.figures()["count"]
    while lag.figures()["count"] == seen:
        await asyncio.sleep(0)
    assert lag.figures()["max"] >= 150
    await lag.close()


async def test_a_loop_that_hangs_is_seen_from_another_thread() -> None:
    lag = LoopLag()
    lag.watch()
    await asyncio.sleep(0)
    seen: list[Json] = []
    blocked = threading.Event()

    def look() -> None:
        deadline = time.monotonic() + 30
        while lag.figures()["now"] < 50 and time.monotonic() < deadline:
            pass
        seen.append(lag.figures())
        blocked.set()

    thread = threading.Thread(target=look)
    thread.start()
    blocked.wait(30)
    thread.join()
    await lag.close()
    assert seen[0]["now"] >= 50
    assert seen[0]["count"] == 0


async def test_watching_twice_is_watching_once_and_closing_ends_it() -> None:
    lag = LoopLag()
    before = len(asyncio.all_tasks())
    lag.watch()
    lag.watch()
    assert len(asyncio.all_tasks()) == before + 1
    await lag.close()
    assert len(asyncio.all_tasks()) == before
    assert lag.figures()["now"] == 0
