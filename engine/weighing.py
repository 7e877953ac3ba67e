"""What requests weigh when they are admitted. Guesses, high rather than low, and cheap. Pure."""

from __future__ import annotations

import json
from collections.abc import Sequence

from engine.gate import Load, token_guess
from engine.requests import SearchRequest
from engine.types import Json

_EACH_BYTES = 2048
"""What an operation takes beyond what it holds."""
_MESSAGE_BYTES = 256
_BYTES_PER_CHAR = 4
_PARSED = 8
"""How much larger parsed JSON is than its text."""
_RESULT_BYTES = 2048


def write_load(body: Json) -> Load:
    """Of an operation, by its body: what it holds, and the tokens that have to be embedded."""
    return Load(held_load(body).size_bytes, sum(map(token_guess, _texts(body))))


def held_load(body: Json) -> Load:
    """Of the same by what it holds alone: texts, images and metadata."""
    metadata = body.get("metadata") or body.get("given", {}).get("metadata")
    held = _PARSED * len(json.dumps(metadata)) if metadata else 0
    shown = sum(len(image) for message in body.get("messages", []) for images in message[4:] for image in images)
    return Load(_EACH_BYTES + held + shown + sum(_MESSAGE_BYTES + _BYTES_PER_CHAR * len(text) for text in _texts(body)))


def _texts(body: Json) -> list[str]:
    texts: list[str] = [message[1] for message in body.get("messages", [])]
    given = body.get("given", {})
    texts += [one["text"] for one in (given, *body.get("events", ())) if "text" in one]
    return texts


def search_load(request: SearchRequest) -> Load:
    """Of a search: its query and its results."""
    return Load(_BYTES_PER_CHAR * len(request.query) + _RESULT_BYTES * request.top_k, token_guess(request.query))


def texts_load(texts: Sequence[str]) -> Load:
    """Of texts that are embedded for themselves."""
    return Load(_BYTES_PER_CHAR * sum(map(len, texts)), sum(map(token_guess, texts)))


def results_load(results: int) -> Load:
    """Of a read that needs no model, by how many memories it may answer."""
    return Load(_RESULT_BYTES * results)
