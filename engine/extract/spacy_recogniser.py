"""Named entities by spaCy: merges concurrent callers, keeps the loop free. What counts is decided in `mentions`."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from importlib import import_module
from pathlib import Path
from typing import Any

from spacy.util import get_model_meta

from engine.batch_queue import BatchQueue
from engine.errors import InvalidInput, Unavailable
from engine.extract.mentions import entities_of
from engine.ports import Priority
from engine.types import Entity, Json

_BATCH_TEXTS = 64
_BATCH_CHARS = 16_384
_QUEUE_TEXTS = 8192
_SETTING = {"setting": "extract.entities"}
_SHARED = {"tok2vec", "transformer"}
"""Components that others may take their input from; a recogniser with its own does without them."""


class SpacyRecogniser:
    """The entity recogniser of a spaCy package, in one thread of its own; nothing else of the package is loaded.

    Args:
        package: the package's name as pip knows it. Loading takes a second or more and happens here, blocking.

    Raises:
        InvalidInput: the package is no spaCy pipeline, or one without an entity recogniser.
        Unavailable: the package isn't installed.
    """

    def __init__(self, package: str) -> None:
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="entities")
        try:
            self._pipeline = self._thread.submit(_load, package).result()
        except BaseException:
            self._thread.shutdown(wait=False)
            raise
        self._queue: BatchQueue[str, tuple[Entity, ...]] = BatchQueue(
            self._run,
            name="entities",
            max_items=_BATCH_TEXTS,
            max_cost=_BATCH_CHARS,
            cost=len,
            capacity=_QUEUE_TEXTS,
        )

    async def entities(self, texts: Sequence[str], priority: Priority = Priority.ADD) -> list[tuple[Entity, ...]]:
        """The entities of each text, each once, in order of appearance.

        Raises:
            Overloaded: too many texts wait.
            Unavailable: the recogniser is closed.
        """
        return await self._queue.submit_many(texts, priority=priority)

    def counters(self) -> dict[str, int]:
        """Counted since the start: batches that went through the pipeline, and texts."""
        return {"batches": self._queue.stats.batches, "texts": self._queue.stats.items}

    def queues(self) -> Json:
        """Figures of the queue in front of the pipeline."""
        return {"entities": self._queue.figures()}

    async def close(self) -> None:
        """Refuse new work and let the thread go."""
        await self._queue.close()
        self._thread.shutdown(wait=False, cancel_futures=True)

    async def _run(self, texts: list[str]) -> list[tuple[Entity, ...]]:
        return await asyncio.get_running_loop().run_in_executor(self._thread, self._recognise, texts)

    def _recognise(self, texts: list[str]) -> list[tuple[Entity, ...]]:
        return [
            entities_of((mention.text, mention.label_) for mention in document.ents)
            for document in self._pipeline.pipe(texts, batch_size=len(texts))
        ]


def _load(package: str) -> Any:
    module_name = package.replace("-", "_")
    try:
        module = import_module(module_name)
    except ModuleNotFoundError as error:
        problem = (
            f"the entity recogniser {package} isn't installed: pip install {package}, "
            f"or set REMORA_EXTRACT_ENTITIES=none to do without"
        )
        raise Unavailable(problem, {"package": package, "missing": error.name}) from error
    directory = Path(str(module.__file__)).parent
    try:
        components = set(get_model_meta(directory)["components"])
        pipeline = module.load(exclude=sorted(components - {"ner"} - _SHARED))
    except (OSError, ValueError, AttributeError, KeyError) as error:
        raise InvalidInput(f"{package} is no spaCy pipeline that can be loaded: {error}", _SETTING) from error
    if "ner" not in pipeline.pipe_names:
        raise InvalidInput(f"{package} has no entity recogniser", _SETTING)
    for shared in _SHARED & set(pipeline.pipe_names):
        if "ner" not in pipeline.get_pipe(shared).listening_components:
            pipeline.remove_pipe(shared)
    return pipeline
