"""Where a memory is: what was given decides (pure), and how each kind is reached. Loads what it needs when it opens."""

from __future__ import annotations

import asyncio
import os
import sys
import threading
from collections.abc import Awaitable, Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, TypeAlias

from remora.errors import InvalidInput, RemoraError, error_of
from remora.threads import in_thread

if TYPE_CHECKING:
    from actors.owned import Lease
    from engine.api import MemoryApi

Close: TypeAlias = Callable[[], Awaitable[None]]

_HTTP_S = 60.0


@dataclass(frozen=True, slots=True)
class Link:
    """An open way to a memory system."""

    api: MemoryApi
    close: Close


class Target(Protocol):
    """Where a memory is."""

    async def open(self) -> Link:
        """Reach it."""
        ...


@dataclass(frozen=True, slots=True)
class AtUrl:
    """A server by its HTTP address. `timeout_s`: how long a call waits for its answer."""

    url: str
    api_key: str | None = field(repr=False)
    timeout_s: float

    async def open(self) -> Link:
        """Make the client; nothing is asked yet."""
        from remora.merging_api import MergingHttpApi

        api = MergingHttpApi(self.url, self.api_key, timeout_s=self.timeout_s)
        return Link(api, api.aclose)


@dataclass(frozen=True, slots=True)
class InCluster:
    """A runtime in the Ray cluster at `address`, by actor handles."""

    address: str
    flags: Mapping[str, Any]

    async def open(self) -> Link:
        """Connect this process to that Ray, unless it is connected already; that connection stays."""
        return await in_thread(self._connect, lambda _: None)

    def _connect(self) -> Link:
        from actors.handles import connect as handle_of
        from actors.runtime import connect
        from engine.config import load

        runtime = {**self.flags.get("runtime", {}), "address": self.address}
        settings = load(**{**self.flags, "runtime": runtime})
        return Link(handle_of(connect(settings).settings), _nothing)


@dataclass(frozen=True, slots=True)
class Own:
    """A runtime of this process, with these settings; it ends with the last that uses it.

    `exact`: a configuration was given, so one that somebody else has started won't do. `dimensions`: what the
    configuration says of the model's vectors.
    """

    flags: Mapping[str, Any] = field(default_factory=dict)
    exact: bool = False
    dimensions: int | None = None

    async def open(self) -> Link:
        """Start it, or find it; takes seconds. Progress goes to stderr."""
        given_up = threading.Event()
        try:
            lease, api = await in_thread(lambda: self._take(given_up), lambda taken: taken[0].give_back())
        except BaseException:
            given_up.set()
            raise

        async def close() -> None:
            await in_thread(lease.give_back, lambda _: None)

        try:
            await self._check_dimensions(api)
        except BaseException:
            await asyncio.shield(close())
            raise
        return Link(api, close)

    def _take(self, given_up: threading.Event) -> tuple[Lease, MemoryApi]:
        from actors import owned
        from actors.handles import connect as handle_of
        from engine.config import load

        settings = load(**self.flags)
        with ExitStack() as shown:
            show: Callable[[str], None] | None = None

            def tell(step: str) -> None:
                nonlocal show
                if given_up.is_set():
                    raise RemoraError("nobody waits for this start any more")
                if show is None:  # Only a start is worth showing, not finding one that runs.
                    from remora import output

                    show = shown.enter_context(output.progress("Starting Remora"))
                show(step)

            lease = owned.take(settings, tell, exact=self.exact)
        return lease, handle_of(lease.settings)

    async def _check_dimensions(self, api: MemoryApi) -> None:
        if self.dimensions is None:
            return
        found = _dimensions(await api.status())
        if found is not None and found != self.dimensions:
            raise InvalidInput(
                f"embedding_model_dims says {self.dimensions}, and the model's vectors have {found}: leave it out, "
                "Remora asks the model",
                {"field": "vector_store.config.embedding_model_dims", "dimensions": found},
            )


def target_of(
    where: object,
    *,
    config: object = None,
    api_key: str | None = None,
    address: str | None = None,
    data_dir: str | Path | None = None,
    timeout_s: float | None = None,
) -> Target:
    """What the arguments of a `Memory` mean; `where` is an HTTP address or a configuration of Mem0.

    Raises:
        InvalidInput: they contradict each other, or one of them is wrong.
    """
    if where is not None and not isinstance(where, str):
        where, config = None, _only_one(config, where)
    if timeout_s is not None and not timeout_s > 0:
        raise InvalidInput("timeout_s should be a number above 0", {"field": "timeout_s"})
    given = {"an HTTP address": where, "address": address, "a configuration": config}
    named = [name for name, value in given.items() if value is not None]
    if len(named) > 1:
        raise InvalidInput(f"{' and '.join(named)} name different memories; give one of them", {"given": named})
    if data_dir is not None and (where is not None or address is not None):
        raise InvalidInput("data_dir is for a runtime of this process; leave it out here", {"field": "data_dir"})
    if isinstance(where, str):
        return AtUrl(where, api_key or os.environ.get("REMORA_API_KEY"), _HTTP_S if timeout_s is None else timeout_s)
    if api_key is not None:
        raise InvalidInput("api_key is for an HTTP address; leave it out here", {"field": "api_key"})
    return _by_ray(config, address, data_dir, {} if timeout_s is None else {"runtime": {"deadline_s": timeout_s}})


def _by_ray(config: object, address: str | None, data_dir: str | Path | None, flags: dict[str, Any]) -> Target:
    if address is not None:
        if not address.strip():
            raise InvalidInput("address should be auto or host:port", {"field": "address"})
        return InCluster(address, flags)
    if data_dir is not None:
        flags |= {"data_dir": str(data_dir)}
    if config is None:
        return Own(flags)
    from remora.mem0_config import settings_of

    configured = settings_of(config)
    return Own({**configured.flags, **flags}, exact=True, dimensions=configured.dimensions)


def _only_one(config: object, where: object) -> object:
    if config is not None:
        raise InvalidInput("a configuration is given twice", {"field": "config"})
    return where


def _dimensions(status: Mapping[str, Any]) -> int | None:
    shards = status.get("shards") or [status]
    found = shards[0].get("embedder", {}).get("dimensions")
    return found if isinstance(found, int) else None


async def _nothing() -> None:
    """A connection to Ray stays: it is the process's."""


@contextmanager
def translated() -> Iterator[None]:
    """Inside, errors that come from handles become those of `remora.errors`: same code, message and details."""
    try:
        yield
    except Exception as error:  # the boundary: the engine's errors can't be named here; all others go on
        # Asked without loading the engine: over HTTP it isn't needed.
        theirs = getattr(sys.modules.get("engine.errors"), "RemoraError", None)
        if theirs is None or not isinstance(error, theirs):
            raise
        raise error_of(error.code, error.message, error.details) from error
