"""What of a memory's entities and relations links: what the graph holds, and what it is compared by. Pure."""

from __future__ import annotations

from collections.abc import Iterable

from engine.types import Entity, Relation


def linking(relations: Iterable[Relation]) -> tuple[Relation, ...]:
    """Each relation once, without loops and without those that lack a name."""
    return tuple(edge for edge in dict.fromkeys(relations) if _links(edge))


def linked(entities: Iterable[Entity], relations: Iterable[Relation]) -> tuple[Entity, ...]:
    """One entity for each key: those that are mentioned, then the ends of the relations; none without a name."""
    ends = (Entity(name) for edge in linking(relations) for name in (edge.source, edge.target))
    found: dict[str, Entity] = {}
    for entity in (*entities, *ends):
        if key := entity.key:
            found.setdefault(key, entity)
    return tuple(found.values())


def _links(edge: Relation) -> bool:
    source, target = Entity(edge.source).key, Entity(edge.target).key
    return bool(source and target and source != target and edge.relationship.strip())
