"""Questions about the graph."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from engine.as_of import AS_OF_FIELDS, AsOf, parse_as_of
from engine.config import LimitSettings
from engine.requests.call import CALL_FIELDS, Call, parse_call
from engine.requests.lists import parse_page
from engine.requests.scope import SCOPE, named_scope_of
from engine.times import parse_moment
from engine.types import BlockKey, Scope
from engine.values import count_of, text_of

_NEIGHBOURS = 20
_STEPS = 4
_MOST_STEPS = 10
_MOST_DEPTH = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class GraphRequest:
    """A question about the graph of a scope. `at_us`: which relations were true; None: are true now."""

    call: Call
    scope: Scope
    at_us: int | None = None
    as_of: AsOf | None = None

    @property
    def block(self) -> BlockKey | None:
        """The memories of the user that the scope names: all of the graph that has to do with it."""
        user = self.scope.user_id
        return None if user is None else BlockKey(self.call.project, "user_id", user)


@dataclass(frozen=True, slots=True, kw_only=True)
class GraphEntitiesRequest(GraphRequest):
    """A page of what the memories of a scope mention. `name`: a part of the names; None: any."""

    name: str | None
    page: int
    page_size: int


@dataclass(frozen=True, slots=True, kw_only=True)
class NeighboursRequest(GraphRequest):
    """What surrounds an entity."""

    entity: str
    limit: int
    depth: int = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class PathRequest(GraphRequest):
    """The way from one entity to another."""

    source: str
    target: str
    most_steps: int


@dataclass(frozen=True, slots=True, kw_only=True)
class CommunitiesRequest(GraphRequest):
    """Which entities belong together."""

    limit: int


def parse_graph_entities(fields: Mapping[str, Any], limits: LimitSettings) -> GraphEntitiesRequest:
    """A page of what is mentioned; raises as `parse_add` does."""
    call = parse_call(fields, CALL_FIELDS | SCOPE | AS_OF_FIELDS | {"name", "page", "page_size", "at"})
    name = fields.get("name")
    page, page_size = parse_page(fields, limits)
    return GraphEntitiesRequest(
        call=call,
        scope=named_scope_of(fields, limits),
        name=None if name is None else text_of(name, "name", limits.id_chars),
        page=page,
        page_size=page_size,
        at_us=_at(fields),
        as_of=parse_as_of(fields),
    )


def parse_neighbours(entity: object, fields: Mapping[str, Any], limits: LimitSettings) -> NeighboursRequest:
    """An entity to look around; raises as `parse_add` does."""
    call = parse_call(fields, CALL_FIELDS | SCOPE | AS_OF_FIELDS | {"limit", "depth", "at"})
    return NeighboursRequest(
        call=call,
        scope=named_scope_of(fields, limits),
        entity=text_of(entity, "entity", limits.id_chars),
        limit=_limit(fields, limits),
        depth=count_of(fields.get("depth"), "depth", 1, _MOST_DEPTH),
        at_us=_at(fields),
        as_of=parse_as_of(fields),
    )


def parse_communities(fields: Mapping[str, Any], limits: LimitSettings) -> CommunitiesRequest:
    """A scope whose entities are parted; raises as `parse_add` does."""
    call = parse_call(fields, CALL_FIELDS | SCOPE | AS_OF_FIELDS | {"limit", "at"})
    return CommunitiesRequest(
        call=call,
        scope=named_scope_of(fields, limits),
        limit=_limit(fields, limits),
        at_us=_at(fields),
        as_of=parse_as_of(fields),
    )


def parse_path(source: object, target: object, fields: Mapping[str, Any], limits: LimitSettings) -> PathRequest:
    """Two entities to link; raises as `parse_add` does."""
    call = parse_call(fields, CALL_FIELDS | SCOPE | AS_OF_FIELDS | {"most_steps", "at"})
    return PathRequest(
        call=call,
        scope=named_scope_of(fields, limits),
        source=text_of(source, "source", limits.id_chars),
        target=text_of(target, "target", limits.id_chars),
        most_steps=count_of(fields.get("most_steps"), "most_steps", _STEPS, _MOST_STEPS),
        at_us=_at(fields),
        as_of=parse_as_of(fields),
    )


def _limit(fields: Mapping[str, Any], limits: LimitSettings) -> int:
    return count_of(fields.get("limit"), "limit", min(_NEIGHBOURS, limits.page_size), limits.page_size)


def _at(fields: Mapping[str, Any]) -> int | None:
    at = fields.get("at")
    return None if at is None else parse_moment(at, "at")
