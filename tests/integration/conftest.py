"""One real runtime for all integration tests: Ray, actors, HTTP, on its own ports and data directory."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from actors import runtime as runtimes
from actors.calls import Remote
from actors.handles import OrchestratorHandle
from actors.handles import connect as connect_handle
from actors.options import FAULTS_VARIABLE, Address, Part
from actors.runtime import Runtime
from actors.shell import Shell
from engine.config import Settings, load


def small_settings(data_dir: Path, **more: Any) -> Settings:
    """Settings of a runtime that starts fast: no models, a free port."""
    small: dict[str, Any] = {"embed": {"model": "hashing"}, "extract": {"entities": "none"}}
    return load(**(small | {"data_dir": data_dir, "host": "127.0.0.1", "port": 0} | more))


@pytest.fixture(scope="session")
def make_settings() -> Callable[..., Settings]:
    """Settings for a runtime of a test's own: `make_settings(data_dir, port=…)`."""
    return small_settings


@pytest.fixture(scope="session")
def runtime(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Runtime]:
    """A running runtime with fault points switched on, and this process connected to its Ray."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(FAULTS_VARIABLE, "1")
        settings = small_settings(tmp_path_factory.mktemp("remora"))
        running = runtimes.start(settings)
    try:
        runtimes.connect(settings)
        yield running
    finally:
        import ray

        ray.shutdown()
        running.stop()


@pytest.fixture
def api(runtime: Runtime) -> OrchestratorHandle:
    """The users' verbs of the runtime."""
    return connect_handle(runtime.settings)


@pytest.fixture
def fault(runtime: Runtime) -> Callable[..., AbstractAsyncContextManager[None]]:
    """`async with fault(Part.LEDGER, "write", delay_s=0.3)`: what a verb of an actor meets until the block ends."""

    @asynccontextmanager
    async def armed(part: Part, verb: str, **what: Any) -> AsyncIterator[None]:
        shell: Remote[Shell[Any]] = Remote(Address(part, runtime.settings.runtime.namespace), 15.0)
        await shell.ask(lambda actor: actor.inject.remote(verb, **what))
        try:
            yield
        finally:
            await shell.ask(lambda actor: actor.disarm.remote())

    return armed


@pytest.fixture
def http_url(runtime: Runtime) -> str:
    """Where the runtime answers HTTP."""
    assert runtime.url is not None
    return runtime.url
