"""Runs in mem0's own environment: does what JSON lines on standard input ask, one answer line each.

The first line is `{"path", "model", "dimensions", "seed", "memories"}`. Later ones say what to `do`: `add` or `search`
with `{"numbers": [first, end], "concurrency", "limit_s", "settle_s"}`, `embed` with `{"numbers", "batch", "limit_s"}`,
or `stored`. It ends when its standard input does.
"""

from __future__ import annotations

import asyncio
import json
import logging
import os
import platform
import sys
import time
import warnings
from importlib.metadata import version
from typing import Any

from bench.closed_loop import Call, run
from bench.sentences import USERS, sentence

_EVERYTHING = 1_000_000


class Mem0:
    """AsyncMemory in its lightest form: local Qdrant, the model in process, nothing inferred."""

    def __init__(self, order: dict[str, Any]) -> None:
        from mem0 import AsyncMemory

        self._seed = int(order["seed"])
        self._memories = int(order["memories"])
        self._memory = AsyncMemory.from_config(
            {
                "vector_store": {
                    "provider": "qdrant",
                    "config": {
                        "collection_name": "bench",
                        "path": f"{order['path']}/qdrant",
                        "on_disk": True,
                        "embedding_model_dims": order["dimensions"],
                    },
                },
                "embedder": {
                    "provider": "huggingface",
                    "config": {"model": order["model"], "embedding_dims": order["dimensions"]},
                },
                # Asked for when it is built and never called: `infer=False` needs no language model.
                "llm": {
                    "provider": "openai",
                    "config": {"model": "none", "api_key": "none", "openai_base_url": "http://127.0.0.1:9/v1"},
                },
                "history_db_path": f"{order['path']}/history.db",
            }
        )

    def calls(self) -> dict[str, Call]:
        """The operations that are measured."""
        return {"add": self._add, "search": self._search}

    async def _add(self, number: int) -> list[str]:
        one = sentence(number, self._seed)
        answer = await self._memory.add([{"role": "user", "content": one.text}], user_id=one.user_id, infer=False)
        return [result["id"] for result in answer["results"]]

    async def _search(self, number: int) -> list[str]:
        one = sentence(number % self._memories, self._seed)
        answer = await self._memory.search(one.question, top_k=10, filters={"user_id": one.user_id})
        return [hit["id"] for hit in answer["results"]]

    def embed_rate(self, numbers: range, batch: int, limit_s: float) -> float:
        """Texts per second of its embedder alone."""
        texts = [sentence(number, self._seed).text for number in numbers]
        done, start_s = 0, time.perf_counter()
        while done + batch <= len(texts) and time.perf_counter() - start_s < limit_s:
            self._memory.embedding_model.embed_batch(texts[done : done + batch])
            done += batch
        return done / (time.perf_counter() - start_s)

    async def stored(self) -> list[str]:
        """The ids of all memories."""
        ids: list[str] = []
        for user in range(USERS):
            answer = await self._memory.get_all(filters={"user_id": f"user-{user:02d}"}, top_k=_EVERYTHING)
            ids += [memory["id"] for memory in answer["results"]]
        return ids

    def close(self) -> None:
        """Let go of the files as an orderly end would."""
        self._memory.vector_store.client.close()
        self._memory.close()


async def _answer(mem0: Mem0, order: dict[str, Any]) -> Any:
    if order["do"] == "stored":
        return await mem0.stored()
    numbers = range(*order["numbers"])
    if order["do"] == "embed":
        return mem0.embed_rate(numbers, order["batch"], order["limit_s"])
    window = await run(
        mem0.calls()[order["do"]],
        numbers,
        concurrency=order["concurrency"],
        limit_s=order["limit_s"],
        settle_s=order["settle_s"],
    )
    return window.as_json()


async def _serve(answers: int) -> None:
    with os.fdopen(answers, "w", encoding="utf-8") as out:

        def tell(value: Any) -> None:
            out.write(json.dumps(value) + "\n")
            out.flush()

        mem0 = Mem0(json.loads(await asyncio.to_thread(sys.stdin.readline)))
        packages = ("mem0ai", "qdrant-client", "sentence-transformers", "transformers", "torch")
        tell({"python": platform.python_version(), **{name: version(name) for name in packages}})
        while line := await asyncio.to_thread(sys.stdin.readline):
            tell(await _answer(mem0, json.loads(line)))
        mem0.close()


def main() -> None:
    logging.disable(logging.ERROR)
    warnings.simplefilter("ignore")
    # Whatever a library prints must not end up among the answers.
    answers = os.dup(sys.stdout.fileno())
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
    asyncio.run(_serve(answers))


if __name__ == "__main__":
    main()
