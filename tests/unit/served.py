"""The real HTTP application on a port of this machine, its memory in this process."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from contextlib import contextmanager

from uvicorn import Config, Server

from engine.config import Settings
from engine.in_process import in_process
from serve_app.application import create_app


@contextmanager
def served() -> Iterator[str]:
    """Where it answers; in a thread with a loop of its own."""
    started = threading.Event()
    server: list[Server] = []

    async def serve() -> None:
        memory = in_process()
        await memory.start()
        one = Server(Config(create_app(memory, Settings()), port=0, log_level="warning", lifespan="off"))
        serving = asyncio.create_task(one.serve())
        while not one.started:
            await asyncio.sleep(0.01)
        server.append(one)
        started.set()
        await serving
        await memory.close()

    thread = threading.Thread(target=lambda: asyncio.run(serve()))
    thread.start()
    assert started.wait(30)
    host, port = server[0].servers[0].sockets[0].getsockname()[:2]
    yield f"http://{host}:{port}"
    server[0].should_exit = True
    thread.join()
