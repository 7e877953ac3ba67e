"""From what the legs found to the answer: what only the graph has found is looked up and treated like the rest."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from engine.config import LimitSettings, SearchSettings
from engine.graph_port import GraphHit
from engine.ports import VectorHit
from engine.ranked_answer import LegsFound, LookUp, ranked_answer
from engine.ranking.signals import Signal
from engine.ranking.weights import SHIPPED_WEIGHTS
from engine.requests import parse_search
from engine.types import Json, MemoryVersion, Relation, Scope
from engine.wishes import Wishes

TODAY = "2026-01-01"


def hit(memory_id: str, text: str, dense: float, *vector: float) -> VectorHit:
    version = MemoryVersion(memory_id, "p", Scope(user_id="u"), text, 1, 1, 0, 0)
    return VectorHit(version, {Signal.DENSE: dense}, np.array(vector, np.float32))


async def nothing(memory_ids: Sequence[str]) -> None:
    return None


async def test_likeness_goes_by_vectors_also_where_the_graph_found_something() -> None:
    asked = parse_search(
        "tea", {"project": "p", "filters": {"user_id": "u"}, "top_k": 2}, LimitSettings(), SearchSettings()
    )
    asked = replace(asked, wishes=Wishes(diversity=0.5), threshold=0.0)
    found = [
        hit("a", "green tea", 0.9, 1, 0),
        hit("same", "a hot drink", 0.8, 1, 0),
        hit("other", "tea shop", 0.7, 0, 1),
    ]
    near = hit("near", "the sea", 0.1, 1, 0)

    async def look_up(memory_ids: Sequence[str]) -> Sequence[VectorHit]:
        assert memory_ids == ["near"]
        return [near]

    legs = LegsFound(found, [GraphHit("near", 1.0)], (), 10)
    answer = await ranked_answer(asked, legs, SHIPPED_WEIGHTS, TODAY, LookUp(look_up, nothing, nothing))
    assert [one["id"] for one in answer["results"]] == ["a", "other"]


async def test_relations_of_memories_that_the_filter_keeps_out_are_kept_out_too() -> None:
    edges = (
        Relation("Ann", "lives in", "Rome", memory_id="a"),
        Relation("Ann", "lives in", "Oslo", memory_id="bobs"),
        Relation("Ann", "works at", "Acme", memory_id="mine"),
        Relation("Ann", "works at", "Ajax", memory_id="gone"),
        Relation("Ann", "mentioned_with", "Bob"),
    )
    mine, bobs = hit("mine", "", 0.0).version, replace(hit("bobs", "", 0.0).version, scope=Scope(user_id="bob"))

    async def versions(memory_ids: Sequence[str]) -> list[MemoryVersion | None]:
        assert memory_ids == ["bobs", "mine", "gone"]
        return [bobs, mine, None]

    async def told(filters: Json) -> list[str]:
        asked = parse_search("Ann", {"project": "p", "filters": filters}, LimitSettings(), SearchSettings())
        legs = LegsFound([hit("a", "Ann lives in Rome", 0.9)], (), edges, 10)
        answer = await ranked_answer(asked, legs, SHIPPED_WEIGHTS, TODAY, LookUp(nothing, versions, nothing))
        return [edge["target"] for edge in answer["relations"]]

    assert await told({"user_id": {"in": ["u", "carl"]}}) == ["Rome", "Acme"]
    assert await told({"user_id": "u"}) == ["Rome", "Oslo", "Acme", "Ajax", "Bob"]
