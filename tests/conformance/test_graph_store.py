"""What every graph store does: one suite over the store in memory and the one with a snapshot file."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from engine.config import GraphSettings, Settings
from engine.errors import Unavailable
from engine.graph import build, in_memory
from engine.graph_port import (
    BesideQuery,
    EntitiesQuery,
    GraphQuery,
    GraphStore,
    Mentioned,
    Neighbourhood,
    NeighboursQuery,
    PathAnswer,
    PathQuery,
    PathStep,
    Role,
    View,
)
from engine.types import (
    Applied,
    BlockKey,
    Change,
    ChangeBatch,
    Entity,
    EventKind,
    MemoryVersion,
    Relation,
    Scope,
    ScopeField,
)

ANNA = Scope(user_id="anna")


def memory(
    memory_id: str,
    *names: str | Entity,
    scope: Scope = ANNA,
    project: str = "p",
    relations: Sequence[Relation] = (),
    known: bool = True,
    created_at_us: int = 0,
    expires: str | None = None,
) -> MemoryVersion:
    entities = tuple(name if isinstance(name, Entity) else Entity(name) for name in names)
    return MemoryVersion(
        memory_id=memory_id,
        project=project,
        scope=scope,
        text=memory_id,
        version=1,
        live_from=1,
        created_at_us=created_at_us,
        updated_at_us=0,
        expiration_date=expires,
        entities=entities if known else None,
        relations=tuple(relations),
    )


def batch(after: int, *what: MemoryVersion | tuple[str, str]) -> ChangeBatch:
    """Changes at the positions that follow: a version is added or replaced, a (project, id) is deleted."""
    changes = []
    for position, one in enumerate(what, after + 1):
        if isinstance(one, MemoryVersion):
            changes.append(Change(position, EventKind.ADD, one.memory_id, one.project, one))
        else:
            changes.append(Change(position, EventKind.DELETE, one[1], one[0], None))
    return ChangeBatch(after, after + len(what), tuple(changes), np.zeros((0, 0), np.float32))


def block(field: ScopeField, value: str, project: str = "p") -> BlockKey:
    return BlockKey(project, field, value)


async def found(
    store: GraphStore, *names: str, by: BlockKey | None = None, project: str = "p", limit: int = 10
) -> list[str]:
    query = GraphQuery(project, tuple(Entity(name) for name in names), limit, by)
    (hits,) = (await store.search([query])).hits
    return [hit.memory_id for hit in hits]


async def around(
    store: GraphStore, name: str, scope: Scope = ANNA, *, project: str = "p", limit: int = 10
) -> Neighbourhood | None:
    return (await store.neighbours(NeighboursQuery(project, scope, name, limit))).around


async def known(store: GraphStore, name: str, scope: Scope = ANNA) -> bool:
    return await around(store, name, scope) is not None


async def mentioned(store: GraphStore, scope: Scope = ANNA, **fields: Any) -> list[tuple[str, str, int]]:
    query = EntitiesQuery("p", scope, fields.pop("offset", 0), fields.pop("limit", 100), **fields)
    page = (await store.entities(query)).entities
    return [(one.entity.name, one.entity.kind, one.memories) for one in page]


async def way(store: GraphStore, source: str, target: str, scope: Scope = ANNA, most_steps: int = 9) -> PathAnswer:
    return await store.path(PathQuery("p", scope, source, target, most_steps))


@pytest.fixture(params=["in memory", "with snapshots"])
async def store(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[GraphStore]:
    made: GraphStore = in_memory() if request.param == "in memory" else build(Settings(data_dir=tmp_path), 0)
    yield made
    await made.close()


async def test_an_empty_store_is_at_position_0_and_finds_nothing(store: GraphStore) -> None:
    assert (await store.status()).position == 0
    assert await found(store, "Kyoto") == []
    assert not await known(store, "Kyoto")


async def test_a_memory_is_found_by_what_it_mentions_however_it_is_written(store: GraphStore) -> None:
    assert (await store.apply(batch(0, memory("a", "New  York"), memory("b", "Bonn")))).position == 2
    assert await found(store, "new york") == ["a"]


async def test_the_walk_finds_a_memory_two_hops_away_after_the_nearer_one(store: GraphStore) -> None:
    await store.apply(batch(0, memory("far", "Y"), memory("near", "X", "Y"), memory("elsewhere", "Z")))
    answer = await store.search([GraphQuery("p", (Entity("X"),), 10)])
    (hits,) = answer.hits
    assert [hit.memory_id for hit in hits] == ["near", "far"]
    assert hits[0].score == 1.0
    assert 0 < hits[1].score < 1
    assert answer.applied.position == 3


async def test_a_rare_entity_leads_further_than_one_that_is_everywhere(store: GraphStore) -> None:
    crowd = [memory(f"c{i:02}", "Anna", f"thing {i}") for i in range(30)]
    await store.apply(batch(0, *crowd, memory("kyoto", "Kyoto"), memory("both", "Anna", "Kyoto")))
    assert (await found(store, "Kyoto", "Anna"))[:2] == ["both", "kyoto"]


async def test_typed_relations_lead_on_while_they_are_true(store: GraphStore) -> None:
    past = Relation("X", "lived_in", "Old", valid_at_us=1, invalid_at_us=2)
    now = Relation("X", "lives_in", "New", valid_at_us=2)
    await store.apply(batch(0, memory("a", relations=[past, now]), memory("old", "Old"), memory("new", "New")))
    assert await found(store, "X") == ["a", "new", "old"]


async def test_no_more_than_the_limit_is_answered(store: GraphStore) -> None:
    await store.apply(batch(0, *(memory(f"m{i}", "X") for i in range(5))))
    assert len(await found(store, "X", limit=3)) == 3
    assert await found(store, "X", limit=0) == []


async def test_many_queries_are_answered_in_order(store: GraphStore) -> None:
    await store.apply(batch(0, memory("a", "X"), memory("b", "Y")))
    queries = [GraphQuery("p", (Entity(name),), 5) for name in ("Y", "nobody", "X")]
    answer = await store.search(queries)
    assert [[hit.memory_id for hit in hits] for hits in answer.hits] == [["b"], [], ["a"]]
    assert len(answer.relations) == 3


async def test_an_update_replaces_what_the_old_version_gave(store: GraphStore) -> None:
    await store.apply(batch(0, memory("a", "X", relations=[Relation("X", "likes", "Tea")]), memory("b", "X")))
    await store.apply(batch(2, memory("a", "Y")))
    assert await found(store, "Y") == ["a"]
    assert await found(store, "X") == ["b"]
    assert not await known(store, "Tea")


async def test_a_deleted_memory_is_gone_and_so_is_what_only_it_mentioned(store: GraphStore) -> None:
    await store.apply(batch(0, memory("a", "X", "Y"), memory("b", "Y")))
    assert (await store.apply(batch(2, ("p", "a")))).position == 3
    assert not await known(store, "X")
    assert await found(store, "Y") == ["b"]
    assert (await store.apply(batch(3, ("p", "b"), ("p", "never was")))).position == 5
    assert not await known(store, "Y")


async def test_a_batch_again_changes_nothing(store: GraphStore) -> None:
    first = batch(0, memory("a", "X", "Y"), memory("b", "X", "Y"))
    second = batch(2, ("p", "a"))
    for one in (first, first, second, first, second, first):
        await store.apply(one)
    assert (await store.status()).position == 3
    assert await found(store, "X") == ["b"]
    left = await around(store, "X")
    assert left is not None
    assert left.memory_ids == ("b",)


async def test_an_overlapping_batch_brings_only_what_is_new(store: GraphStore) -> None:
    await store.apply(batch(0, memory("a", "X"), memory("a", "Y")))
    assert (await store.apply(batch(0, memory("a", "X"), memory("a", "Y"), memory("b", "Z")))).position == 3
    assert await found(store, "X") == []
    assert await found(store, "Y") == ["a"]
    assert await found(store, "Z") == ["b"]


async def test_a_gap_is_refused_and_nothing_of_it_is_taken(store: GraphStore) -> None:
    await store.apply(batch(0, memory("a", "X")))
    assert (await store.apply(batch(2, memory("b", "X")))).position == 1
    assert await found(store, "X") == ["a"]


async def test_a_batch_without_changes_moves_the_position(store: GraphStore) -> None:
    empty = ChangeBatch(0, 7, (), np.zeros((0, 0), np.float32))
    assert (await store.apply(empty)).position == 7


async def test_entities_that_are_found_later_are_added_at_the_same_position(store: GraphStore) -> None:
    await store.apply(batch(0, memory("a", known=False), memory("b", "Y")))
    assert await found(store, "X") == []
    await store.apply(batch(0, memory("a", "X"), memory("b", "Y")))
    assert await found(store, "X") == ["a"]
    assert (await store.status()).position == 2


async def test_projects_with_equal_ids_never_meet(store: GraphStore) -> None:
    await store.apply(batch(0, memory("a", "X", "Mine", project="p"), memory("a", "X", "Theirs", project="q")))
    assert await found(store, "X", project="q") == ["a"]
    assert await found(store, "Mine", project="q") == []
    await store.apply(batch(2, ("q", "a")))
    assert await found(store, "X", project="q") == []
    assert await found(store, "X", project="p") == ["a"]


async def test_users_do_not_meet_in_a_block(store: GraphStore) -> None:
    mine, theirs = memory("mine", "X"), memory("theirs", "X", "Y", scope=Scope(user_id="ben"))
    await store.apply(batch(0, mine, theirs))
    assert await found(store, "X", by=block("user_id", "anna")) == ["mine"]
    assert await found(store, "Y", by=block("user_id", "anna")) == []
    assert not await known(store, "Y")
    assert await known(store, "Y", Scope(user_id="ben"))
    assert sorted(await found(store, "X")) == ["mine", "theirs"]
    assert await found(store, "X", by=block("user_id", "nobody")) == []


async def test_an_agent_has_its_memories_under_many_users_and_no_others(store: GraphStore) -> None:
    scopes = [Scope(user_id=f"u{i}", agent_id="bot") for i in range(3)]
    mine = [memory(f"m{i}", "X", scope=scope) for i, scope in enumerate(scopes)]
    alone = memory("alone", "X", scope=Scope(agent_id="bot"))
    other = memory("other", "X", "Secret", scope=Scope(user_id="u0", agent_id="another"))
    await store.apply(batch(0, *mine, alone, other))
    by = block("agent_id", "bot")
    assert sorted(await found(store, "X", by=by)) == ["alone", "m0", "m1", "m2"]
    assert await found(store, "Secret", by=by) == []
    near = await around(store, "X", Scope(agent_id="bot"))
    assert near is not None
    assert sorted(near.memory_ids) == ["alone", "m0", "m1", "m2"]
    assert (near.relations, near.entities) == ((), ())


async def test_a_memory_that_moves_to_another_scope_leaves_the_old_one(store: GraphStore) -> None:
    await store.apply(batch(0, memory("a", "X")))
    await store.apply(batch(1, memory("a", "X", scope=Scope(user_id="ben"))))
    assert await found(store, "X", by=block("user_id", "anna")) == []
    assert await found(store, "X", by=block("user_id", "ben")) == ["a"]


async def test_a_person_is_found_by_one_of_her_names(store: GraphStore) -> None:
    full = memory("full", Entity("Anna Schmidt", "person"))
    first = memory("first", Entity("Anna", "person"))
    street = memory("street", Entity("Anna Street", "place"))
    await store.apply(batch(0, full, first, street))
    assert await found(store, "Anna") == ["first", "full"]
    assert await found(store, "Anna Schmidt") == ["full", "first"]
    assert await found(store, "Schmidt") == ["full"]
    assert await found(store, "Street") == []


async def test_relations_are_the_typed_ones_now_and_what_is_often_named_together(store: GraphStore) -> None:
    likes = Relation("Anna", "likes", "Tea")
    gone = Relation("Anna", "works_at", "Mill", valid_at_us=1, invalid_at_us=2)
    await store.apply(
        batch(
            0,
            memory("a", "Anna", relations=[likes, gone]),
            memory("b", relations=[likes]),
            memory("c", "Anna", "Bonn"),
            memory("d", "ANNA", "Bonn", "Once"),
        )
    )
    (edges,) = (await store.search([GraphQuery("p", (Entity("anna"),), 10)])).relations
    assert edges == (replace(likes, valid_at_us=0, memory_id="b"), Relation("Anna", "mentioned_with", "Bonn"))


async def test_relations_come_only_from_memories_of_the_block(store: GraphStore) -> None:
    hidden = [
        memory(
            f"h{i}", "X", "Y", scope=Scope(user_id="anna", agent_id="other"), relations=[Relation("X", "hates", "Y")]
        )
        for i in range(3)
    ]
    mine = memory("mine", "X", "Y", scope=Scope(user_id="anna", agent_id="bot"))
    await store.apply(batch(0, *hidden, mine))
    query = GraphQuery("p", (Entity("X"),), 10, block("agent_id", "bot"))
    answer = await store.search([query])
    assert [hit.memory_id for hit in answer.hits[0]] == ["mine"]
    assert answer.relations == ((),)


async def test_neighbours_say_name_kind_links_and_memories_newest_first(store: GraphStore) -> None:
    await store.apply(
        batch(
            0,
            memory(
                "b", Entity("Anna", "person"), "Bonn", relations=[Relation("Anna", "likes", "Tea")], created_at_us=2
            ),
            memory("a", Entity("anna", "person"), "Bonn", "Once", created_at_us=1),
            memory("c", Entity("Anna", "org"), created_at_us=3),
        )
    )
    near = await around(store, " ANNA ", limit=2)
    assert near is not None
    assert near.entity == Mentioned(Entity("Anna", "person"), 3)
    assert near.memory_ids == ("c", "b")
    likes = Relation("Anna", "likes", "Tea", valid_at_us=2, memory_id="b")
    assert near.relations == (likes, Relation("Anna", "mentioned_with", "Bonn"))
    assert near.entities == (Mentioned(Entity("Bonn"), 2), Mentioned(Entity("Once"), 1))
    assert await around(store, "nobody") is None
    assert await around(store, "Anna", project="q") is None


async def test_entities_are_counted_the_most_mentioned_first(store: GraphStore) -> None:
    await store.apply(
        batch(
            0,
            memory("a", Entity("New York", "gpe"), Entity("Ben", "person")),
            memory("b", "NEW  york", "York"),
            memory("c", "New York", project="q"),
            memory("d", "Secret", scope=Scope(user_id="ben")),
        )
    )
    assert await mentioned(store) == [("NEW  york", "gpe", 2), ("Ben", "person", 1), ("York", "other", 1)]
    assert await mentioned(store, offset=1, limit=1) == [("Ben", "person", 1)]
    assert [name for name, _, _ in await mentioned(store, name=" YORK")] == ["NEW  york", "York"]
    assert await mentioned(store, name="nothing like it") == []
    assert (await store.entities(EntitiesQuery("p", ANNA, 1, 1))).count == 3


async def test_every_id_of_a_scope_is_obeyed(store: GraphStore) -> None:
    both, other_agent, other_user = (
        Scope(user_id="anna", agent_id="bot"),
        Scope(user_id="anna", agent_id="another"),
        Scope(user_id="ben", agent_id="bot"),
    )
    await store.apply(
        batch(
            0,
            memory("mine", "X", "Y", scope=both),
            memory("anna's", "X", "Secret", scope=other_agent),
            memory("the bot's", "Y", "Secret", scope=other_user),
        )
    )
    assert await mentioned(store, both) == [("X", "other", 1), ("Y", "other", 1)]
    near = await around(store, "X", both)
    assert near is not None
    assert near.memory_ids == ("mine",)
    assert near.entities == (Mentioned(Entity("Y"), 1),)
    assert (await way(store, "X", "Secret", both)).unknown == ("Secret",)
    assert len((await way(store, "X", "Secret", Scope(agent_id="bot"))).steps) == 2


async def test_mentions_are_counted_of_all_that_a_search_starts_from(store: GraphStore) -> None:
    await store.apply(
        batch(
            0,
            memory("a", Entity("Anna Schmidt", "person")),
            memory("b", Entity("Anna", "person")),
            memory("c", "Bonn", Entity("Anna", "person"), scope=Scope(user_id="ben")),
        )
    )
    asked = [
        GraphQuery("p", (Entity("ANNA"), Entity("nobody")), 5),
        GraphQuery("p", (Entity("Anna"),), 5, block("user_id", "anna")),
        GraphQuery("q", (Entity("Anna"),), 5),
    ]
    answer = await store.mentions(asked)
    assert answer.mentions == ({"anna": 2, "anna schmidt": 1}, {"anna": 1, "anna schmidt": 1}, {})
    assert answer.applied.position == 3


async def test_a_search_that_is_told_of_more_mentions_gives_bare_shares(store: GraphStore) -> None:
    await store.apply(batch(0, *(memory(f"m{number}", "X") for number in range(4))))
    told = [GraphQuery("p", (Entity("X"),), 10, None, {"x": count}) for count in (4, 8)]
    here, half = (await store.search(told)).hits
    alone = (await store.search([GraphQuery("p", (Entity("X"),), 10)])).hits[0]
    assert {hit.memory_id for hit in here} == {hit.memory_id for hit in alone}
    assert sum(hit.score for hit in here) == pytest.approx(2 * sum(hit.score for hit in half))
    assert sum(hit.score for hit in here) < 1
    elsewhere = GraphQuery("p", (Entity("Y"),), 10, None, {"y": 5})
    assert (await store.search([elsewhere])).hits == ((),)


async def where_does_anna_live(store: GraphStore, at_us: int | None = None) -> list[Relation]:
    near = (await store.neighbours(NeighboursQuery("p", ANNA, "Anna", 10, view=View(at_us)))).around
    return [edge for edge in near.relations if edge.memory_id] if near else []


def moves_to(memory_id: str, place: str, at_us: int, relationship: str = "Lives in") -> MemoryVersion:
    return memory(memory_id, relations=[Relation("Anna", relationship, place)], created_at_us=at_us)


async def test_a_newer_statement_closes_the_older_until_it_is_deleted(store: GraphStore) -> None:
    await store.apply(batch(0, moves_to("rome", "Rome", 20, "lives_in"), moves_to("bonn", "Bonn", 10)))
    rome = Relation("Anna", "lives_in", "Rome", valid_at_us=20, memory_id="rome")
    assert await where_does_anna_live(store) == [rome]
    (met,) = (await store.search([GraphQuery("p", (Entity("Anna"),), 10)])).relations
    assert [edge for edge in met if edge.memory_id] == [rome]
    await store.apply(batch(2, ("p", "rome")))
    bonn = Relation("Anna", "Lives in", "Bonn", valid_at_us=10, memory_id="bonn")
    assert await where_does_anna_live(store) == [bonn]


async def test_at_a_time_what_was_true_then_is_true_and_what_was_made_later_does_not_count(store: GraphStore) -> None:
    told_later = memory(
        "oslo", relations=[Relation("Anna", "lives_in", "Oslo", valid_at_us=5, invalid_at_us=8)], created_at_us=30
    )
    await store.apply(batch(0, moves_to("bonn", "Bonn", 10), moves_to("rome", "Rome", 20), told_later))
    assert await where_does_anna_live(store, 9) == []
    bonn = Relation("Anna", "Lives in", "Bonn", valid_at_us=10, memory_id="bonn")
    assert await where_does_anna_live(store, 10) == [bonn]
    assert await where_does_anna_live(store, 19) == [bonn]
    assert [edge.target for edge in await where_does_anna_live(store, 20)] == ["Rome"]
    query = GraphQuery("p", (Entity("Anna"),), 10, view=View(15))
    assert [hit.memory_id for hit in (await store.search([query])).hits[0]] == ["bonn"]


async def test_what_another_user_says_closes_nothing(store: GraphStore) -> None:
    elsewhere = memory(
        "x", relations=[Relation("Anna", "lives_in", "Rome")], created_at_us=20, scope=Scope(user_id="ben")
    )
    await store.apply(batch(0, moves_to("bonn", "Bonn", 10), elsewhere))
    assert [edge.target for edge in await where_does_anna_live(store)] == ["Bonn"]


async def test_the_walk_follows_only_relations_that_are_still_true(store: GraphStore) -> None:
    await store.apply(
        batch(
            0,
            memory("told", relations=[Relation("Anna", "husband", "Peter")], created_at_us=1),
            memory("newer", relations=[Relation("Anna", "husband", "Paul")], created_at_us=2),
            memory("peter works", relations=[Relation("Peter", "works_at", "Mill")], created_at_us=1),
            memory("paul works", relations=[Relation("Paul", "works_at", "Bank")], created_at_us=1),
        )
    )
    role = Role("Anna", ("husband",), ("married_to",))
    answer = await store.search([GraphQuery("p", (), 10, roles=(role,))])
    assert [hit.memory_id for hit in answer.hits[0]][:2] == ["paul works", "newer"]
    then = GraphQuery("p", (), 10, roles=(role,), view=View(1))
    assert "peter works" in [hit.memory_id for hit in (await store.search([then])).hits[0]][:2]
    assert (await store.mentions([GraphQuery("p", (), 10, roles=(role,))])).mentions == ({"paul": 2},)


async def test_from_a_name_the_walk_reaches_two_hops_over_typed_relations(store: GraphStore) -> None:
    filler = [memory(f"f{number}", f"thing {number}") for number in range(20)]
    await store.apply(
        batch(
            0,
            *filler,
            memory("married", relations=[Relation("Anna", "married_to", "Peter")]),
            memory("works", relations=[Relation("Peter", "works_at", "Siemens")]),
            memory("town", relations=[Relation("Siemens", "located_in", "Munich")]),
        )
    )
    assert await found(store, "Anna") == ["married", "works", "town"]


async def test_my_sister_is_that_of_the_user_who_asks_or_of_whoever_speaks_of_one(store: GraphStore) -> None:
    await store.apply(
        batch(
            0,
            memory("a", relations=[Relation("anna", "sister", "Eva")]),
            memory("b", relations=[Relation("Ben", "sister", "Ida")]),
            memory("c", relations=[Relation("Ben", "sister", "Lea")], scope=Scope(user_id="carl")),
            memory("d", relations=[Relation("Lea", "sister", "Ben")], scope=Scope(user_id="carl")),
        )
    )
    mine = Role(None, ("sister",))

    async def who(by: BlockKey) -> dict[str, int]:
        return dict((await store.mentions([GraphQuery("p", (), 10, by, roles=(mine,))])).mentions[0])

    assert await who(block("user_id", "anna")) == {"eva": 1}
    assert await who(block("user_id", "carl")) == {"lea": 2, "ben": 2}
    assert await who(block("user_id", "nobody")) == {}


async def test_names_that_mean_the_same_are_one_while_they_are_said_to_be(store: GraphStore) -> None:
    await store.apply(
        batch(
            0,
            memory("a", Entity("Anna Schmidt", "person"), "Bonn", relations=[Relation("Anna Schmidt", "likes", "Tea")]),
            memory("b", Entity("Nana", "person"), "Rome", relations=[Relation("Nana", "knows", "Anna Schmidt")]),
            memory("c", Entity("Nana", "person"), relations=[Relation("Eva", "likes", "Nana")]),
        )
    )
    before = await mentioned(store), await around(store, "Nana")
    view = View(aliases={"nana": "anna schmidt"})
    page = (await store.entities(EntitiesQuery("p", ANNA, 0, 10, view=view))).entities
    assert {one.entity.name: one.memories for one in page} == {
        "Anna Schmidt": 3,
        "Bonn": 1,
        "Eva": 1,
        "Rome": 1,
        "Tea": 1,
    }
    near = (await store.neighbours(NeighboursQuery("p", ANNA, "nana", 10, view=view))).around
    assert near is not None
    assert near.entity == Mentioned(Entity("Anna Schmidt", "person"), 3)
    assert {(edge.source, edge.target) for edge in near.relations if edge.memory_id} == {
        ("Anna Schmidt", "Tea"),
        ("Eva", "Anna Schmidt"),
    }
    way = await store.path(PathQuery("p", ANNA, "Rome", "Bonn", 4, view=view))
    assert way.entities == ("Rome", "Anna Schmidt", "Bonn")
    hits = (await store.search([GraphQuery("p", (Entity("Nana"),), 10, view=view)])).hits[0]
    assert {hit.memory_id for hit in hits} == {"a", "b", "c"}
    assert (await mentioned(store), await around(store, "Nana")) == before


async def test_names_meet_whatever_their_accents_width_article_or_possessive(store: GraphStore) -> None:
    await store.apply(batch(0, memory("a", "Ann\u00e9"), memory("b", "\uff21nne\u2019s"), memory("c", "The Hague")))
    assert sorted(await found(store, "anne")) == ["a", "b"]
    assert await found(store, "hague") == ["c"]
    assert await found(store, "The") == []


async def test_what_has_expired_is_nowhere(store: GraphStore) -> None:
    gone = memory("gone", "X", "Y", "Old", expires="2000-01-01")
    await store.apply(batch(0, gone, memory("here", "X", expires="2999-01-01"), memory("there", "Y")))
    assert await mentioned(store) == [("X", "other", 1), ("Y", "other", 1)]
    assert not await known(store, "Old")
    near = await around(store, "X")
    assert near is not None
    assert (near.memory_ids, near.entities) == (("here",), ())
    assert (await way(store, "X", "Y")).entities is None
    await store.apply(batch(3, memory("gone", "X", "Y", expires=None)))
    assert (await way(store, "X", "Y")).entities == ("X", "Y")


async def test_a_path_is_the_shortest_and_says_what_links_each_step(store: GraphStore) -> None:
    past = Relation("C", "left", "D", valid_at_us=1, invalid_at_us=2)
    await store.apply(
        batch(
            0,
            memory("old", "A", "B", created_at_us=1),
            memory("new", "A", "B", created_at_us=2),
            memory("typed", relations=[Relation("C", "knows", "b")], created_at_us=1),
            memory("untyped", "B", "C", created_at_us=5),
            memory("past", relations=[past]),
            memory("alone", "Z"),
        )
    )
    found = await way(store, "a", " D")
    assert found.entities == ("A", "B", "C", "D")
    assert found.steps == (
        PathStep(Relation("A", "mentioned_with", "B"), "new"),
        PathStep(Relation("C", "knows", "B", valid_at_us=1, memory_id="typed"), "typed"),
        PathStep(Relation("C", "mentioned_with", "D"), "past"),
    )
    assert (await way(store, "A", "D", most_steps=2)).entities is None
    assert (await way(store, "A", "Z")) == PathAnswer(found.applied)
    assert (await way(store, "A", "a")).entities == ("A",)
    assert (await way(store, "nobody", "Nowhere")).unknown == ("nobody", "Nowhere")


async def test_who_stands_beside_some_entities_is_said_once_of_the_first(store: GraphStore) -> None:
    await store.apply(
        batch(
            0,
            memory("a", "A", "B", "C"),
            memory("b", "B", "C", "D"),
            memory("old", "A", "Old", expires="2000-01-01"),
            memory("ben's", "A", "Secret", scope=Scope(user_id="ben")),
        )
    )
    answer = await store.beside(BesideQuery("p", ANNA, ("a", "b", "nobody")))
    assert answer.beside == (("c",), ("d",), ())
    assert answer.applied.position == 4
    (of_b, of_a) = (await store.beside(BesideQuery("p", ANNA, ("b", "a")))).beside
    assert (set(of_b), of_a) == ({"c", "d"}, ())
    assert (await store.beside(BesideQuery("q", ANNA, ("a",)))).beside == ((),)


async def test_of_equally_short_ways_it_is_always_the_same(store: GraphStore) -> None:
    ways = [memory("ac", "A", "C"), memory("ab", "A", "B"), memory("cz", "C", "Z"), memory("bz", "B", "Z")]
    await store.apply(batch(0, *ways))
    first = await way(store, "A", "Z")
    assert first.entities == ("A", "B", "Z")
    await store.apply(batch(4, ("p", "ab"), ("p", "bz"), ways[1], ways[3]))
    assert (await way(store, "A", "Z")).steps == first.steps


async def test_nameless_entities_and_loops_are_left_out(store: GraphStore) -> None:
    await store.apply(batch(0, memory("a", " ", "X", relations=[Relation("X", "is", "x"), Relation("", "is", "X")])))
    assert await found(store, "X") == ["a"]
    assert await found(store, " ") == []


async def test_searches_while_changes_come_see_whole_batches(store: GraphStore) -> None:
    async def write() -> None:
        for number in range(20):
            await store.apply(batch(2 * number, memory(f"a{number}", "X"), memory(f"b{number}", "X")))

    writing = asyncio.gather(write())
    while not writing.done():
        answer = await store.search([GraphQuery("p", (Entity("X"),), 100)])
        assert len(answer.hits[0]) == answer.applied.position
    await writing


async def test_a_closed_store_says_so(store: GraphStore) -> None:
    await store.close()
    await store.close()
    with pytest.raises(Unavailable, match="closed"):
        await store.status()


# What only the store with a file can do.


def opened(folder: Path, shard: int = 0, snapshot_changes: int = 5000) -> GraphStore:
    return build(Settings(data_dir=folder, graph=GraphSettings(snapshot_changes=snapshot_changes)), shard)


async def test_after_a_clean_stop_all_is_there(tmp_path: Path) -> None:
    first = opened(tmp_path)
    likes = Relation("Anna", "likes", "Tea", 1, None)
    await first.apply(
        batch(0, memory("a", Entity("Anna Schmidt", "person"), relations=[likes]), memory("b", known=False))
    )
    before: Applied = await first.status()
    await first.close()
    second = opened(tmp_path)
    after = await second.status()
    assert after.position == 2
    assert after.incarnation != before.incarnation
    assert await found(second, "Tea") == ["a"]
    assert await found(second, "Schmidt") == ["a"]
    await second.apply(batch(0, memory("a", "X"), memory("b", "Late")))
    assert await found(second, "Late") == ["b"]
    await second.close()


async def test_after_a_crash_the_last_snapshot_is_there_and_the_tail_is_pushed_again(tmp_path: Path) -> None:
    first = opened(tmp_path, snapshot_changes=2)
    await first.apply(batch(0, memory("a", "X"), memory("b", "X")))
    await first.apply(batch(2, ("p", "a")))
    await first.status()
    second = opened(tmp_path)
    assert (await second.status()).position == 2
    assert (await second.apply(batch(3, memory("c", "X")))).position == 2
    assert (await second.apply(batch(2, ("p", "a"), memory("c", "X")))).position == 4
    assert sorted(await found(second, "X")) == ["b", "c"]
    await first.close()
    await second.close()


async def test_a_position_that_moved_without_changes_is_kept_too(tmp_path: Path) -> None:
    first = opened(tmp_path)
    await first.apply(ChangeBatch(0, 7, (), np.zeros((0, 0), np.float32)))
    await first.close()
    second = opened(tmp_path)
    assert (await second.status()).position == 7
    await second.close()


async def test_nothing_is_written_before_anything_changes(tmp_path: Path) -> None:
    await opened(tmp_path).close()
    assert not (tmp_path / "graph-0.msgpack").exists()


async def test_a_damaged_snapshot_is_set_aside_and_the_store_starts_empty(tmp_path: Path) -> None:
    path = tmp_path / "graph-0.msgpack"
    first = opened(tmp_path)
    await first.apply(batch(0, memory("a", "X")))
    await first.close()
    good = path.read_bytes()
    flipped = bytearray(good)
    flipped[len(good) // 2] ^= 1
    for damages, bad in enumerate(
        (b"", b"\x93\x01", good[:-1], good + b"\0", bytes(flipped), b"\x80", b"plain text"), 1
    ):
        path.write_bytes(bad)
        store = build(Settings(data_dir=tmp_path), 0)
        assert store.notice is not None
        assert "set aside" in store.notice
        assert (await store.status()).position == 0
        assert await found(store, "X") == []
        assert (tmp_path / f"graph-0.msgpack.damaged-{damages}").read_bytes() == bad
        assert not path.exists()
        await store.close()


async def test_the_snapshot_of_another_shard_is_set_aside(tmp_path: Path) -> None:
    first = opened(tmp_path, shard=1)
    await first.apply(batch(0, memory("a", "X")))
    await first.close()
    (tmp_path / "graph-1.msgpack").rename(tmp_path / "graph-0.msgpack")
    store = build(Settings(data_dir=tmp_path), 0)
    assert store.notice is not None
    assert (await store.status()).position == 0
    await store.close()


async def test_a_snapshot_that_cannot_be_written_stops_nothing_but_is_told(tmp_path: Path) -> None:
    blocked = tmp_path / "file"
    blocked.write_text("not a folder")
    store = build(Settings(data_dir=blocked, graph=GraphSettings(snapshot_changes=1)), 0)
    await store.apply(batch(0, memory("a", "X")))
    assert await found(store, "X") == ["a"]
    assert store.notice is not None
    assert "could not be written" in store.notice
    await store.close()


async def test_saving_now_takes_erased_names_out_of_the_file(tmp_path: Path) -> None:
    store = build(Settings(data_dir=tmp_path), 0)
    await store.apply(batch(0, memory("a", "Rumpelstiltskin"), memory("b", "X")))
    await store.save()
    path = tmp_path / "graph-0.msgpack"
    assert b"Rumpelstiltskin" in path.read_bytes()
    await store.apply(batch(2, ("p", "a")))
    await store.save()
    assert b"Rumpelstiltskin" not in path.read_bytes()
    await store.close()
