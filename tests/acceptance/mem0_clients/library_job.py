"""Mem0's library, unmodified but for its embedder, in a process of its own: what it looks like, and memories that it
keeps in a local Qdrant in the directory that is the argument. Nothing of Remora is here. One line of JSON goes out.
"""

from __future__ import annotations

import asyncio
import hashlib
import inspect
import json
import sys
from pathlib import Path
from typing import Any

import mem0
from mem0 import exceptions
from mem0.utils.factory import EmbedderFactory

_DIMENSIONS = 8


class Hashes:
    """Vectors of texts without a model."""

    def embed(self, text: str, memory_action: str | None = None) -> list[float]:
        """See Mem0's embedders."""
        return [byte / 255 for byte in hashlib.sha256(text.encode()).digest()[:_DIMENSIONS]]

    def embed_batch(self, texts: list[str], memory_action: str | None = None) -> list[list[float]]:
        """See Mem0's embedders."""
        return [self.embed(text) for text in texts]


def methods(kind: type) -> dict[str, list[str]]:
    """The public methods, each with its parameters; those by keyword only with a star."""
    found = {name: one for name, one in inspect.getmembers(kind, callable) if not name.startswith("_")}
    return {name: parameters(one) for name, one in found.items()}


def parameters(method: Any) -> list[str]:
    """The names, without `self` and what stands for any others."""
    named = [one for one in inspect.signature(method).parameters.values() if one.name != "self"]
    return [
        f"*{one.name}" if one.kind is one.KEYWORD_ONLY else one.name for one in named if one.kind is not one.VAR_KEYWORD
    ]


def codes() -> dict[str, str | None]:
    """The exceptions, each with the code that it has when none is given."""
    kinds = {name: one for name, one in vars(exceptions).items() if isinstance(one, type)}
    kinds = {name: one for name, one in kinds.items() if issubclass(one, Exception)}
    defaults = {name: inspect.signature(one).parameters["error_code"].default for name, one in kinds.items()}
    return {name: None if code is inspect.Parameter.empty else code for name, code in defaults.items()}


def kept(directory: Path) -> dict[str, Any]:
    """Keep some memories, and tell them; what is raised is told by the names of its classes."""
    EmbedderFactory.create = staticmethod(lambda *_, **__: Hashes())
    path = directory / "qdrant"
    memory = mem0.Memory.from_config({
        "vector_store": {
            "provider": "qdrant",
            "config": {"path": str(path), "embedding_model_dims": _DIMENSIONS, "on_disk": True},
        },
        "llm": {"provider": "openai", "config": {"api_key": "none"}},
        "history_db_path": str(directory / "history.db"),
    })  # fmt: skip
    said = [
        {"role": "user", "content": "I like tea", "name": "Ana"},
        {"role": "assistant", "content": "Tea it is"},
    ]
    first = memory.add(said, user_id="ana", infer=False, metadata={"team": "red"}, expiration_date="2999-01-01")
    added = memory.add("The cat is called Momo", agent_id="a1", run_id="r1", infer=False)
    memory.update(added["results"][0]["id"], "The cat is called Mimi")
    scopes = [{"user_id": "ana"}, {"agent_id": "a1"}]
    found = [one for scope in scopes for one in memory.get_all(filters=scope)["results"]]
    row = first["results"][0]
    hers = {"user_id": "ana"}
    shapes = {
        "add": row,
        "get": memory.get(row["id"]),
        "get_all": next(one for one in found if one["id"] == row["id"]),
        "search": next(
            one for one in memory.search("tea", filters=hers, threshold=0.0, explain=True)["results"]
            if one["id"] == row["id"]
        ),
        "history": memory.history(row["id"])[0],
    }  # fmt: skip
    raised = {
        "scope": names(lambda: memory.add("x", infer=False)),
        "missing": names(lambda: memory.delete("00000000-0000-8000-8000-000000000000")),
        "everything": names(memory.delete_all),
    }
    memory.close()
    memory.vector_store.client.close()
    return {"memories": found, "raised": raised, "shapes": {name: sorted(one) for name, one in shapes.items()}}


def names(call: Any) -> list[str]:
    """The names of the class of what a call raises, and of its bases."""
    try:
        call()
    except (ValueError, exceptions.MemoryError) as error:
        return [kind.__name__ for kind in type(error).__mro__]
    return []


def main() -> None:
    """Tell it."""
    attributes = {name for name in dir(mem0.Memory) if name[0] != "_" and not callable(getattr(mem0.Memory, name))}
    coroutines = inspect.getmembers(mem0.AsyncMemory, asyncio.iscoroutinefunction)
    told = {
        "sync": methods(mem0.Memory),
        "async": methods(mem0.AsyncMemory),
        "awaited": sorted(name for name, _ in coroutines if name[0] != "_"),
        "attributes": sorted(attributes),
        "exceptions": codes(),
        "of_status": {status: kind.__name__ for status, kind in exceptions.HTTP_STATUS_TO_EXCEPTION.items()},
        **kept(Path(sys.argv[1])),
    }
    sys.stdout.write(json.dumps(told) + "\n")


if __name__ == "__main__":
    main()
