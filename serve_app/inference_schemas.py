"""What dry runs and a project's wishes look like, for the OpenAPI description only."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from engine.types import Json
from serve_app.schemas import Facts, Message, ScopeIds


class PreviewRequest(ScopeIds, Facts):
    """What would be kept, and for whom."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [{"messages": [{"role": "user", "content": "I moved to Lisbon in May."}], "user_id": "ana"}]
        }
    )

    messages: str | Message | list[Message] = Field(description="A text alone is one message of the user.")


class Ended(BaseModel):
    """A memory that would hold no more."""

    id: str
    memory: str


class Previewed(BaseModel):
    """What would be stored."""

    event: Literal["ADD", "UPDATE", "DELETE", "NONE"]
    memory: str
    message_indexes: list[int] = Field(description="Of the messages that say it.")
    role: str | None
    actor_id: str | None
    categories: list[str] | None = None
    relations: list[Json] = []
    created_at: str | None = None
    ends: list[Ended] = []
    same_as: str | None = Field(None, description="The memory that says it already.")


class Preview(BaseModel):
    """What an add would store."""

    results: list[Previewed]
    relations: list[Json]
    extractor: str
    unread: list[int] | None = Field(None, description="Messages that the model could not read.")
    problems: list[str] | None = None
    usage: Json | None = None


class Wanted(BaseModel):
    """What a project wants of its facts."""

    policy: Literal["append", "rules", "reconcile"] | None = None
    custom_instructions: str | None = None
    includes: str | list[str] | None = None
    excludes: str | list[str] | None = None
    custom_categories: list[dict[str, str]] | None = None


class InferenceRequest(BaseModel):
    """What a project shall want."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [{"inference": {"policy": "reconcile", "custom_instructions": "Prices matter."}}]
        }
    )

    inference: Wanted


class Inference(BaseModel):
    """What a project wants, and the policy in force."""

    policy: Literal["append", "rules", "reconcile"]
    custom_instructions: str | None
    includes: list[str]
    excludes: list[str]
    custom_categories: list[dict[str, str]]
    server: Json = Field(description="The policy of projects that set none.")


BODIES: tuple[type[BaseModel], ...] = (PreviewRequest, InferenceRequest)
"""The request bodies among these."""
