"""What the bodies and answers of OpenAI's routes look like, for the OpenAPI description only."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from engine.types import Json
from serve_app.schemas import ScopeIds


class ChatRequest(ScopeIds):
    """A chat completion of OpenAI's, and whose memory it is about. What isn't named here goes to the model as it is."""

    model_config = ConfigDict(
        extra="allow",
        json_schema_extra={
            "examples": [{"messages": [{"role": "user", "content": "Where do I live?"}], "user_id": "ana"}]
        },
    )

    messages: list[Json]
    model: str | None = Field(None, description="Without it that of the server's settings.")
    stream: bool = False
    user: str | None = Field(None, description="OpenAI's own field; taken for `user_id` where that isn't given.")
    filters: Json | None = Field(None, description="Only such memories go into the prompt; as in a search.")
    top_k: int | None = Field(None, description="How many memories at most go into the prompt.")
    metadata: Json | None = Field(None, description="Kept with what is remembered of this chat.")
    infer: bool | None = Field(None, description="As in an add.")


class ChatAnswer(BaseModel):
    """What the language model answers, as it answers it."""

    model_config = ConfigDict(extra="allow")

    id: str
    object: str = "chat.completion"
    choices: list[Json]


class EmbeddingRequest(BaseModel):
    """Texts to embed."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"input": ["I live in Lisbon."]}]})

    input: str | list[str] = Field(description="Texts; lists of tokens are refused.")
    model: str | None = Field(None, description="Whatever it says, Remora's own model embeds; the answer names it.")
    encoding_format: Literal["float", "base64"] = "float"
    dimensions: int | None = Field(None, description="Only what the model has.")


class Embedding(BaseModel):
    """One vector."""

    object: Literal["embedding"] = "embedding"
    index: int
    embedding: list[float] | str = Field(description="Numbers, or float32 in base64.")


class EmbeddingAnswer(BaseModel):
    """Vectors of unit length, in the order of the texts."""

    object: Literal["list"] = "list"
    model: str
    data: list[Embedding]
    usage: dict[str, int]


class Model(BaseModel):
    """A model that can be asked."""

    model_config = ConfigDict(extra="allow")

    id: str
    object: Literal["model"] = "model"
    created: int
    owned_by: str


class ModelList(BaseModel):
    """Those of the language model's server, and Remora's own for embeddings."""

    object: Literal["list"] = "list"
    data: list[Model]


class OpenAiErrorBody(BaseModel):
    """What went wrong."""

    message: str
    type: str
    param: str | None
    code: str | None


class OpenAiError(BaseModel):
    """Every error of these routes."""

    error: OpenAiErrorBody


BODIES: tuple[type[BaseModel], ...] = (ChatRequest, EmbeddingRequest)
"""The request bodies among these."""


def answers(model: Any, *statuses: int) -> dict[int | str, Json]:
    """The part of a route's description that says what it answers; `statuses` are those of its errors."""
    good: dict[int | str, Json] = {200: {"model": model}}
    return good | {status: {"model": OpenAiError, "description": _MEANING[status]} for status in (*_ALWAYS, *statuses)}


def streamed(responses: dict[int | str, Json]) -> dict[int | str, Json]:
    """The same where the good answer may also be a stream of events."""
    events: Json = {"text/event-stream": {"schema": {"description": "Chunks as OpenAI spells them, then `[DONE]`."}}}
    return responses | {200: {**responses[200], "content": events}}


_ALWAYS = (400, 401, 403, 429, 503)
_MEANING = {
    400: "The request is wrong",
    401: "No key, or one that is not known",
    403: "The key may not do this",
    404: "No such model",
    413: "Over a limit",
    429: "Too much at once: come back after `Retry-After` seconds",
    502: "The language model's server can't be reached",
    503: "A part that this needs is not there",
    504: "The language model's server is silent for too long",
}
