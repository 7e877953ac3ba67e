"""The filter of a request: its own, and the ids beside it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from engine import filters
from engine.config import LimitSettings
from engine.errors import InvalidInput
from engine.filters import Filter
from engine.requests.scope import scope_id_of
from engine.types import SCOPE_FIELDS, Json


def filter_of(fields: Mapping[str, Any], limits: LimitSettings) -> Filter:
    """All that a request says of which memories it means; it has to name a scope."""
    raw = fields.get("filters")
    said = [filters.parse(raw, max_depth=limits.filter_depth, max_nodes=limits.filter_nodes)] if raw else []
    if raw is not None and not isinstance(raw, Mapping):
        raise InvalidInput("filters should be an object", {"field": "filters"})
    ids_beside: Json = {
        name: fields[name] if fields[name] == "*" else scope_id_of(fields[name], name, limits)
        for name in SCOPE_FIELDS
        if fields.get(name) is not None
    }
    node = filters.conjunction(filters.scope_filter(ids_beside), *said)
    if not filters.has_positive_scope(node):
        raise InvalidInput(
            'filters need at least one of user_id, agent_id, app_id, run_id ("*" for any)', {"field": "filters"}
        )
    return node
