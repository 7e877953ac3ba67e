"""Searches."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from engine import filters
from engine.as_of import AS_OF_FIELDS, AsOf, parse_as_of
from engine.config import LimitSettings, SearchSettings
from engine.filters import Filter
from engine.ranking.given import weights_of
from engine.ranking.signals import Signal
from engine.requests.call import CALL_FIELDS, Call, parse_call
from engine.requests.filter import filter_of
from engine.requests.scope import SCOPE, scope_id_of
from engine.types import BlockKey
from engine.values import count_of, flag_of, share_of, text_of
from engine.wishes import NO_WISHES, Wishes

_INT_BITS = 63


@dataclass(frozen=True, slots=True)
class SearchRequest:
    """A search. `block`: the one block that holds every match, if the filter says so. `include_messages`: messages are
    answered themselves, not only the facts that were made of them. `include_expired`: what has expired is answered too.
    """

    call: Call
    query: str
    filter: Filter
    block: BlockKey | None
    top_k: int
    threshold: float
    explain: bool
    min_position: int | None
    weights: Mapping[Signal, float] = field(default_factory=dict)
    as_of: AsOf | None = None
    wishes: Wishes = NO_WISHES
    include_messages: bool = False
    include_expired: bool = False


def parse_search(
    query: object, fields: Mapping[str, Any], limits: LimitSettings, defaults: SearchSettings
) -> SearchRequest:
    """A search as its caller spelled it; raises as `parse_add` does."""
    known = AS_OF_FIELDS | {
        "filters",
        "top_k",
        "threshold",
        "explain",
        "min_position",
        "weights",
        "rerank",
        "collapse",
        "diversity",
        "include_messages",
        "include_expired",
    }
    call = parse_call(fields, CALL_FIELDS | SCOPE | known)
    node = filter_of(fields, limits)
    owner = filters.required_scope(node)
    if owner is not None:
        scope_id_of(owner[1], owner[0], limits)
    threshold = fields.get("threshold")
    position = fields.get("min_position")
    return SearchRequest(
        call=call,
        query=text_of(query, "query", limits.query_chars).strip(),
        filter=node,
        block=None if owner is None else BlockKey(call.project, *owner),
        top_k=count_of(fields.get("top_k"), "top_k", defaults.top_k, limits.top_k),
        threshold=defaults.threshold if threshold is None else share_of(threshold, "threshold"),
        explain=flag_of(fields, "explain", default=False),
        min_position=None if position is None else count_of(position, "min_position", 0, 2**_INT_BITS, least=0),
        weights=weights_of(fields.get("weights")),
        as_of=parse_as_of(fields),
        wishes=_wishes(fields, defaults),
        include_messages=flag_of(fields, "include_messages", default=False),
        include_expired=flag_of(fields, "include_expired", default=False),
    )


def _wishes(fields: Mapping[str, Any], defaults: SearchSettings) -> Wishes:
    diversity = fields.get("diversity")
    return Wishes(
        rerank=flag_of(fields, "rerank", default=False),
        best=defaults.rerank_candidates,
        collapse=flag_of(fields, "collapse", default=defaults.collapse),
        diversity=defaults.diversity if diversity is None else share_of(diversity, "diversity"),
    )
