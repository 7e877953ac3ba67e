"""What lists of operations, retries, purges, verifying and rebuilding look like, for the OpenAPI description only."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from serve_app.schemas import DeleteAllAnswer, Operation, Page, ScopeIds

_UUID = "8f3a0c1e-5b7d-8e21-a4c9-0d6f2b913e57"
_DEADLINE = "Seconds to wait; at most, and unless given, what the server allows."


class OperationPage(Page):
    """Newest first."""

    results: list[Operation]


class RetryRequest(BaseModel):
    """How to wait. The body may be left out."""

    wait: bool = Field(True, description="`false`: answer 202 as soon as it is durable that it is open again.")
    deadline_s: float | None = Field(None, gt=0, description=_DEADLINE)


class PurgeRequest(ScopeIds):
    """What to erase: one memory, or a scope of which all given ids must match. Never both, never none."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"memory_id": _UUID}, {"user_id": "ana"}]})

    memory_id: str | None = Field(None, examples=[_UUID])
    deadline_s: float | None = Field(None, gt=0, description=_DEADLINE)


class PurgeAnswer(DeleteAllAnswer):
    """What was erased. `degraded` names those whose files are still being rewritten; that goes on by itself."""


class VerifyRequest(BaseModel):
    """Which stretch to compare. The body may be left out."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"cursor": None, "limit": 1000, "repair": False}]})

    cursor: str | None = Field(None, description="`next` of the answer before; without it: from the start.")
    limit: int | None = Field(None, ge=1, le=5000, description="So many memories.")
    repair: bool = Field(False, description="Make the indexes what the ledger says.")
    deadline_s: float | None = Field(None, gt=0, description=_DEADLINE)


class Held(BaseModel):
    """What one of the two has of a memory."""

    position: int = Field(description="Of its version in the ledger.")
    digest: str = Field(description="Of what belongs into this index; in hexadecimal digits.")


class Difference(BaseModel):
    """A memory that an index holds otherwise than the ledger."""

    shard: int
    index: Literal["vector", "graph"]
    memory_id: str
    problem: Literal["missing", "stale", "different", "unknown"] = Field(
        description="`unknown`: the index holds what the ledger has not."
    )
    expected: Held | None = Field(description="By the ledger; null: nothing.")
    found: Held | None = Field(description="In the index; null: nothing.")


class VerifyAnswer(BaseModel):
    """What a stretch of the ledger has in common with the indexes."""

    checked: int
    total: int = Field(description="Of all stretches.")
    differences: list[Difference] = Field(description="All that were found, also those that were repaired.")
    problems: list[str] = Field(description="What contradicts itself in the ledger.")
    repaired: int = Field(description="How many of the differences are gone.")
    next: str | None = Field(description="The cursor of the next stretch; null: that was the last.")


class RebuildRequest(BaseModel):
    """Which index to build anew."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"index": "vector"}]})

    index: Literal["vector", "graph"]
    deadline_s: float | None = Field(None, gt=0, description=_DEADLINE)


class ShardRebuild(BaseModel):
    """How far one shard is."""

    shard: int
    state: Literal["NONE", "RUNNING", "DONE", "FAILED"]
    done: int
    total: int
    error: Any


class RebuildAnswer(BaseModel):
    """How far the latest rebuild of an index is."""

    index: Literal["vector", "graph"]
    state: Literal["NONE", "RUNNING", "DONE", "FAILED"]
    done: int = Field(description="Memories in the new index.")
    total: int
    error: Any
    shards: list[ShardRebuild]


BODIES: tuple[type[BaseModel], ...] = (RetryRequest, PurgeRequest, VerifyRequest, RebuildRequest)
"""The request bodies among these."""
