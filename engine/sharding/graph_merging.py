"""What the graphs of several shards say together. Pure.

An entity is known by its folded name; where shards spell it differently, the shard with the most mentions is right.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence

from engine.naming import relationship_key
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


def neighbourhood(found: Sequence[Json], limit: int, functional: frozenset[str]) -> Json:
    """What surrounds an entity in all shards that know it; `found` is not empty.

    `functional`: keys of the relationships that have one target at a time.
    """
    centre = summed([one["entity"]] for one in found)[0]
    around = summed(one["entities"] for one in found)[:limit]
    stated = (edge for one in found for edge in one["relations"] if edge["relationship"] != MENTIONED_WITH)
    typed = _true(stated, functional)
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


def links(found: Sequence[Json], functional: frozenset[str]) -> Json:
    """What links the entities of all shards; see `ShardApi.links`."""
    pairs: Counter[tuple[str, str]] = Counter()
    for one in found:
        pairs.update({(first, second): count for first, second, count in one["pairs"]})
    return {
        "entities": summed(one["entities"] for one in found),
        "pairs": [[*pair, count] for pair, count in sorted(pairs.items())],
        "relations": _true((edge for one in found for edge in one["relations"]), functional),
    }


def _true(relations: Iterable[Json], functional: frozenset[str]) -> list[Json]:
    """What is true of what several shards hold for true, each once, the newest first: of a functional relation that
    names several targets, what the newest memory says."""
    newest_first = sorted(relations, key=lambda edge: (edge["valid_at"], edge["memory_id"]), reverse=True)
    seen: dict[tuple[str, str, str], Json] = {}
    latest: dict[tuple[str, str], Json] = {}
    for edge in newest_first:
        about = Entity(edge["source"]).key, relationship_key(edge["relationship"])
        newest = latest.setdefault(about, edge)
        stands = edge["memory_id"] == newest["memory_id"] or about[1] not in functional
        triple = *about, Entity(edge["target"]).key
        if triple in seen:
            seen[triple] = {**seen[triple], "valid_at": edge["valid_at"]}
        elif stands:
            seen[triple] = edge
    return list(seen.values())
