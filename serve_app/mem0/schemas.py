"""What Mem0's bodies and answers look like, for the OpenAPI description only."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from engine.types import Json
from serve_app.schemas import AddRequest, AddResult, FoundMemory, Memory, Page, Searched

_FACTS: Json = {"type": "object", "properties": {"facts": {"type": "array", "items": {"type": "string"}}}}
_UUID = "8f3a0c1e-5b7d-8e21-a4c9-0d6f2b913e57"


class Mem0AddRequest(AddRequest):
    """What to keep, and for whom: ids at the top level or in `filters`; those at the top level win."""

    filters: dict[str, str | int] | None = Field(None, examples=[{"user_id": "ana"}])
    async_mode: bool = Field(True, description="`false`: wait for the facts that a language model makes.")


class Mem0AddAnswer(BaseModel):
    """SUCCEEDED with its `results`; or PENDING, then `GET /v1/event/{event_id}/` tells what becomes of it."""

    message: str
    status: Literal["SUCCEEDED", "PENDING"]
    event_id: str
    results: list[AddResult] | None = None


class Mem0Query(BaseModel):
    """Which memories are meant."""

    filters: Json = Field(
        description="At least one of `user_id`, `agent_id`, `app_id`, `run_id`; `AND`, `OR`, `NOT` join more.",
        examples=[{"user_id": "ana"}],
    )
    categories: list[str] | None = Field(None, description="Any of them.")
    metadata: Json | None = Field(None, description="All of these keys and values.")
    fields: list[str] | None = Field(None, description="Only these fields of a memory, and its id and score.")
    show_expired: bool | None = Field(None, description="With memories whose last day is over.")


class Mem0SearchRequest(Mem0Query):
    """What to find, and whose."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"query": "Where does Ana live?", "filters": {"user_id": "ana"}, "top_k": 5}]}
    )

    query: str
    top_k: int = Field(10, ge=1, le=1000)
    threshold: float = Field(0.1, ge=0, le=1, description="0.0: no cut-off.")
    rerank: bool = False


class Mem0ListRequest(Mem0Query):
    """Whose memories, and which page of them."""

    start_date: str | None = Field(None, description="Created then or later.")
    end_date: str | None = Field(None, description="Created then or before; a day is included.")
    keywords: str | None = Field(None, description="Whose text contains this, whatever the case.")
    page: int = Field(1, ge=1)
    page_size: int = Field(100, ge=1, le=200)


class Mem0Chosen(BaseModel):
    """A memory with those of its fields that `fields` names."""

    model_config = ConfigDict(extra="allow")

    id: str


class Mem0SearchAnswer(Searched):
    """The best first."""

    results: list[FoundMemory | Mem0Chosen]


class Mem0Page(Page):
    """Newest first."""

    results: list[Memory | Mem0Chosen]


class Mem0Change(BaseModel):
    """What is given is changed."""

    memory_id: str = Field(examples=[_UUID])
    text: str | None = None
    metadata: Json | None = Field(None, description="Replaces the old.")
    expiration_date: str | None = Field(None, description="`null` clears it.")
    timestamp: Any = None


class Mem0BatchUpdate(BaseModel):
    """Changes of different memories."""

    memories: list[Mem0Change] = Field(min_length=1, max_length=1000)


class Mem0Named(BaseModel):
    """A memory."""

    memory_id: str = Field(examples=[_UUID])


class Mem0BatchDelete(BaseModel):
    """Memories to delete."""

    memories: list[Mem0Named] = Field(min_length=1, max_length=1000)


class Mem0BatchAnswer(BaseModel):
    """All of them took effect."""

    message: str
    count: int


class Mem0ProjectChange(BaseModel):
    """What is named is set; null takes it back."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"custom_instructions": "Prices matter."}]})

    custom_instructions: str | None = Field(None, description="What matters, in your words.")
    custom_categories: list[dict[str, str]] | None = Field(
        None, description="Categories that facts may have, each with what it is for.", examples=[[{"home": "Where."}]]
    )


class Mem0Message(BaseModel):
    """It is done."""

    message: str


class Mem0FeedbackRequest(BaseModel):
    """What somebody thinks of a memory."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"memory_id": _UUID, "feedback": "NEGATIVE"}]})

    memory_id: str = Field(examples=[_UUID])
    feedback: Literal["POSITIVE", "NEGATIVE", "VERY_NEGATIVE"] | None = Field(
        None, description="`null` takes back what was said."
    )
    feedback_reason: str | None = Field(None, max_length=4000)


class Mem0Feedback(BaseModel):
    """What is thought of a memory now."""

    id: str
    feedback: Literal["POSITIVE", "NEGATIVE", "VERY_NEGATIVE"] | None
    feedback_reason: str | None


class Mem0Rating(Mem0Feedback):
    """What is thought of a memory, and since when."""

    created_at: str


class Mem0FeedbackPage(BaseModel):
    """Newest first."""

    count: int
    page: int
    page_size: int
    next: str | None
    previous: str | None
    results: list[Mem0Rating]


class Mem0SummaryRequest(BaseModel):
    """Of which memories."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"filters": {"user_id": "ana"}}]})

    filters: Json = Field(description="As in a search.", examples=[{"user_id": "ana"}])


class Mem0Summary(BaseModel):
    """What there is, and the newest of it."""

    summary: str
    count: int
    categories: dict[str, int] = Field(description="How many memories have each, of the newest 1,000.")
    memories: list[Memory]


class Mem0ExportRequest(Mem0SummaryRequest):
    """Of which memories, and in which shape."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"schema": _FACTS, "filters": {"user_id": "ana"}}]}, populate_by_name=True
    )

    shape: Json | str = Field(
        alias="schema",
        description="JSON Schema 2020-12, without patterns and outer references.",
        examples=[_FACTS],
    )


class Mem0ExportMade(BaseModel):
    """Where it is."""

    message: str
    id: str


class Mem0ExportWanted(BaseModel):
    """Which export: by its id, or by the filters that it was asked for with."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"filters": {"user_id": "ana"}}]})

    memory_export_id: str | None = Field(None, examples=[_UUID])
    filters: Json | None = Field(None, examples=[{"user_id": "ana"}])


BODIES: tuple[type[BaseModel], ...] = (
    Mem0AddRequest,
    Mem0SearchRequest,
    Mem0ListRequest,
    Mem0BatchUpdate,
    Mem0BatchDelete,
    Mem0ProjectChange,
    Mem0FeedbackRequest,
    Mem0SummaryRequest,
    Mem0ExportRequest,
    Mem0ExportWanted,
)
"""The request bodies among these."""
