"""Who has a role: from "my sister" or "Anna's husband" to the entity that is meant. Pure."""

from __future__ import annotations

from collections.abc import Iterator

from engine.graph.region import Region
from engine.graph_port import Role
from engine.types import Entity


def who_has(region: Region, role: Role) -> list[str]:
    """The keys of the entities that have the role at the region's time; in order, few.

    "My" means the region's own user; where that one has nobody in the role, anybody who speaks of one.
    """
    return sorted({key for source in _sources(region, role) for key in _holders(region, source, role)})


def _sources(region: Region, role: Role) -> list[str]:
    if role.of is not None:
        return [region.aliases.of(Entity(role.of).key)]
    tellers = region.tellers((*role.relationships, *role.either))
    own = None if region.owner is None else region.aliases.of(Entity(region.owner[1]).key)
    return [own] if own in tellers else sorted(tellers)


def _holders(region: Region, source: str, role: Role) -> Iterator[str]:
    for one in region.true(source):
        if one.source == source and one.relationship in (*role.relationships, *role.either):
            yield one.target
        elif one.target == source and one.relationship in role.either:
            yield one.source
