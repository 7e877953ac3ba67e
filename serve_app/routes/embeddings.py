"""`/v1/embeddings`: OpenAI's embeddings, by Remora's own model."""

from __future__ import annotations

import base64
from collections.abc import Sequence
from typing import Any

import numpy as np
from fastapi import Request

from engine.api import CallFields
from engine.errors import InvalidInput, TooLarge
from engine.types import Json
from serve_app import openai_schemas, schemas
from serve_app.bodies import fields_of, json_object, known, required
from serve_app.responses import JsonResponse
from serve_app.routes.routing import Routes, api_of

routes = Routes(prefix="/v1/embeddings", tags=["openai"])

_CALL = fields_of(CallFields)
_FORMATS = ("float", "base64")
_LITTLE_ENDIAN = np.dtype("<f4")


@routes.post(
    "",
    summary="Embed texts",
    responses=openai_schemas.answers(openai_schemas.EmbeddingAnswer, 413, 504),
    openapi_extra=schemas.takes(openai_schemas.EmbeddingRequest),
)
async def embeddings(request: Request) -> JsonResponse:
    """Vectors of the model that memories are found by. It needs neither a key of a provider nor a network."""
    body = await json_object(request)
    texts, packed = texts_of(required(body, "input")), _is_packed(body.get("encoding_format"))
    try:
        found = await api_of(request).embed(texts, **known(body, _CALL))
    except (InvalidInput, TooLarge) as error:
        raise _of_input(error) from error
    _check_dimensions(body.get("dimensions"), found["dimensions"])
    usage = {"prompt_tokens": found["tokens"], "total_tokens": found["tokens"]}
    return JsonResponse(
        {"object": "list", "model": found["model"], "data": _data(found["vectors"], packed=packed), "usage": usage}
    )


def texts_of(given: object) -> list[Any]:
    """The texts of a request; what they hold is for the engine to judge.

    Raises:
        InvalidInput: there are none, or they are tokens.
    """
    if isinstance(given, str):
        return [given]
    if not isinstance(given, list) or not given:
        raise InvalidInput("input should be a text, or a list of texts that isn't empty", {"field": "input"})
    if any(isinstance(one, int | list) for one in given):
        raise InvalidInput(
            "input holds tokens; they are another model's: send texts "
            "(LangChain: OpenAIEmbeddings(check_embedding_ctx_length=False))",
            {"field": "input"},
        )
    return given


def _is_packed(wanted: object) -> bool:
    if wanted is not None and wanted not in _FORMATS:
        raise InvalidInput(f"encoding_format should be one of {', '.join(_FORMATS)}", {"field": "encoding_format"})
    return wanted == "base64"


def _check_dimensions(wanted: object, dimensions: int) -> None:
    if wanted is not None and wanted != dimensions:
        raise InvalidInput(f"the embedding model has {dimensions} dimensions", {"field": "dimensions"})


def _data(vectors: Sequence[Sequence[float]], *, packed: bool) -> list[Json]:
    return [
        {"object": "embedding", "index": index, "embedding": _packed(vector) if packed else vector}
        for index, vector in enumerate(vectors)
    ]


def _packed(vector: Sequence[float]) -> str:
    return base64.b64encode(np.asarray(vector, dtype=_LITTLE_ENDIAN).tobytes()).decode()


def _of_input(error: InvalidInput | TooLarge) -> InvalidInput | TooLarge:
    """The same, under the name that the field has here."""
    field = str(error.details.get("field", ""))
    if not field.startswith("texts"):
        return error
    renamed = {**error.details, "field": "input"}
    return type(error)(error.message.replace("texts", "input", 1), renamed)
