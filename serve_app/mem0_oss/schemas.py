"""What bodies and answers of Mem0's self-hosted server look like, for the OpenAPI description only."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, RootModel

from engine.types import Json
from serve_app.schemas import AddResult, FoundMemory, HistoryEntry, Memory, Message, ScopeIds


class OssAddRequest(ScopeIds):
    """What to keep, and for whom: at least one id."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [{"messages": [{"role": "user", "content": "I moved to Lisbon in May."}], "user_id": "ana"}]
        }
    )

    messages: list[Message]
    metadata: Json | None = None
    infer: bool | None = Field(None, description="`false`: word for word.")
    expiration_date: str | None = Field(None, description="`YYYY-MM-DD`, the last day on which it is found.")
    memory_type: Literal["procedural_memory"] | None = None
    prompt: str | None = Field(None, description="What matters, in your words.")


class OssAddAnswer(BaseModel):
    """What became of it. `status` isn't SUCCEEDED while a language model is away: the facts follow by themselves."""

    results: list[AddResult]
    status: Literal["SUCCEEDED", "RUNNING", "PENDING"]
    event_id: str


class OssUpdateRequest(BaseModel):
    """At least one of them."""

    text: str | None = Field(None, examples=["I moved to Porto in June."])
    metadata: Json | None = Field(None, description="Replaces the old.")
    expiration_date: str | None = None


class OssSearchRequest(ScopeIds):
    """What to find, and whose: ids beside the filter or in it."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"query": "Where does Ana live?", "filters": {"user_id": "ana"}, "top_k": 5}]}
    )

    query: str
    filters: Json | None = Field(None, description="Ids and keys of metadata side by side; `AND`, `OR`, `NOT`: lists.")
    top_k: int | None = Field(None, ge=1, le=1000, description="20 unless told.")
    threshold: float | None = Field(None, ge=0, le=1)
    explain: bool | None = None
    show_expired: bool | None = Field(None, description="With memories whose last day is over.")


class OssMemory(RootModel[Memory | None]):
    """Null: there is none with this id."""


class OssMemories(BaseModel):
    """Newest first."""

    results: list[Memory]


class OssFound(BaseModel):
    """The best first."""

    results: list[FoundMemory]


class OssHistoryEntry(HistoryEntry):
    """One event, and whether the memory was gone after it."""

    is_deleted: bool
    actor_id: str | None
    role: str | None


class OssEntity(BaseModel):
    """A user, agent, app or run that has memories."""

    id: str
    type: Literal["user", "agent", "app", "run"]
    total_memories: int
    created_at: str
    updated_at: str


class OssMessage(BaseModel):
    """It is done."""

    message: str


BODIES: tuple[type[BaseModel], ...] = (OssAddRequest, OssUpdateRequest, OssSearchRequest)
"""The request bodies among these."""
