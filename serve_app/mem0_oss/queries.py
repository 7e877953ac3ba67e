"""What requests of Mem0's self-hosted server mean. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from engine.errors import InvalidInput
from engine.types import SCOPE_FIELDS, Json
from serve_app.mem0.queries import shown_too
from serve_app.mem0_oss.filters import platform_filter

ADD_FIELDS: Final = ("metadata", "infer", "expiration_date", "memory_type", "timestamp", "deadline_s")
UPDATE_FIELDS: Final = ("text", "metadata", "expiration_date")
NO_BODY: Final = "a deletion takes nothing from a body; nothing was deleted"
_SEARCH: Final = ("threshold", "explain", "deadline_s")
_TOP_K: Final = 20
_MOST: Final = 1000
_FLAGS: Final = {"": False, "false": False, "0": False, "true": True, "1": True}
_ANYBODY: Final[Json] = {"OR": [{name: "*"} for name in SCOPE_FIELDS]}


def added_of(body: Mapping[str, Any]) -> Json:
    """The fields of an add; `prompt` are its instructions."""
    found = {name: body[name] for name in (*SCOPE_FIELDS, *ADD_FIELDS) if body.get(name) is not None}
    if body.get("prompt") is not None:
        found["custom_instructions"] = body["prompt"]
    return found


def search_of(body: Mapping[str, Any]) -> Json:
    """The fields of a search: ids may stand beside the filter.

    Raises:
        InvalidInput: the filter can't be read, or there is nothing in it and no id.
    """
    given = {name: body[name] for name in SCOPE_FIELDS if body.get(name) is not None}
    said = [] if body.get("filters") is None else [platform_filter(body["filters"])]
    parts = [one for one in (given, *said) if one]
    if not parts:
        raise InvalidInput(
            f"filters are needed: an object with at least one of {', '.join(SCOPE_FIELDS)}", {"field": "filters"}
        )
    found: Json = {"filters": parts[0] if len(parts) == 1 else {"AND": parts}, "top_k": _TOP_K}
    found |= shown_too(body.get("show_expired"))
    found |= {name: body[name] for name in _SEARCH if body.get(name) is not None}
    for name in ("limit", "top_k"):
        if body.get(name) is not None:
            found["top_k"] = body[name]
    return found


def list_of(params: Mapping[str, str]) -> Json:
    """The fields of a list; without an id it is everybody's.

    Raises:
        InvalidInput: `top_k` is no number that there may be, or `show_expired` neither true nor false.
    """
    given = {name: params[name] for name in SCOPE_FIELDS if name in params}
    top_k = params.get("top_k", params.get("limit", str(_TOP_K)))
    if not (top_k.isascii() and top_k.isdecimal() and len(top_k) <= len(str(_MOST)) and 1 <= int(top_k) <= _MOST):
        raise InvalidInput(f"top_k should be a whole number from 1 to {_MOST}", {"field": "top_k"})
    asked = params.get("show_expired", "").casefold()
    return {"filters": given or _ANYBODY, "page_size": int(top_k), **shown_too(_FLAGS.get(asked, asked))}
