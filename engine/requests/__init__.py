"""Requests: what callers send, checked and made canonical. Pure; every face's bad input is refused here.

What every request has is a `call`, most have a `scope` or a `filter`. The verbs' own are in `writes` (with `messages`),
`searches`, `lists`, `graph`, `names`, `operations`, `reinfer` and `upkeep`; `batches` opens what holds many of them.
"""

from __future__ import annotations

from engine.requests.batches import parse_batch, parse_item
from engine.requests.call import Call, parse_call
from engine.requests.exports import parse_export
from engine.requests.feedback import FeedbackRequest, parse_feedback, rating_of, reason_of
from engine.requests.graph import (
    CommunitiesRequest,
    GraphEntitiesRequest,
    GraphRequest,
    NeighboursRequest,
    PathRequest,
    parse_communities,
    parse_graph_entities,
    parse_neighbours,
    parse_path,
)
from engine.requests.lists import ListRequest, parse_get, parse_list, parse_page
from engine.requests.names import MergeRequest, parse_merge, parse_split
from engine.requests.operations import OperationsRequest, parse_name, parse_operations, parse_retry
from engine.requests.reinfer import ReinferRequest, parse_reinfer
from engine.requests.searches import SearchRequest, parse_search
from engine.requests.texts import check_lengths, parse_texts
from engine.requests.upkeep import VerifyRequest, parse_rebuild, parse_verify
from engine.requests.wishes import inference_of
from engine.requests.writes import (
    AddRequest,
    DeleteAllRequest,
    PurgeRequest,
    UpdateRequest,
    parse_add,
    parse_delete_all,
    parse_preview,
    parse_purge,
    parse_update,
)

__all__ = [
    "AddRequest",
    "Call",
    "CommunitiesRequest",
    "DeleteAllRequest",
    "FeedbackRequest",
    "GraphEntitiesRequest",
    "GraphRequest",
    "ListRequest",
    "MergeRequest",
    "NeighboursRequest",
    "OperationsRequest",
    "PathRequest",
    "PurgeRequest",
    "ReinferRequest",
    "SearchRequest",
    "UpdateRequest",
    "VerifyRequest",
    "check_lengths",
    "inference_of",
    "parse_add",
    "parse_batch",
    "parse_call",
    "parse_communities",
    "parse_delete_all",
    "parse_export",
    "parse_feedback",
    "parse_get",
    "parse_graph_entities",
    "parse_item",
    "parse_list",
    "parse_merge",
    "parse_name",
    "parse_neighbours",
    "parse_operations",
    "parse_page",
    "parse_path",
    "parse_preview",
    "parse_purge",
    "parse_rebuild",
    "parse_reinfer",
    "parse_retry",
    "parse_search",
    "parse_split",
    "parse_texts",
    "parse_update",
    "parse_verify",
    "rating_of",
    "reason_of",
]
