"""What a context's body and answer look like, for the OpenAPI description only."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field

from serve_app.schemas import SearchRequest


class ContextRequest(SearchRequest):
    """What the prompt is about, whose memories, and how much may be pasted."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"query": "Where does Ana live?", "user_id": "ana", "tokens": 800}]}
    )

    tokens: int = Field(1000, ge=1, le=100_000, description="By the embedding model's tokenizer; never more.")
    top_k: int = Field(83, ge=1, le=1000, description="How many memories at most; without it as many as may fit.")


BODIES: tuple[type[BaseModel], ...] = (ContextRequest,)
"""The request bodies among these."""


class Source(BaseModel):
    """The memory behind a line."""

    id: str
    score: float
    truncated: bool = Field(description="Only its beginning is shown.")
    also: list[str] = Field(description="Memories that say the same and are not shown.")


class LeftOut(BaseModel):
    """Hits that are not shown."""

    duplicates: int
    budget: int


class ContextAnswer(BaseModel):
    """A text for a prompt and where it comes from."""

    context: str = Field(examples=["2026-05-04 (Monday)\n- Ana: I moved to Lisbon."])
    tokens: int
    memories: list[Source] = Field(description="One a line, in the order of the lines.")
    left_out: LeftOut
    degraded: list[str]
    position: int | None
