"""What a caller wants of a context, checked. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from engine.config import LimitSettings, SearchSettings
from engine.requests import SearchRequest, parse_search
from engine.types import Json
from engine.values import count_of

_TOKENS = 1000
_MOST_TOKENS = 100_000
_TOKENS_A_LINE = 12
"""A memory takes about so many at least: more hits than that could not fit."""


@dataclass(frozen=True, slots=True)
class ContextRequest:
    """A context: the budget, and the search that it is made of. `fields`: those of the search."""

    tokens: int
    search: SearchRequest
    fields: Json


def parse_context(
    query: object, fields: Mapping[str, Any], limits: LimitSettings, defaults: SearchSettings
) -> ContextRequest:
    """A context as its caller spelled it; raises as `parse_search` does."""
    tokens = count_of(fields.get("tokens"), "tokens", _TOKENS, _MOST_TOKENS)
    rest = {name: value for name, value in fields.items() if name != "tokens"}
    if rest.get("top_k") is None:
        rest["top_k"] = min(limits.top_k, max(defaults.top_k, tokens // _TOKENS_A_LINE))
    return ContextRequest(tokens, parse_search(query, rest, limits, defaults), rest)
