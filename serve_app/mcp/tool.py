"""One tool: what a model is told of it, and what it does."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias

from mcp_types import Tool as Described
from mcp_types import ToolAnnotations

from engine.api import MemoryApi
from engine.types import SCOPE_FIELDS, Json
from serve_app.mcp.arguments import checked

Run: TypeAlias = Callable[[MemoryApi, Json, str], Awaitable[Any]]
"""Takes the memory, the arguments and whose memory is meant when they don't say."""

TEXT: Json = {"type": "string"}
FLAG: Json = {"type": "boolean"}
OBJECT: Json = {"type": "object"}
NUMBER: Json = {"type": "integer", "minimum": 1}
MEMORY_ID: Json = {"type": "string", "description": "The memory's id, as searches and lists answer it."}
FILTERS: Json = {
    "type": "object",
    "description": 'Conditions, as {"AND": [{"user_id": "ana"}, {"created_at": {"gte": "2026-01-01"}}]}. '
    "Keys: AND, OR, NOT, user_id, agent_id, app_id, run_id, created_at, updated_at, metadata, categories, text, "
    "memory_ids.",
}
SCOPE: dict[str, Json] = {
    name: {"type": "string", "description": f"{name.removesuffix('_id').capitalize()} the memories belong to."}
    for name in SCOPE_FIELDS
}
PAGE: dict[str, Json] = {"page": {**NUMBER, "description": "From 1."}, "page_size": NUMBER}


@dataclass(frozen=True, slots=True)
class Tool:
    """`takes`: a JSON schema for each argument. `reads`: it changes nothing. `destroys`: what it changes is lost."""

    name: str
    description: str
    run: Run
    takes: Mapping[str, Json]
    required: tuple[str, ...] = ()
    reads: bool = False
    destroys: bool = False

    async def call(self, api: MemoryApi, arguments: Mapping[str, Any] | None, user: str) -> Any:
        """The answer. Raises what the verb does, and InvalidInput for arguments that it doesn't take."""
        return await self.run(api, checked(arguments, self.takes, self.required), user)

    def described(self) -> Described:
        """As a model sees it."""
        schema: Json = {"type": "object", "properties": dict(self.takes)}
        if self.required:
            schema["required"] = [*self.required]
        hints = ToolAnnotations(
            read_only_hint=self.reads,
            destructive_hint=None if self.reads else self.destroys,
            idempotent_hint=None if self.reads else self.destroys,
            open_world_hint=False,
        )
        return Described(name=self.name, description=self.description, input_schema=schema, annotations=hints)
