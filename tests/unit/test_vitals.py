"""What a process says of itself."""

from __future__ import annotations

import asyncio
import os

from actors.vitals import Vitals


async def test_a_process_tells_its_memory_its_time_and_its_loop() -> None:
    vitals = Vitals()
    vitals.watch()
    while not vitals.figures()["loop_lag_ms"]["count"]:
        await asyncio.sleep(0.01)
    figures = vitals.figures()
    assert figures["pid"] == os.getpid()
    assert figures["rss_bytes"] > 10_000_000
    assert figures["cpu_s"] > 0
    assert figures["up_s"] >= 0.1
    await vitals.close()
