"""mem0 as a system that is asked for memories."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from bench import mem0_environment
from bench.judged_sets import Group
from bench.mem0_process import Mem0Process

Store = Literal["milvus", "qdrant"]
STORES: tuple[Store, ...] = ("milvus", "qdrant")
_NAMES: dict[Store, str] = {"milvus": "Mem0 2.2.1, Milvus Lite", "qdrant": "Mem0 2.2.1, local Qdrant"}
_ENVIRONMENTS: dict[Store, str] = {"milvus": "bench-mem0-milvus", "qdrant": "bench-mem0"}
_LOAD_LIMIT_S = 600.0
_RANK_LIMIT_S = 60.0


class Mem0Retrieval:
    """mem0 as it comes, with the same encoder, `infer=False`. Who spoke stands in front of each text."""

    def __init__(self, store: Store, path: Path, model: Path, dimensions: int) -> None:
        """`path`: where it keeps what it stores. `model`: the encoder's directory."""
        self.name = _NAMES[store]
        self._store = store
        self._path = path
        self._order = {"model": str(model), "dimensions": dimensions, "store": store}
        self._process: Mem0Process | None = None
        self._user = ""
        self.versions: dict[str, str] = {}

    async def start(self) -> None:
        """Start its process; its environment is made if there is none, which takes minutes.

        Raises:
            RuntimeError: it can't be made, or mem0 doesn't start.
        """
        more = mem0_environment.MILVUS if self._store == "milvus" else ()
        python = mem0_environment.ensure(mem0_environment.default_directory(_ENVIRONMENTS[self._store]), more)
        self._process = Mem0Process(python, "bench.mem0_retrieval_worker", self._path)
        self.versions = await self._process.start(self._order)

    async def load(self, group: Group) -> None:
        self._user = group.name
        for session in group.sessions():
            messages = [{"id": unit.id, "role": unit.role, "content": unit.said()} for unit in session]
            await self._running().ask({"do": "load", "user": self._user, "messages": messages}, _LOAD_LIMIT_S)

    async def rank(self, question: str, k: int) -> list[str]:
        order = {"do": "rank", "user": self._user, "question": question, "k": k}
        return list(await self._running().ask(order, _RANK_LIMIT_S))

    async def close(self) -> None:
        """End its process."""
        if self._process is not None:
            await self._process.stop()

    def _running(self) -> Mem0Process:
        if self._process is None:
            raise RuntimeError("mem0 has not been started")
        return self._process
