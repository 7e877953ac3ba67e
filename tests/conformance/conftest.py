"""What the conformance suites share: a Milvus, and vector stores of every kind."""

from __future__ import annotations

import socket
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path

import pytest
import pytest_asyncio

from engine.ports import VectorStore
from tests.conformance.vector_cases import KINDS, Ledger, opener


@pytest.fixture(scope="session")
def served_lite(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A Milvus Lite file behind a network address: what a server's URI leads to."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = Path(sys.executable).with_name("milvus-lite")
    folder = tmp_path_factory.mktemp("served")
    with subprocess.Popen(
        [command, "server", "--data-dir", str(folder / "served.db"), "--port", str(port)],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    ) as process:
        _wait_until_open(port)
        yield f"http://127.0.0.1:{port}"
        process.terminate()


def _wait_until_open(port: int) -> None:
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
    raise TimeoutError("the Milvus Lite server didn't come up")


@pytest.fixture(params=KINDS)
def opened(request: pytest.FixtureRequest, tmp_path: Path) -> Callable[..., VectorStore]:
    """Opens the vector store of this test; again: the same one."""
    return opener(request, tmp_path)


@pytest_asyncio.fixture
async def store(opened: Callable[..., VectorStore]) -> AsyncIterator[VectorStore]:
    """The vector store of this test; the suites of other ports have their own."""
    made = opened()
    yield made
    await made.close()


@pytest.fixture
def ledger() -> Ledger:
    """What feeds the vector store of this test."""
    return Ledger()
