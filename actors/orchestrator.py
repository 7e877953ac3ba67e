"""The orchestrator's actor shell: plain dicts in and out, built-in errors. The verbs live in `engine.memory`."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import ray

from actors.embedder_pool import EmbedderPool
from actors.exchange import Calls, Desk, Replies
from actors.handles import EmbedderHandle, ExtractorHandle, GraphStoreHandle, LedgerHandle, VectorStoreHandle
from actors.options import Address, Part, addresses, embedders
from actors.shell import Shell
from engine.concurrency import TaskSet
from engine.config import Settings
from engine.errors import DeadlineExceeded, InvalidInput, RemoraError, Unavailable
from engine.memory import Memory
from engine.ports import Embedder
from engine.types import Json, JsonList

_log = logging.getLogger(__name__)

_PAUSE_S = 1.0
_VERBS = frozenset(
    {
        "add",
        "search",
        "get",
        "list",
        "update",
        "delete",
        "delete_all",
        "history",
        "entities",
        "operation",
        "add_batch",
        "search_batch",
        "graph_entities",
        "neighbours",
        "path",
    }
)


def memory_over_actors(settings: Settings, shard: int) -> Memory:
    """The memory system of a shard with every port behind an actor. Nothing is called yet."""
    found = addresses(settings, shard)
    deadline_s = settings.runtime.deadline_s
    return Memory(
        settings=settings,
        embedder=embedder_of(settings, shard),
        extractor=ExtractorHandle(found[Part.EXTRACTOR], deadline_s),
        ledger=LedgerHandle(found[Part.LEDGER], deadline_s),
        vector=VectorStoreHandle(found[Part.VECTOR_STORE], deadline_s),
        graph=GraphStoreHandle(found[Part.GRAPH_STORE], deadline_s),
    )


def embedder_of(settings: Settings, shard: int) -> Embedder:
    """The embedders as one shard uses them."""
    found, deadline_s = embedders(settings), settings.runtime.deadline_s
    if len(found) == 1:
        return EmbedderHandle(found[0], deadline_s)
    handles = [EmbedderHandle(one, deadline_s, patient=False) for one in found]
    return EmbedderPool(handles, first=shard, deadline_s=deadline_s)


class OrchestratorActor(Shell[Memory]):
    """What jobs call: `ray.get(ray.get_actor("orchestrator-0", namespace="remora").search.remote("…", user_id="…"))`.

    Errors are built-in exceptions with args `(code, message, details)`: the `cause` of what Ray raises at the caller.
    """

    def __init__(self, address: Address, settings: Settings) -> None:
        super().__init__(address, lambda: memory_over_actors(settings, address.index))
        self._tasks = TaskSet()
        self._starting: asyncio.Task[None] | None = None
        self._desk = Desk(self._perform)
        # After a restart nobody else calls `start`: unfinished operations would lie there until the next request.
        ray.get_runtime_context().current_actor.start.remote()

    @ray.method
    async def start(self) -> None:
        """Take the shard over and catch up. Returns when that is done; calling it again does no harm."""
        async with self._boundary("start"):
            pass

    @ray.method
    async def add(self, messages: Any, **fields: Any) -> Json:
        """As `MemoryApi.add`."""
        async with self._boundary("add") as memory:
            return await memory.add(messages, **fields)

    @ray.method
    async def search(self, query: str, **fields: Any) -> Json:
        """As `MemoryApi.search`."""
        async with self._boundary("search") as memory:
            return await memory.search(query, **fields)

    @ray.method
    async def get(self, memory_id: str, **fields: Any) -> Json:
        """As `MemoryApi.get`."""
        async with self._boundary("get") as memory:
            return await memory.get(memory_id, **fields)

    @ray.method
    async def list(self, **fields: Any) -> Json:
        """As `MemoryApi.list`."""
        async with self._boundary("list") as memory:
            return await memory.list(**fields)

    @ray.method
    async def update(self, memory_id: str, **fields: Any) -> Json:
        """As `MemoryApi.update`."""
        async with self._boundary("update") as memory:
            return await memory.update(memory_id, **fields)

    @ray.method
    async def delete(self, memory_id: str, **fields: Any) -> Json:
        """As `MemoryApi.delete`."""
        async with self._boundary("delete") as memory:
            return await memory.delete(memory_id, **fields)

    @ray.method
    async def delete_all(self, **fields: Any) -> Json:
        """As `MemoryApi.delete_all`."""
        async with self._boundary("delete_all") as memory:
            return await memory.delete_all(**fields)

    @ray.method
    async def history(self, memory_id: str, **fields: Any) -> JsonList:
        """As `MemoryApi.history`."""
        async with self._boundary("history") as memory:
            return await memory.history(memory_id, **fields)

    @ray.method
    async def entities(self, **fields: Any) -> Json:
        """As `MemoryApi.entities`."""
        async with self._boundary("entities") as memory:
            return await memory.entities(**fields)

    @ray.method
    async def add_batch(self, items: Any, **fields: Any) -> JsonList:
        """As `MemoryApi.add_batch`."""
        async with self._boundary("add_batch") as memory:
            return await memory.add_batch(items, **fields)

    @ray.method
    async def search_batch(self, items: Any, **fields: Any) -> JsonList:
        """As `MemoryApi.search_batch`."""
        async with self._boundary("search_batch") as memory:
            return await memory.search_batch(items, **fields)

    @ray.method
    async def graph_entities(self, **fields: Any) -> Json:
        """As `MemoryApi.graph_entities`."""
        async with self._boundary("graph_entities") as memory:
            return await memory.graph_entities(**fields)

    @ray.method
    async def neighbours(self, entity: str, **fields: Any) -> Json:
        """As `MemoryApi.neighbours`."""
        async with self._boundary("neighbours") as memory:
            return await memory.neighbours(entity, **fields)

    @ray.method
    async def path(self, source: str, target: str, **fields: Any) -> Json:
        """As `MemoryApi.path`."""
        async with self._boundary("path") as memory:
            return await memory.path(source, target, **fields)

    @ray.method
    async def operation(self, operation_id: str, **fields: Any) -> Json:
        """As `MemoryApi.operation`."""
        async with self._boundary("operation") as memory:
            return await memory.operation(operation_id, **fields)

    @ray.method
    async def exchange(self, client: str, calls: Calls) -> Replies:
        """Many of the verbs above at once, for `actors.handles`; see `actors.exchange`."""
        return await self._desk.exchange(client, calls)

    async def _perform(self, verb: str, args: tuple[Any, ...], fields: Json) -> Any:
        if verb not in _VERBS:
            raise InvalidInput(f"there is no verb {verb}", {"verb": verb})
        memory = await self.enter(verb)
        await self._started(memory)
        try:
            return await getattr(memory, verb)(*args, **fields)
        except RemoraError:
            raise
        except Exception as error:  # a boundary: what is left is a bug, and its type may not exist at the caller
            _log.exception("%s failed", verb)
            raise RemoraError(f"{verb} failed: {type(error).__name__}: {error}") from error

    @ray.method
    async def status(self) -> Json:
        """As `MemoryApi.status`; answers while the shard is still being taken over."""
        async with self._boundary("status", started=False) as memory:
            return await memory.status()

    @ray.method
    async def close(self) -> None:
        """Finish what runs and let go of the shard."""
        async with self._boundary("close", started=False) as memory:
            await self._desk.close()
            await self._tasks.close()
            await memory.close()

    @asynccontextmanager
    async def _boundary(self, verb: str, *, started: bool = True) -> AsyncIterator[Memory]:
        """The one place where errors become what a process without Remora can unpickle."""
        try:
            memory = await self.enter(verb)
            if started:
                await self._started(memory)
            yield memory
        except RemoraError as error:
            raise error.to_builtin() from None
        except TypeError as error:
            raise InvalidInput(f"{verb}: {error}").to_builtin() from error
        except Exception as error:  # noqa: BLE001 - a boundary: what is left is a bug, and its type may not exist at the caller.
            _log.exception("%s failed", verb)
            raise RemoraError(f"{verb} failed: {type(error).__name__}: {error}").to_builtin() from None

    async def _started(self, memory: Memory) -> None:
        task = self._starting
        if task is None or (task.done() and (task.cancelled() or task.exception() is not None)):
            task = self._starting = self._tasks.start(self._take_over(memory), name="take over the shard")
        await asyncio.shield(task)

    async def _take_over(self, memory: Memory) -> None:
        """Own the shard. Who waits for it hears why it failed; it is tried again whether somebody asks or not."""
        try:
            await memory.start()
        except (Unavailable, DeadlineExceeded) as error:
            _log.warning("the shard can't be taken over yet: %s", error)
            self._tasks.start(self._take_over_again(memory), name="take over the shard again")
            raise

    async def _take_over_again(self, memory: Memory) -> None:
        await asyncio.sleep(_PAUSE_S)
        await self._started(memory)
