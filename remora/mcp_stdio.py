"""MCP over stdin and stdout, for programs that start their servers themselves. The tools are those of `/mcp`."""

from __future__ import annotations

import asyncio
import signal

from mcp.server.stdio import stdio_server

from engine.api import MemoryApi
from remora import __version__, output
from remora.connection import Connection
from remora.errors import RemoraError, Unavailable
from serve_app.mcp.server import whole_server


class Reached(Connection):
    """A memory by its verbs, as the tools ask it; see `AsyncMemory` for the arguments."""

    async def api(self) -> MemoryApi:
        """The memory system, connected to or started when it wasn't; raises RemoraError when that fails."""
        try:
            return await self._api()
        except OSError as error:  # A full disk, a directory that can't be written.
            raise Unavailable(str(error), {"errno": error.errno}) from error

    async def begin(self) -> None:
        """Connect or start now. What goes wrong is told on stderr, and tried again with the first call."""
        try:
            await self.api()
        except RemoraError as error:
            output.note(f"remora: {error.message}", "red")


def run(memory: Reached, default_user: str) -> None:
    """Serve until stdin ends.

    A stop signal ends the process at once: what was acknowledged is kept, and a runtime that was started for it ends
    with it. Python's own way of ending would wait for a line on stdin.
    """
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_DFL)
    asyncio.run(_serve(memory, default_user))


async def _serve(memory: Reached, default_user: str) -> None:
    server = whole_server(lambda _: memory.api(), default_user, __version__)
    # From here on whatever else is written to stdout, also by a runtime that is started, goes to stderr.
    async with stdio_server() as (read, write), asyncio.TaskGroup() as group:
        # The protocol is answered at once; a start takes longer than some programs wait for that.
        beginning = group.create_task(memory.begin(), name="connecting")
        try:
            await server.run(read, write, server.create_initialization_options())
        finally:
            beginning.cancel()
            await memory.close()
