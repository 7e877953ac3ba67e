"""`Memory`: `AsyncMemory` for code that blocks. No twin: every verb is the other's, run on a background event loop."""

from __future__ import annotations

import functools
import weakref
from collections.abc import Callable, Coroutine, Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, Concatenate, ParamSpec, Self, TypeVar

from remora.connection import restored
from remora.memory import AsyncMemory
from remora.targets import Target
from remora.threads import LoopThread

P = ParamSpec("P")
T = TypeVar("T")


def _blocking(
    verb: Callable[Concatenate[AsyncMemory, P], Coroutine[Any, Any, T]],
) -> Callable[Concatenate[Memory, P], T]:
    """The verb as a blocking method, with the same arguments and the same description."""

    @functools.wraps(verb)
    def call(self: Memory, /, *args: P.args, **kwargs: P.kwargs) -> T:
        return self._loop.run(lambda: verb(self._memory, *args, **kwargs))

    call.__qualname__ = f"Memory.{verb.__name__}"
    return call


class Memory:
    """A long-term memory for agents: tell it what was said, find it again when it matters.

    Example:
        with Memory() as memory:
            memory.add("I moved to Lisbon in May.", user_id="ana")
            print(memory.search("Where does Ana live?", user_id="ana")["results"][0]["memory"])

    The same as `AsyncMemory`, with the same arguments, for code that blocks. It may be used from many threads, whose
    calls are merged. It works inside a running event loop too, but blocks it: use `AsyncMemory` there. After a fork,
    make a new one. Made with `url` or `address` it can be pickled, as Ray Data does; the API key travels along.

    Args:
        url: where Remora answers, as http://127.0.0.1:8000. Or Mem0's configuration, as `config`.
        config: Mem0's configuration, for a runtime of this process. What Remora can't honour is refused.
        api_key: for `url`; without it REMORA_API_KEY counts.
        address: the Ray cluster that Remora runs in, "auto" or host:port; the actors are called without HTTP.
        data_dir: where a runtime of this process keeps its memories; the settings' one if it isn't given.
        timeout_s: how long a call waits for its answer, at most.

    Without `url` and `address` a runtime is started for this process (takes seconds, progress goes to stderr) and
    stopped with it; if one runs on the data directory already, it is used and left running.
    """

    def __init__(
        self,
        url: str | Mapping[str, Any] | Any | None = None,
        *,
        config: Mapping[str, Any] | Any | None = None,
        api_key: str | None = None,
        address: str | None = None,
        data_dir: str | Path | None = None,
        timeout_s: float | None = None,
    ) -> None:
        self._begin(
            AsyncMemory(url, config=config, api_key=api_key, address=address, data_dir=data_dir, timeout_s=timeout_s)
        )

    def _begin(self, memory: AsyncMemory) -> None:
        self._memory = memory
        self._loop = LoopThread()
        self._finalizer = weakref.finalize(self, self._loop.abandon, memory.close)
        # At the end of the process `actors.owned` stops what was started; the threads are daemons.
        self._finalizer.atexit = False
        try:
            self._loop.run(memory.open)
        except BaseException:
            self.close()
            raise

    @classmethod
    def from_config(cls, config_dict: Mapping[str, Any] | Any) -> Self:
        """With a configuration of Mem0, as `Memory.from_config` there."""
        return cls(config=config_dict)

    def close(self) -> None:
        """Close it, and stop a runtime that was started for it when nobody else in this process uses it.

        What has been acknowledged is kept. Closing twice does nothing.
        """
        if self._finalizer.detach() is None or not self._loop.usable:
            return
        try:
            self._loop.run(self._memory.close)
        finally:
            self._loop.stop()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def __reduce__(self) -> tuple[Any, ...]:
        return _restored, (type(self), self._memory.portable())

    add = _blocking(AsyncMemory.add)
    search = _blocking(AsyncMemory.search)
    get = _blocking(AsyncMemory.get)
    get_all = _blocking(AsyncMemory.get_all)
    update = _blocking(AsyncMemory.update)
    delete = _blocking(AsyncMemory.delete)
    delete_all = _blocking(AsyncMemory.delete_all)
    history = _blocking(AsyncMemory.history)
    reset = _blocking(AsyncMemory.reset)
    chat = _blocking(AsyncMemory.chat)
    context = _blocking(AsyncMemory.context)
    list = _blocking(AsyncMemory.list)
    entities = _blocking(AsyncMemory.entities)
    operation = _blocking(AsyncMemory.operation)
    operations = _blocking(AsyncMemory.operations)
    retry = _blocking(AsyncMemory.retry)
    purge = _blocking(AsyncMemory.purge)
    reinfer = _blocking(AsyncMemory.reinfer)
    verify = _blocking(AsyncMemory.verify)
    rebuild = _blocking(AsyncMemory.rebuild)
    add_batch = _blocking(AsyncMemory.add_batch)
    search_batch = _blocking(AsyncMemory.search_batch)
    graph_entities = _blocking(AsyncMemory.graph_entities)
    neighbours = _blocking(AsyncMemory.neighbours)
    path = _blocking(AsyncMemory.path)
    communities = _blocking(AsyncMemory.communities)
    merge_entities = _blocking(AsyncMemory.merge_entities)
    split_entity = _blocking(AsyncMemory.split_entity)
    embed = _blocking(AsyncMemory.embed)
    ranking = _blocking(AsyncMemory.ranking)
    set_ranking = _blocking(AsyncMemory.set_ranking)
    preview = _blocking(AsyncMemory.preview)
    inference = _blocking(AsyncMemory.inference)
    set_inference = _blocking(AsyncMemory.set_inference)
    rate = _blocking(AsyncMemory.rate)
    feedback = _blocking(AsyncMemory.feedback)
    status = _blocking(AsyncMemory.status)


def _restored(kind: type[Memory], target: Target) -> Memory:
    memory = kind.__new__(kind)
    memory._begin(restored(AsyncMemory, target))
    return memory
