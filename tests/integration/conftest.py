"""Real runtimes for all integration tests: Ray, actors, HTTP, each on its own ports and data directory."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager, contextmanager
from pathlib import Path
from typing import Any

import pytest
import ray

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


@contextmanager
def started(settings: Settings, progress: Callable[[str], None] = lambda _: None) -> Iterator[Runtime]:
    """A runtime with fault points switched on, until the block ends. `progress` hears the steps of its start."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(FAULTS_VARIABLE, "1")
        running = runtimes.start(settings, progress=progress)
    try:
        yield running
    finally:
        if ray.is_initialized():
            ray.shutdown()
        running.stop()


def joined(running: Runtime) -> Runtime:
    """This process in the Ray of that runtime, whichever it was in before: it can be in one at a time."""
    if ray.is_initialized() and not same_ray(running.address, ray.get_runtime_context().gcs_address):
        ray.shutdown()
    runtimes.connect(running.settings)
    return running


def same_ray(one: str, other: str) -> bool:
    return one.rpartition(":")[2] == other.rpartition(":")[2]


@pytest.fixture(scope="session")
def one_shard(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Runtime]:
    with started(small_settings(tmp_path_factory.mktemp("remora"))) as running:
        yield running


@pytest.fixture(scope="session")
def four_shards(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Runtime]:
    with started(small_settings(tmp_path_factory.mktemp("sharded"), shards=4, embedders=2)) as running:
        yield running


@pytest.fixture
def runtime(one_shard: Runtime) -> Runtime:
    """A running runtime with one shard, the same for all tests, and this process connected to its Ray."""
    return joined(one_shard)


@pytest.fixture
def sharded(four_shards: Runtime) -> Runtime:
    """The same with four shards and two embedders."""
    return joined(four_shards)


@pytest.fixture
def api(runtime: Runtime) -> OrchestratorHandle:
    """The users' verbs of the runtime."""
    return connect_handle(runtime.settings)


@pytest.fixture
def sharded_api(sharded: Runtime) -> OrchestratorHandle:
    """The users' verbs of the one with four shards."""
    return connect_handle(sharded.settings)


@pytest.fixture
def fault(runtime: Runtime) -> Callable[..., AbstractAsyncContextManager[None]]:
    """`async with fault(Part.LEDGER, "write", delay_s=0.3)`: what a verb of an actor meets until the block ends."""
    return faults_of(runtime)


@pytest.fixture
def sharded_fault(sharded: Runtime) -> Callable[..., AbstractAsyncContextManager[None]]:
    """The same in the one with four shards; `index`: of the shard or of the embedder."""
    return faults_of(sharded)


def faults_of(running: Runtime) -> Callable[..., AbstractAsyncContextManager[None]]:
    @asynccontextmanager
    async def armed(part: Part, verb: str, index: int = 0, **what: Any) -> AsyncIterator[None]:
        shell: Remote[Shell[Any]] = Remote(Address(part, running.settings.runtime.namespace, index), 15.0)
        await shell.ask(lambda actor: actor.inject.remote(verb, **what))
        try:
            yield
        finally:
            await shell.ask(lambda actor: actor.disarm.remote(None))

    return armed


@pytest.fixture
def http_url(runtime: Runtime) -> str:
    """Where the runtime answers HTTP."""
    assert runtime.url is not None
    return runtime.url
