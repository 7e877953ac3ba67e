"""An open way to a memory system: opened when first needed, closed once, used on one event loop."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Generator, Mapping
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self, TypeAlias, TypeVar

from remora.errors import InvalidInput
from remora.targets import AtUrl, InCluster, Link, Target, target_of, translated
from remora.under_way import UnderWay

if TYPE_CHECKING:
    from engine.api import MemoryApi

Json: TypeAlias = dict[str, Any]
JsonList: TypeAlias = list[Json]
T = TypeVar("T")
ConnectionT = TypeVar("ConnectionT", bound="Connection")


class Connection:
    """What `AsyncMemory` stands on; see there for the arguments."""

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
        self._target = target_of(
            url, config=config, api_key=api_key, address=address, data_dir=data_dir, timeout_s=timeout_s
        )
        self._link: Link | None = None
        self._closed = False
        self._loop: asyncio.AbstractEventLoop | None = None
        self._lock = asyncio.Lock()
        self._under_way = UnderWay("the memory was closed while this call was under way")

    @classmethod
    def from_config(cls, config_dict: Mapping[str, Any] | Any) -> Self:
        """With a configuration of Mem0, as `Memory.from_config` there."""
        return cls(config=config_dict)

    async def open(self) -> Self:
        """Connect, or start the runtime, now and not with the first call."""
        await self._api()
        return self

    async def close(self) -> None:
        """Close it, and stop a runtime that was started for it when nobody else in this process uses it.

        What has been acknowledged is kept. Closing twice does nothing.
        """
        if self._closed:
            return
        self._on_one_loop()
        async with self._lock:
            link, self._link, self._closed = self._link, None, True
            if link is not None:
                try:
                    with translated():
                        await link.close()
                finally:
                    self._under_way.end()  # Nobody is there any more to answer what is left.

    async def __aenter__(self) -> Self:
        return await self.open()

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    def __await__(self) -> Generator[Any, None, Self]:
        return self.open().__await__()

    def __reduce__(self) -> tuple[Any, ...]:
        return restored, (type(self), self.portable())

    def portable(self) -> Target:
        """Where it is, for another process.

        Raises:
            TypeError: it is a runtime of this process.
        """
        if isinstance(self._target, AtUrl | InCluster):
            return self._target
        raise TypeError(
            "a memory of this process can't be sent to another: make it with an HTTP address or address= "
            "(`remora up` starts a runtime for several processes)"
        )

    async def _ask(self, call: Callable[[MemoryApi], Coroutine[Any, Any, T]]) -> T:
        """What the memory system answers; its errors are those of `remora.errors`."""
        api = await self._api()
        async with self._under_way.call():
            with translated():
                return await call(api)

    async def _api(self) -> MemoryApi:
        self._on_one_loop()
        if self._closed:
            raise InvalidInput("this memory has been closed; make a new one")
        if self._link is None:
            async with self._lock:
                await self._open()
        if self._link is None:
            raise InvalidInput("this memory has been closed; make a new one")
        return self._link.api

    async def _open(self) -> None:
        if self._link is None and not self._closed:
            with translated():
                self._link = await self._target.open()

    def _on_one_loop(self) -> None:
        loop = asyncio.get_running_loop()
        if self._loop is None:
            self._loop = loop
        elif self._loop is not loop:
            raise InvalidInput("this AsyncMemory is used on another event loop; make one for each loop")


def restored(kind: type[ConnectionT], target: Target) -> ConnectionT:
    """A connection to the same memory, not opened yet."""
    connection = kind.__new__(kind)
    Connection.__init__(connection)
    connection._target = target
    return connection
