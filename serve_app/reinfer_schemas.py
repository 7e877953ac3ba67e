"""What reading stored messages anew looks like, for the OpenAPI description only."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from serve_app.schemas import ScopeIds

_UNCHANGED = "Null: with what each add came with; empty: without it."


class ReinferRequest(ScopeIds):
    """Which messages to read, with what wishes, and what to do about the difference."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [{"user_id": "ana", "custom_instructions": "Only what she owns.", "apply": False}]
        }
    )

    filters: dict[str, Any] | None = Field(None, description="An add is read if one of its messages is selected.")
    apply: bool = Field(False, description="Write the difference.")
    custom_instructions: str | None = Field(None, description=f"What matters, in your words. {_UNCHANGED}")
    includes: str | list[str] | None = Field(None, description=f"Only facts about these topics. {_UNCHANGED}")
    excludes: str | list[str] | None = Field(None, description=f"No facts about these topics. {_UNCHANGED}")
    custom_categories: list[dict[str, str]] | None = Field(
        None, description=f"Categories that facts may have. {_UNCHANGED}", examples=[[{"home": "Where."}]]
    )
    include_verbatim: bool = Field(False, description="Also messages that were never read for facts.")
    cursor: str | None = Field(None, description="`next` of the answer before; without it: from the start.")
    limit: int | None = Field(None, ge=1, le=100, description="So many adds.")
    deadline_s: float | None = Field(None, gt=0, description="Seconds to wait; at most what the server allows.")


class ReadFact(BaseModel):
    """A fact of a new reading."""

    id: str | None = Field(description="Null: it isn't written.")
    memory: str
    categories: list[str]
    sources: list[str] = Field(description="Ids of its messages.")


class ChangedFact(ReadFact):
    """A fact that takes the place of another; with `previous_id` its own id: another version of it."""

    previous_id: str
    previous_memory: str


class EndedFact(ReadFact):
    """A fact that isn't said any more."""

    superseded_by: str | None


class LeftOut(BaseModel):
    """A fact that was read and isn't kept."""

    memory: str
    sources: list[str]
    because: Literal["superseded", "ended", "repeated"]
    id: str | None = Field(description="The memory that holds instead, or that has ended.")


class ReadAnew(BaseModel):
    """An add whose messages were read anew."""

    operation_id: str = Field(description="Of the add.")
    created_at: str
    messages: list[str] = Field(description="Ids of those that are there still.")
    added: list[ReadFact]
    changed: list[ChangedFact]
    unchanged: list[ReadFact]
    ended: list[EndedFact]
    left_out: list[LeftOut]
    usage: dict[str, float] = Field(description="Calls, tokens and milliseconds of the language model.")
    problems: list[str] = Field(description="What was wrong with its answers.")
    error: Any = Field(description="Why everything is as it was; null: nothing went wrong.")
    reinfer_id: str | None = Field(description="The operation that wrote the difference; null: nothing was written.")
    status: Literal["PENDING", "RUNNING", "SUCCEEDED"] | None = Field(description="Of that operation.")


class ReinferTotals(BaseModel):
    """How many of each, in this stretch."""

    conversations: int
    failed: int
    added: int
    changed: int
    unchanged: int
    ended: int
    left_out: int


class ReinferAnswer(BaseModel):
    """What is otherwise in a stretch of adds."""

    applied: bool
    conversations: list[ReadAnew]
    totals: ReinferTotals
    usage: dict[str, float]
    under_way: int = Field(description="So many are read still: the call with `next` hears of them.")
    problems: list[str] = Field(description="Shards that could not be asked; `next` asks them again.")
    next: str | None = Field(description="The cursor of the next stretch; null: that was the last.")


BODIES: tuple[type[BaseModel], ...] = (ReinferRequest,)
"""The request bodies among these."""
