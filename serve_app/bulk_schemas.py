"""What bulk bodies and answers look like, for the OpenAPI description only."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from serve_app.schemas import Accepted, AddAnswer, AddRequest, Error, SearchAnswer, SearchRequest

_DEADLINE = "Seconds to wait for all items; at most, and unless given, what the server allows."


class BulkAddItem(AddRequest):
    """A single add, with its own key."""

    idempotency_key: str | None = Field(None, description="Sent again with the same key the item has one effect.")


class BulkAddRequest(BaseModel):
    """Adds that travel together."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "items": [
                        {"messages": "I moved to Lisbon in May.", "user_id": "ana"},
                        {"messages": "I am allergic to nuts.", "user_id": "ben"},
                    ]
                }
            ]
        }
    )

    items: list[BulkAddItem] = Field(min_length=1, max_length=1000)
    deadline_s: float | None = Field(None, gt=0, description=_DEADLINE)


class BulkSearchRequest(BaseModel):
    """Searches that travel together."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "items": [
                        {"query": "Where does Ana live?", "filters": {"user_id": "ana"}},
                        {"query": "What must Ben not eat?", "filters": {"user_id": "ben"}},
                    ]
                }
            ]
        }
    )

    items: list[SearchRequest] = Field(min_length=1, max_length=1000)
    deadline_s: float | None = Field(None, gt=0, description=_DEADLINE)


class ItemRefused(BaseModel):
    """The item failed; the others did not fail with it."""

    status_code: int = Field(ge=400, examples=[400], description="As a single request would have got.")
    error: Error


class ItemAdded(BaseModel):
    """The item was kept."""

    status_code: Literal[200]
    answer: AddAnswer


class ItemAccepted(BaseModel):
    """The item is safe and takes effect by itself."""

    status_code: Literal[202]
    answer: Accepted


class ItemFound(BaseModel):
    """What the search found."""

    status_code: Literal[200]
    answer: SearchAnswer


class BulkAddAnswer(BaseModel):
    """One entry an item, in the order of the items."""

    results: list[ItemAdded | ItemAccepted | ItemRefused]


class BulkSearchAnswer(BaseModel):
    """One entry an item, in the order of the items."""

    results: list[ItemFound | ItemRefused]


BODIES: tuple[type[BaseModel], ...] = (BulkAddRequest, BulkSearchRequest)
"""The request bodies among these."""
