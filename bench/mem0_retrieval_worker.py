"""Runs in mem0's own environment: remembers units and ranks them for questions, by JSON lines, one answer line each.

The first line is `{"path", "model", "dimensions", "store"}`, store `qdrant` or `milvus`. Later ones are
`{"do": "load", "user", "messages": [{"id", "role", "content"}]}`, a session's messages, or
`{"do": "rank", "user", "question", "k"}`, answered by ids of units. It ends when its standard input does.
"""

from __future__ import annotations

import json
import logging
import os
import platform
import sys
import warnings
from importlib.metadata import version
from typing import Any

_PACKAGES = {"qdrant": ("qdrant-client",), "milvus": ("pymilvus", "milvus-lite")}


class Mem0:
    """Memory as it comes: no language model is asked, each message is kept as it is."""

    def __init__(self, order: dict[str, Any]) -> None:
        from mem0 import Memory

        self._memory = Memory.from_config(
            {
                "vector_store": {"provider": order["store"], "config": _store(order)},
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
        self._unit_of: dict[str, str] = {}

    def load(self, order: dict[str, Any]) -> int:
        """Add a session's messages in one call; gives how many memories came of them."""
        said = [{"role": one["role"], "content": one["content"]} for one in order["messages"]]
        answer = self._memory.add(said, user_id=order["user"], infer=False)
        for one, result in zip(order["messages"], answer["results"], strict=True):
            self._unit_of[result["id"]] = one["id"]
        return len(answer["results"])

    def rank(self, order: dict[str, Any]) -> list[str]:
        """Ids of units, best first."""
        found = self._memory.search(
            order["question"], top_k=order["k"], filters={"user_id": order["user"]}, threshold=0.0
        )
        return [self._unit_of[hit["id"]] for hit in found["results"]]


def _store(order: dict[str, Any]) -> dict[str, Any]:
    config = {"collection_name": "bench", "embedding_model_dims": order["dimensions"]}
    if order["store"] == "milvus":
        # Not its default, L2: with cosines its scores mean the same on both stores.
        return {**config, "url": f"{order['path']}/milvus.db", "token": "", "metric_type": "COSINE"}
    return {**config, "path": f"{order['path']}/qdrant", "on_disk": True}


def main() -> None:
    logging.disable(logging.ERROR)
    warnings.simplefilter("ignore")
    # Whatever a library prints must not end up among the answers.
    answers = os.dup(sys.stdout.fileno())
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
    with os.fdopen(answers, "w", encoding="utf-8") as out:

        def tell(value: Any) -> None:
            out.write(json.dumps(value) + "\n")
            out.flush()

        first = json.loads(sys.stdin.readline())
        mem0 = Mem0(first)
        packages = ("mem0ai", *_PACKAGES[first["store"]], "sentence-transformers", "transformers", "torch")
        tell({"python": platform.python_version(), **{name: version(name) for name in packages}})
        while line := sys.stdin.readline():
            order = json.loads(line)
            tell(mem0.load(order) if order["do"] == "load" else mem0.rank(order))


if __name__ == "__main__":
    main()
