"""What the graphs of several shards say together. Pure.

An entity is known by its folded name; where shards spell it differently, the shard with the most mentions is right.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from engine.types import MENTIONED_WITH, Entity, Json


def summed(found: Iterable[Iterable[Json]]) -> list[Json]:
    """Entities with their memories in all shards, the most mentioned first, then by name."""
    total: dict[str, int] = {}
    best: dict[str, Json] = {}
    for one in (one for entities in found for one in entities):
        key = Entity(one["name"]).key
        total[key] = total.get(key, 0) + one["memories"]
        if key not in best or best[key]["memories"] < one["memories"]:
            best[key] = one
    return [{**best[key], "memories": total[key]} for key in sorted(total, key=lambda key: (-total[key], key))]


def neighbourhood(found: Sequence[Json], limit: int) -> Json:
    """What surrounds an entity in all shards that know it; `found` is not empty."""
    centre = summed([one["entity"]] for one in found)[0]
    around = summed(one["entities"] for one in found)[:limit]
    typed = _distinct(edge for one in found for edge in one["relations"] if edge["relationship"] != MENTIONED_WITH)
    linked = {Entity(edge[end]).key for edge in typed for end in ("source", "target")}
    untyped = [
        {"source": centre["name"], "relationship": MENTIONED_WITH, "target": one["name"]}
        for one in around
        if Entity(one["name"]).key not in linked
    ]
    memories = sorted(
        (memory for one in found for memory in one["memories"]), key=lambda m: (m["created_at"], m["id"]), reverse=True
    )
    return {
        "entity": centre,
        "relations": [*typed, *untyped][:limit],
        "entities": around,
        "memories": memories[:limit],
    }


def _distinct(relations: Iterable[Json]) -> list[Json]:
    seen: dict[tuple[str, str, str], Json] = {}
    for edge in relations:
        ends = Entity(edge["source"]).key, Entity(edge["target"]).key
        seen.setdefault((ends[0], edge["relationship"].casefold(), ends[1]), edge)
    return list(seen.values())
