"""A memory system whose parts die one by one, in this process: each part is a port that loses what it had in memory,
answers nothing while it is away, and comes back from a copy of its files as they were when it died."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from engine import graph, vector
from engine.config import GraphSettings, Settings, VectorSettings
from engine.embed.hashing import HashingEmbedder
from engine.embed.tokenizer import TokenCounter
from engine.errors import Unavailable
from engine.extract.extractor import VerbatimExtractor
from engine.faults import FaultPoints
from engine.ledger.store import SqlLedger
from engine.memory import Memory
from engine.ports import EmbedderInfo, Encoded
from engine.types import Entity, Json
from engine.vector.memory import InMemoryVectorStore

LEDGER = "ledger.db"
DIMENSIONS = 16
MAX_TOKENS = 256
LEAVES = ("ledger", "vector store", "graph store", "embedder", "extractor")
ACTORS = (*LEAVES, "orchestrator")


class Over(BaseException):
    """The process is gone: nothing that it would have done happens."""


class HeldEmbedder(HashingEmbedder):
    """Computes while `open` is set."""

    def __init__(self, open_: asyncio.Event) -> None:
        super().__init__(DIMENSIONS)
        self._open = open_

    async def encode(self, *args: Any, **kwargs: Any) -> Encoded:
        await self._open.wait()
        return await super().encode(*args, **kwargs)


class EveryWord:
    """Names every word of a text."""

    async def entities(self, texts: Sequence[str], *_: Any) -> list[tuple[Entity, ...]]:
        return [tuple(Entity(word) for word in text.split()) for text in texts]

    def counters(self) -> dict[str, int]:
        return {}

    def queues(self) -> Json:
        return {}

    async def close(self) -> None:
        pass


class Mortal:
    """A part in a process of its own. `build` makes its port over the files in a directory.

    `missed` is set when somebody has called it in vain.
    """

    def __init__(self, name: str, directory: Path, build: Callable[[Path], Any]) -> None:
        self._name = name
        self._directory = directory
        self._build = build
        self._life = 0
        self._old: list[Any] = []
        self.dead = False
        self.missed = asyncio.Event()
        self._place.mkdir(parents=True, exist_ok=True)
        self.port = build(self._place)

    @property
    def _place(self) -> Path:
        return self._directory / str(self._life)

    def files(self) -> list[Path]:
        """Those of this life."""
        return [path for path in self._place.rglob("*") if path.is_file()]

    def die(self) -> None:
        """All that is left are the files as they are now."""
        before = self._place
        self._life += 1
        self.dead = True
        _copy(before, self._place)
        self._old.append(self.port)

    async def revive(self) -> None:
        """A new life over those files."""
        if self.dead:
            self.port = await asyncio.to_thread(self._build, self._place)
            self.dead = False

    async def close(self) -> None:
        """Let go of everything that this process holds of its lives."""
        for port in (*self._old, self.port):
            if hasattr(port, "close"):
                await port.close()

    async def call(self, method: str, *args: Any, **kwargs: Any) -> Any:
        """As the caller's handle does it: what meets the dead part, or loses its answer, is Unavailable."""
        life = self._life
        if self.dead:
            self.missed.set()
            raise Unavailable(f"the {self._name} is down")
        answer = await getattr(self.port, method)(*args, **kwargs)
        if life != self._life:
            self.missed.set()
            raise Unavailable(f"the {self._name} died before it answered")
        return answer


def _copy(directory: Path, to: Path) -> None:
    """What a crash leaves: files without locks. A thread of the dead part may still rename one: then once more."""
    while True:
        try:
            shutil.copytree(directory, to, ignore=shutil.ignore_patterns("*-shm", "*.lock", "LOCK"))
        except shutil.Error:
            shutil.rmtree(to)
        else:
            return


class Life(FaultPoints):
    """One life of the orchestrator. At one point of its first write something happens; once it is over, all fails."""

    def __init__(self) -> None:
        super().__init__(enabled=True)
        self._point: str | None = None
        self._happens: Callable[[], None] = lambda: None
        self.met = asyncio.Event()
        self.over = asyncio.Event()

    def at(self, point: str, happens: Callable[[], None]) -> None:
        """Let something happen once, when the point is reached for the first time from now on."""
        self._point, self._happens = point, happens

    def is_armed(self, point: str) -> bool:
        return point == self._point

    async def reach(self, point: str) -> None:
        self.check()
        if point == self._point:
            self._point = None
            self._happens()
            self.met.set()
            self.check()

    def check(self) -> None:
        """Go no further when this life is over."""
        if self.over.is_set():
            raise Over


class Handle:
    """A part as one life of the orchestrator calls it."""

    def __init__(self, part: Mortal, life: Life) -> None:
        self._part = part
        self._life = life

    def __getattr__(self, method: str) -> Any:
        async def call(*args: Any, **kwargs: Any) -> Any:
            self._life.check()
            answer = await self._part.call(method, *args, **kwargs)
            self._life.check()
            return answer

        return call


class World:
    """All parts of one shard, and one orchestrator after the other."""

    def __init__(self, fresh: Path, directory: Path, *, lite: bool) -> None:
        """`fresh`: where a new ledger lies, to copy."""
        self.models_open = asyncio.Event()
        self.models_open.set()
        self._settings = Settings(graph=GraphSettings(snapshot_changes=2), vector=VectorSettings(flush_rows=3))
        builders: dict[str, Callable[[Path], Any]] = {
            "ledger": lambda at: SqlLedger(f"sqlite:///{at / LEDGER}", readers=1),
            "vector store": self._lite if lite else lambda _: InMemoryVectorStore(DIMENSIONS),
            "graph store": lambda at: graph.build(self._in(at), 0),
            "embedder": lambda _: HeldEmbedder(self.models_open),
            "extractor": lambda _: VerbatimExtractor(EveryWord(), TokenCounter(None), MAX_TOKENS),
        }
        shutil.copytree(fresh, directory / "ledger" / "0")
        self.parts = {name: Mortal(name, directory / name.replace(" ", "-"), builders[name]) for name in LEAVES}
        self.life, self.memory = self._orchestrator()

    def _in(self, directory: Path) -> Settings:
        return self._settings.model_copy(update={"data_dir": directory})

    def _lite(self, directory: Path) -> Any:
        return vector.build(self._in(directory), 0, EmbedderInfo("hashing", DIMENSIONS, MAX_TOKENS))

    def _orchestrator(self) -> tuple[Life, Memory]:
        life = Life()
        handles: dict[str, Any] = {name: Handle(part, life) for name, part in self.parts.items()}
        memory = Memory(
            ledger=handles["ledger"],
            embedder=handles["embedder"],
            extractor=handles["extractor"],
            vector=handles["vector store"],
            graph=handles["graph store"],
            settings=self._settings,
            faults=life,
        )
        return life, memory

    def files_that_hold(self, text: str) -> list[Path]:
        """Files of any part with the text in them."""
        return [path for part in self.parts.values() for path in part.files() if text.encode() in path.read_bytes()]

    def kill(self, actor: str) -> None:
        """End one of `ACTORS` now."""
        if actor == "orchestrator":
            self.life.over.set()
        else:
            self.parts[actor].die()

    async def met_dead(self, actor: str) -> None:
        """Wait until somebody has noticed that the actor is dead."""
        await (self.life.over if actor == "orchestrator" else self.parts[actor].missed).wait()

    async def recover(self, actor: str) -> None:
        """Bring the actor back, as Ray restarts it."""
        if actor != "orchestrator":
            await self.parts[actor].revive()
            return
        await self.memory.close()
        self.life, self.memory = self._orchestrator()
        await self.memory.start()

    async def close(self) -> None:
        """End everything."""
        self.life.over.set()
        await self.memory.close()
        for part in self.parts.values():
            await part.close()
