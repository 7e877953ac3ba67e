"""The messages of an add as Mem0's clients write them. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


def with_parts(messages: Any) -> Any:
    """The same with a content that is one part (a text, an image, a file) as a list of it, as Remora takes it."""
    if isinstance(messages, list):
        return [with_parts(message) for message in messages]
    if isinstance(messages, Mapping) and isinstance(messages.get("content"), Mapping):
        return {**messages, "content": [messages["content"]]}
    return messages
