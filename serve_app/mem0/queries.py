"""Mem0's searches and lists as Remora's: what stands beside the filter becomes part of it. Pure."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from engine.errors import InvalidInput
from engine.types import SCOPE_FIELDS, Json

_LARGEST_PAGE = 200
_SEARCH = ("top_k", "threshold", "rerank", "deadline_s")
_PAGE = ("page", "page_size")
_CONDITIONS: dict[str, Callable[[Any], Json]] = {
    "metadata": lambda value: {"metadata": value},
    "categories": lambda value: {"categories": {"in": value}},
    "keywords": lambda value: {"keywords": {"icontains": value}},
    "start_date": lambda value: {"created_at": {"gte": value}},
    "end_date": lambda value: {"created_at": {"lte": value}},
}
"""What has a name of its own beside the filter."""


def search_of(body: Json, *, ids_beside: bool = False) -> Json:
    """The fields of a search; raises as `filters_of` does. `ids_beside`: ids may stand beside the filter."""
    found: Json = {"filters": filters_of(body, ids_beside=ids_beside)} | shown_too(body.get("show_expired"))
    found |= {name: body[name] for name in _SEARCH if body.get(name) is not None}
    if "top_k" not in found and body.get("limit") is not None:
        found["top_k"] = body["limit"]
    return found


def list_of(body: Json, params: Json, *, ids_beside: bool = False) -> Json:
    """The fields of a list; raises as `filters_of` does. `params`: those of the query, which win over the body's."""
    found: Json = {"filters": filters_of(body, ids_beside=ids_beside)} | shown_too(body.get("show_expired"))
    if body.get("deadline_s") is not None:
        found["deadline_s"] = body["deadline_s"]
    for name in _PAGE:
        value = params.get(name, body.get(name))
        if value is not None:
            found[name] = _whole(value, name)
    if found.get("page_size", 0) > _LARGEST_PAGE:
        raise InvalidInput(f"page_size should be a whole number from 1 to {_LARGEST_PAGE}", {"field": "page_size"})
    return found


def filters_of(body: Json, *, ids_beside: bool = False) -> Json:
    """The filter of a search or list, with all that its body says of which memories it means.

    Raises:
        InvalidInput: there is none, or ids stand beside it: without them it would mean more.
    """
    given: Json = {name: body[name] for name in SCOPE_FIELDS if body.get(name) is not None}
    if given and not ids_beside:
        name, value = next(iter(given.items()))
        raise InvalidInput(f'{name} belongs into filters: {{"filters": {{"{name}": {value!a}}}}}', {"field": name})
    filters: object = body.get("filters") or given
    if not isinstance(filters, Mapping) or not filters:
        raise InvalidInput(
            f"filters are needed: an object with at least one of {', '.join(SCOPE_FIELDS)}", {"field": "filters"}
        )
    beside = [given] if given and filters is not given else []
    beside += [condition(body[name]) for name, condition in _CONDITIONS.items() if body.get(name)]
    return {"AND": [filters, *beside]} if beside else dict(filters)


def shown_too(show_expired: Any) -> Json:
    """Mem0's `show_expired` as Remora's field, which reads it.

    Raises:
        InvalidInput: it isn't true or false.
    """
    if show_expired is None:
        return {}
    if not isinstance(show_expired, bool):
        raise InvalidInput("show_expired should be true or false", {"field": "show_expired"})
    return {"include_expired": show_expired}


def _whole(value: Any, name: str) -> int:
    """A whole number, also as a text, as it comes in a query."""
    if isinstance(value, str) and value.isascii() and value.isdecimal() and len(value) < 10:
        value = int(value)
    if isinstance(value, bool) or not isinstance(value, int):
        raise InvalidInput(f"{name} should be a whole number", {"field": name})
    return value
