"""The orchestrator's actor shell: plain dicts in and out, built-in errors. The verbs live in the engine."""

from __future__ import annotations

import asyncio
import concurrent.futures
import logging
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import AbstractContextManager, asynccontextmanager, contextmanager
from typing import Any

import ray

from actors.desk import Desk
from actors.exchange import Calls, Replies
from actors.line import most_calls, patience
from actors.options import DIRECT_CALLS, PEERS, Address
from actors.shard_handle import OwnShard
from actors.shell import Shell
from actors.status import RuntimeStatus
from actors.verbs import CHANGING_VERBS, MEMORY_VERBS, SHARD_PREFIX, SHARD_VERBS
from actors.wiring import every_shard, memory_over_actors
from engine.api import MemoryApi
from engine.concurrency import TaskSet
from engine.config import Settings
from engine.errors import DeadlineExceeded, InvalidInput, RemoraError, Unavailable
from engine.memory import Memory
from engine.sharding import Sharded
from engine.shares import Shares
from engine.types import Json, JsonList

_log = logging.getLogger(__name__)

_PAUSE_S = 1.0


class OrchestratorActor(Shell[Memory]):
    """What jobs call: `ray.get(ray.get_actor("orchestrator-0", namespace="remora").search.remote("…", user_id="…"))`.

    Each owns one shard and answers for all: it sends on to the others what is theirs.
    Errors are built-in exceptions with args `(code, message, details)`: the `cause` of what Ray raises at the caller.
    """

    def __init__(self, address: Address, settings: Settings) -> None:
        super().__init__(address, settings, lambda: memory_over_actors(settings, address.index))
        self._tasks = TaskSet()
        self._starting: asyncio.Task[None] | None = None
        self._places = Shares("calls", most_calls(settings), settings.limits.pending_bytes, time.monotonic)
        self._direct = Shares("direct calls", DIRECT_CALLS, settings.limits.pending_bytes, time.monotonic)
        self._desk = Desk(self._perform, self._place)
        self._deadline_s = settings.runtime.deadline_s
        self._shards = every_shard(settings, address.index, OwnShard(self._own))
        self._over_all = Sharded(address.index, self._shards, settings) if settings.shards > 1 else None
        self._loop: concurrent.futures.Future[asyncio.AbstractEventLoop] = concurrent.futures.Future()
        self._status = RuntimeStatus(settings)
        # After a restart nobody else calls `start`: unfinished operations would lie there until the next request.
        ray.get_runtime_context().current_actor.start.remote()

    @ray.method
    async def start(self) -> None:
        """Take the shard over and catch up. Returns when that is done; calling it again does no harm."""
        if not self._loop.done():
            self._loop.set_result(asyncio.get_running_loop())
        async with self._entered("start") as memory:
            await self._started(memory)

    @ray.method
    async def add(self, messages: Any, **fields: Any) -> Json:
        """As `MemoryApi.add`."""
        async with self._answering("add") as api:
            return await api.add(messages, **fields)

    @ray.method
    async def search(self, query: str, **fields: Any) -> Json:
        """As `MemoryApi.search`."""
        async with self._answering("search") as api:
            return await api.search(query, **fields)

    @ray.method
    async def context(self, query: str, **fields: Any) -> Json:
        """As `MemoryApi.context`."""
        async with self._answering("context") as api:
            return await api.context(query, **fields)

    @ray.method
    async def get(self, memory_id: str, **fields: Any) -> Json:
        """As `MemoryApi.get`."""
        async with self._answering("get") as api:
            return await api.get(memory_id, **fields)

    @ray.method
    async def list(self, **fields: Any) -> Json:
        """As `MemoryApi.list`."""
        async with self._answering("list") as api:
            return await api.list(**fields)

    @ray.method
    async def update(self, memory_id: str, **fields: Any) -> Json:
        """As `MemoryApi.update`."""
        async with self._answering("update") as api:
            return await api.update(memory_id, **fields)

    @ray.method
    async def delete(self, memory_id: str, **fields: Any) -> Json:
        """As `MemoryApi.delete`."""
        async with self._answering("delete") as api:
            return await api.delete(memory_id, **fields)

    @ray.method
    async def delete_all(self, **fields: Any) -> Json:
        """As `MemoryApi.delete_all`."""
        async with self._answering("delete_all") as api:
            return await api.delete_all(**fields)

    @ray.method
    async def history(self, memory_id: str, **fields: Any) -> JsonList:
        """As `MemoryApi.history`."""
        async with self._answering("history") as api:
            return await api.history(memory_id, **fields)

    @ray.method
    async def entities(self, **fields: Any) -> Json:
        """As `MemoryApi.entities`."""
        async with self._answering("entities") as api:
            return await api.entities(**fields)

    @ray.method
    async def add_batch(self, items: Any, **fields: Any) -> JsonList:
        """As `MemoryApi.add_batch`."""
        async with self._answering("add_batch") as api:
            return await api.add_batch(items, **fields)

    @ray.method
    async def search_batch(self, items: Any, **fields: Any) -> JsonList:
        """As `MemoryApi.search_batch`."""
        async with self._answering("search_batch") as api:
            return await api.search_batch(items, **fields)

    @ray.method
    async def graph_entities(self, **fields: Any) -> Json:
        """As `MemoryApi.graph_entities`."""
        async with self._answering("graph_entities") as api:
            return await api.graph_entities(**fields)

    @ray.method
    async def neighbours(self, entity: str, **fields: Any) -> Json:
        """As `MemoryApi.neighbours`."""
        async with self._answering("neighbours") as api:
            return await api.neighbours(entity, **fields)

    @ray.method
    async def path(self, source: str, target: str, **fields: Any) -> Json:
        """As `MemoryApi.path`."""
        async with self._answering("path") as api:
            return await api.path(source, target, **fields)

    @ray.method
    async def merge_entities(self, name: str, into: str, **fields: Any) -> Json:
        """As `MemoryApi.merge_entities`."""
        async with self._answering("merge_entities") as api:
            return await api.merge_entities(name, into, **fields)

    @ray.method
    async def split_entity(self, name: str, **fields: Any) -> Json:
        """As `MemoryApi.split_entity`."""
        async with self._answering("split_entity") as api:
            return await api.split_entity(name, **fields)

    @ray.method
    async def communities(self, **fields: Any) -> Json:
        """As `MemoryApi.communities`."""
        async with self._answering("communities") as api:
            return await api.communities(**fields)

    @ray.method
    async def embed(self, texts: Any, **fields: Any) -> Json:
        """As `MemoryApi.embed`."""
        async with self._answering("embed") as api:
            return await api.embed(texts, **fields)

    @ray.method
    async def preview(self, messages: Any, **fields: Any) -> Json:
        """As `MemoryApi.preview`."""
        async with self._answering("preview") as api:
            return await api.preview(messages, **fields)

    @ray.method
    async def inference(self, **fields: Any) -> Json:
        """As `MemoryApi.inference`."""
        async with self._answering("inference") as api:
            return await api.inference(**fields)

    @ray.method
    async def rate(self, memory_id: str, feedback: Any, reason: Any = None, **fields: Any) -> Json:
        """As `MemoryApi.rate`."""
        async with self._answering("rate") as api:
            return await api.rate(memory_id, feedback, reason, **fields)

    @ray.method
    async def make_export(self, schema: Any, **fields: Any) -> Json:
        """As `MemoryApi.make_export`."""
        async with self._answering("make_export") as api:
            return await api.make_export(schema, **fields)

    @ray.method
    async def export(self, export_id: Any = None, **fields: Any) -> Json:
        """As `MemoryApi.export`."""
        async with self._answering("export") as api:
            return await api.export(export_id, **fields)

    @ray.method
    async def feedback(self, **fields: Any) -> Json:
        """As `MemoryApi.feedback`."""
        async with self._answering("feedback") as api:
            return await api.feedback(**fields)

    @ray.method
    async def set_inference(self, inference: Any, **fields: Any) -> Json:
        """As `MemoryApi.set_inference`."""
        async with self._answering("set_inference") as api:
            return await api.set_inference(inference, **fields)

    @ray.method
    async def ranking(self, **fields: Any) -> Json:
        """As `MemoryApi.ranking`."""
        async with self._answering("ranking") as api:
            return await api.ranking(**fields)

    @ray.method
    async def set_ranking(self, weights: Any, **fields: Any) -> Json:
        """As `MemoryApi.set_ranking`."""
        async with self._answering("set_ranking") as api:
            return await api.set_ranking(weights, **fields)

    @ray.method
    async def operation(self, operation_id: str, **fields: Any) -> Json:
        """As `MemoryApi.operation`."""
        async with self._answering("operation") as api:
            return await api.operation(operation_id, **fields)

    @ray.method
    async def operations(self, **fields: Any) -> Json:
        """As `MemoryApi.operations`."""
        async with self._answering("operations") as api:
            return await api.operations(**fields)

    @ray.method
    async def retry(self, operation_id: str, **fields: Any) -> Json:
        """As `MemoryApi.retry`."""
        async with self._answering("retry") as api:
            return await api.retry(operation_id, **fields)

    @ray.method
    async def purge(self, **fields: Any) -> Json:
        """As `MemoryApi.purge`."""
        async with self._answering("purge") as api:
            return await api.purge(**fields)

    @ray.method
    async def reinfer(self, **fields: Any) -> Json:
        """As `MemoryApi.reinfer`."""
        async with self._answering("reinfer") as api:
            return await api.reinfer(**fields)

    @ray.method
    async def verify(self, **fields: Any) -> Json:
        """As `MemoryApi.verify`."""
        async with self._answering("verify") as api:
            return await api.verify(**fields)

    @ray.method
    async def rebuild(self, index: str, **fields: Any) -> Json:
        """As `MemoryApi.rebuild`."""
        async with self._answering("rebuild") as api:
            return await api.rebuild(index, **fields)

    @ray.method
    async def exchange(self, client: str, calls: Calls) -> Replies:
        """Many of the verbs above at once, for `actors.handles`; see `actors.exchange`."""
        return await self._desk.exchange(client, calls)

    @ray.method(concurrency_group=PEERS)
    async def peer_exchange(self, client: str, calls: Calls) -> Replies:
        """The same for other orchestrators, with places of its own.

        Two orchestrators full of callers who want the other's shard would else wait for each other.
        """
        loop = await asyncio.shield(asyncio.wrap_future(self._loop))
        return await asyncio.wrap_future(asyncio.run_coroutine_threadsafe(self._desk.exchange(client, calls), loop))

    def _place(self, verb: str, size_bytes: int) -> AbstractContextManager[None]:
        changing = verb.removeprefix(SHARD_PREFIX) in CHANGING_VERBS
        return self._places.admit(changing=changing, size_bytes=size_bytes)

    async def _perform(self, verb: str, args: tuple[Any, ...], fields: Json) -> Any:
        local = verb.removeprefix(SHARD_PREFIX)
        if local not in (MEMORY_VERBS if local == verb else SHARD_VERBS):
            raise InvalidInput(f"there is no verb {verb}", {"verb": verb})
        try:
            if local != verb:
                return await self._own(local, args, fields)
            return await getattr(await self._api(verb), verb)(*args, **fields)
        except RemoraError:
            raise
        except Exception as error:  # a boundary: what is left is a bug, and its type may not exist at the caller
            _log.exception("%s failed", verb)
            raise RemoraError(f"{verb} failed: {type(error).__name__}: {error}") from error

    async def _own(self, verb: str, args: tuple[Any, ...], fields: Json) -> Any:
        """A verb of our own shard, once we have taken it over."""
        memory = await self.enter(f"{SHARD_PREFIX}{verb}")
        if verb != "status":
            await self._started_within(memory, patience(fields, self._deadline_s, 0.0))
        return await getattr(memory, verb)(*args, **fields)

    async def _api(self, verb: str) -> MemoryApi:
        """What answers a user's verb: with one shard it itself, with more what asks them all.

        The others' answers don't wait for our own shard.
        """
        memory = await self.enter(verb)
        if self._over_all is not None:
            return self._over_all
        await self._started(memory)
        return memory

    @ray.method
    async def status(self) -> Json:
        """As `MemoryApi.status`, of all shards and actors; answers while shards are still being taken over."""
        async with self._entered("status"):
            return await self._status.whole()

    @ray.method
    async def shard_status(self) -> Json:
        """This shard's entry in the status."""
        async with self._entered("shard_status") as memory:
            return await memory.status()

    def _more(self) -> Json:
        return {
            "exchange": self._desk.figures(),
            "places": self._places.figures(),
            "direct_places": self._direct.figures(),
        }

    @ray.method
    async def close(self) -> None:
        """Finish what runs and let go of the shard."""
        async with self._entered("close") as memory:
            await self._desk.close()
            if self._over_all is not None:
                await self._over_all.close()
            await self._tasks.close()
            await memory.close()

    @asynccontextmanager
    async def _answering(self, verb: str) -> AsyncIterator[MemoryApi]:
        with _boundary(verb), self._direct.admit(changing=verb in CHANGING_VERBS, size_bytes=0):
            yield await self._api(verb)

    @asynccontextmanager
    async def _entered(self, verb: str) -> AsyncIterator[Memory]:
        with _boundary(verb):
            yield await self.enter(verb)

    async def _started_within(self, memory: Memory, deadline_s: float) -> None:
        try:
            async with asyncio.timeout(deadline_s):
                await self._started(memory)
        except TimeoutError as error:
            raise Unavailable(f"{self._address.name} has not taken over its shard yet") from error

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


@contextmanager
def _boundary(verb: str) -> Iterator[None]:
    """The one place where errors become what a process without Remora can unpickle."""
    try:
        yield
    except RemoraError as error:
        raise error.to_builtin() from None
    except TypeError as error:
        raise InvalidInput(f"{verb}: {error}").to_builtin() from error
    except Exception as error:  # noqa: BLE001 - a boundary: what is left is a bug, and its type may not exist at the caller.
        _log.exception("%s failed", verb)
        raise RemoraError(f"{verb} failed: {type(error).__name__}: {error}").to_builtin() from None
