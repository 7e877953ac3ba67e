"""One suite for every vector store: in memory, on a Milvus Lite file, and on a Lite file behind a network address."""

from __future__ import annotations

import asyncio
import fcntl
from collections.abc import Awaitable, Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from engine.errors import Conflict, InvariantViolated, Unavailable
from engine.filters import And, Compare, Everything, Filter, Not, Op, Or
from engine.ports import EmbedderInfo, KeywordStatistics, VectorHit, VectorQuery, VectorStore
from engine.types import (
    BlockKey,
    ChangeBatch,
    Entity,
    FloatArray,
    Relation,
    Scope,
)
from engine.vector.memory import InMemoryVectorStore
from tests.conformance.vector_cases import DIMENSIONS, Ledger, axis, lasting_only, lite_only, version

Ask = Callable[..., Awaitable[dict[str, VectorHit]]]


@pytest.fixture(params=["by block", "wide"])
def ask(request: pytest.FixtureRequest, store: VectorStore, ledger: Ledger) -> Ask:
    """Searches ann's memories (or those the filter names), from her block or over the whole table."""
    return asking(store, ledger, by_block=request.param == "by block")


def asking(store: VectorStore, ledger: Ledger, *, by_block: bool) -> Ask:
    async def search(
        vector: FloatArray | None = None,
        text: str | None = None,
        also: Filter | None = None,
        user: str = "ann",
        project: str = "p",
        limit: int = 10,
    ) -> dict[str, VectorHit]:
        only = Compare("user_id", Op.EQ, user)
        node = only if also is None else And((only, also))
        key = BlockKey(project, "user_id", user) if by_block else None
        query = VectorQuery(project, node, limit, vector, text, key)
        answer = await store.search([query])
        if answer.cold[0] is not None:
            assert answer.hits[0] == ()
            await store.fill(ledger.block(answer.cold[0]))
            answer = await store.search([query])
            assert answer.cold == (None,)
        hits = {hit.version.memory_id: hit for hit in answer.hits[0]}
        assert len(hits) == len(answer.hits[0])
        return hits

    return search


async def counted(store: VectorStore, ledger: Ledger, query: VectorQuery) -> KeywordStatistics | None:
    """The keyword statistics, once the query's block is filled."""
    answer = await store.statistics([query])
    if answer.cold[0] is not None:
        assert answer.statistics == (None,)
        await store.fill(ledger.block(answer.cold[0]))
        answer = await store.statistics([query])
        assert answer.cold == (None,)
    return answer.statistics[0]


def ranked(hits: dict[str, VectorHit], leg: str) -> list[str]:
    return sorted(hits, key=lambda memory_id: -getattr(hits[memory_id], leg))


async def test_an_empty_store_answers_with_nothing(store: VectorStore, ask: Ask) -> None:
    assert await ask(axis(0), "anything") == {}
    assert (await store.status()).position == 0


async def test_what_was_added_is_found_whole(store: VectorStore, ledger: Ledger, ask: Ask) -> None:
    kept = version(
        "m1",
        "Ann's cat is called Mono 🐈",
        Scope("ann", "helper", "app", "run"),
        role="user",
        name="Ann",
        metadata={"a": [1, {"b": None}], "quote": '"\\'},
        categories=("pets", "home"),
        expiration_date="2027-01-01",
        entities=(Entity("Mono", "animal"),),
        relations=(Relation("Ann", "owns", "Mono", 5, None),),
        operation_id="op",
    )
    applied = await store.apply(ledger.add((kept, axis(0))))
    assert applied.position == 1
    hits = await ask(axis(0), "what is the cat called?")
    assert hits["m1"].version == kept
    assert hits["m1"].dense == pytest.approx(1.0, abs=1e-5)
    assert hits["m1"].keywords is not None
    assert 0 < hits["m1"].keywords <= 1


async def test_dense_scores_are_cosines_in_the_right_order(store: VectorStore, ledger: Ledger, ask: Ask) -> None:
    await store.apply(
        ledger.add(
            (version("near"), axis(0, 0.1)),
            (version("nearer"), 3 * axis(0)),
            (version("far"), axis(4)),
            (version("opposite"), -axis(0)),
        )
    )
    hits = await ask(axis(0))
    assert ranked(hits, "dense") == ["nearer", "near", "far", "opposite"]
    assert hits["nearer"].dense == pytest.approx(1.0, abs=1e-5)
    assert hits["opposite"].dense == pytest.approx(-1.0, abs=1e-5)
    assert hits["near"].keywords is None


async def test_a_keyword_hit_enters_alone_and_carries_both_scores(store: VectorStore, ledger: Ledger, ask: Ask) -> None:
    others = [(version(f"m{at}", f"something else, number {at}"), axis(0, at / 100)) for at in range(5)]
    await store.apply(ledger.add(*others, (version("exact", "the invoice is INV-2024-007"), axis(5))))
    hits = await ask(axis(6), "INV-2024-007", limit=3)
    assert len(hits) == 3
    assert hits["exact"].dense == pytest.approx(0.0, abs=1e-5)
    assert ranked(hits, "keywords")[0] == "exact"
    assert all(hit.keywords == 0.0 for memory_id, hit in hits.items() if memory_id != "exact")


async def test_the_best_keyword_match_scores_highest(store: VectorStore, ledger: Ledger, ask: Ask) -> None:
    await store.apply(
        ledger.add(
            (version("both", "Caroline adopted two puppies"), axis(1)),
            (version("one", "Caroline went home late yesterday evening"), axis(2)),
            (version("none", "It rained"), axis(3)),
        )
    )
    hits = await ask(text="Which puppy did Caroline adopt?")
    assert ranked(hits, "keywords") == ["both", "one"]
    assert all(hit.keywords is not None and 0 < hit.keywords <= 1 for hit in hits.values())
    assert hits["both"].dense is None


async def test_a_query_of_stop_words_finds_nothing_by_keywords(store: VectorStore, ledger: Ledger, ask: Ask) -> None:
    await store.apply(ledger.add((version("m1", "who are you"), axis(0))))
    assert await ask(text="who are you") == {}
    assert (await ask(axis(0), "who are you"))["m1"].keywords is None


async def test_many_queries_are_answered_in_order(store: VectorStore, ledger: Ledger) -> None:
    await store.apply(ledger.add(*((version(f"m{at}"), axis(at)) for at in range(DIMENSIONS))))
    only = Compare("user_id", Op.EQ, "ann")
    queries = [VectorQuery("p", only, 1, axis(at)) for at in range(DIMENSIONS)]
    queries.insert(3, VectorQuery("p", Compare("user_id", Op.EQ, "bob"), 1, axis(3)))
    queries.append(VectorQuery("elsewhere", only, 1, axis(0)))
    answer = await store.search(queries)
    found = [[hit.version.memory_id for hit in hits] for hits in answer.hits]
    assert found == [["m0"], ["m1"], ["m2"], [], ["m3"], ["m4"], ["m5"], ["m6"], ["m7"], []]
    assert answer.cold == (None,) * 10


async def test_projects_never_meet(store: VectorStore, ledger: Ledger, ask: Ask) -> None:
    await store.apply(
        ledger.add(
            (version("mine", "my secret word", project="p"), axis(0)),
            (version("theirs", "my secret word", project="q"), axis(0)),
        )
    )
    assert set(await ask(axis(0), "secret word")) == {"mine"}
    assert set(await ask(axis(0), "secret word", project="q")) == {"theirs"}
    await store.apply(ledger.delete("theirs"))
    assert set(await ask(axis(0), "secret word")) == {"mine"}
    assert await ask(axis(0), "secret word", project="q") == {}


FILTERS: list[tuple[Filter, set[str]]] = [
    (Everything(), {"m1", "m2", "m3"}),
    (Compare("agent_id", Op.EQ, "a1"), {"m1"}),
    (Compare("agent_id", Op.NE, "a1"), {"m2", "m3"}),
    (Compare("agent_id", Op.PRESENT, None), {"m1", "m2"}),
    (Not(Compare("agent_id", Op.PRESENT, None)), {"m3"}),
    (Compare("agent_id", Op.IN, ("a1", "a2")), {"m1", "m2"}),
    (Compare("agent_id", Op.IN, ()), set()),
    (Compare("memory_id", Op.IN, ("m3", "m2", "unknown")), {"m2", "m3"}),
    (Compare("created_at", Op.GTE, 2_000), {"m2", "m3"}),
    (And((Compare("created_at", Op.GT, 1_000), Compare("created_at", Op.LT, 3_000))), {"m2"}),
    (Compare("metadata", Op.EQ, 2, "n"), {"m2"}),
    (Not(Compare("metadata", Op.EQ, 2, "n")), {"m1", "m3"}),
    (Compare("categories", Op.IN, ("pets",)), {"m3"}),
    (Or((Compare("agent_id", Op.EQ, "a1"), Compare("metadata", Op.EQ, 3, "n"))), {"m1", "m3"}),
    (Or(()), set()),
    (And(()), {"m1", "m2", "m3"}),
    (Compare("role", Op.EQ, "assistant"), {"m2"}),
    (Compare("text", Op.CONTAINS, "100%"), {"m3"}),
]


@pytest.mark.parametrize(("node", "expected"), FILTERS)
async def test_filters_select_what_they_say(
    store: VectorStore, ledger: Ledger, ask: Ask, node: Filter, expected: set[str]
) -> None:
    await store.apply(
        ledger.add(
            (version("m1", "blue one", Scope("ann", "a1"), created_at_us=1_000, metadata={"n": 1}), axis(1)),
            (
                version("m2", "blue two", Scope("ann", "a2"), created_at_us=2_000, metadata={"n": 2}, role="assistant"),
                axis(2),
            ),
            (version("m3", "blue 100%", created_at_us=3_000, metadata={"n": 3}, categories=("pets",)), axis(3)),
            (version("bob", "blue", Scope("bob", "a1")), axis(1)),
        )
    )
    assert set(await ask(axis(1), also=node)) == expected
    assert set(await ask(text="blue", also=node)) == expected


async def test_a_selective_filter_still_fills_the_limit(store: VectorStore, ledger: Ledger, ask: Ask) -> None:
    rows = [(version(f"m{at:03}", metadata={"rare": at % 50 == 49}), axis(0, at / 100)) for at in range(200)]
    await store.apply(ledger.add(*rows))
    hits = await ask(axis(0), also=Compare("metadata", Op.EQ, True, "rare"), limit=3)
    assert ranked(hits, "dense") == ["m049", "m099", "m149"]


NASTY = [
    'quote " or 1==1',
    '" or user_id != "',
    "back\\slash",
    "ends with \\",
    "it's",
    "emoji 🐟 und ümläut",
    "new\nline\tand tab\r",
    "%",
    "$meta",
    "用户",
    "a" * 256,
]


@pytest.mark.parametrize("nasty", NASTY)
async def test_no_id_or_text_can_break_out(store: VectorStore, ledger: Ledger, ask: Ask, nasty: str) -> None:
    await store.apply(
        ledger.add(
            (version("m1", nasty, Scope(user_id=nasty), metadata={nasty: nasty}, categories=(nasty,)), axis(0)),
            (version("other", "plain", Scope(user_id="somebody")), axis(0)),
        )
    )
    assert set(await ask(axis(0), nasty, user=nasty)) == {"m1"}
    assert set(await ask(axis(0), user=nasty, also=Compare("metadata", Op.EQ, nasty, nasty))) == {"m1"}
    assert await ask(axis(0), user=nasty, also=Compare("agent_id", Op.EQ, nasty)) == {}
    assert await ask(axis(0), user="ann") == {}


@pytest.mark.parametrize("text", ["x" * 200_000, "🐟" * 100_000, "wort " * 20_000])
async def test_long_texts_come_back_whole(store: VectorStore, ledger: Ledger, ask: Ask, text: str) -> None:
    await store.apply(ledger.add((version("long", text), axis(0))))
    assert (await ask(axis(0)))["long"].version.text == text


async def test_an_update_replaces_the_old_version(store: VectorStore, ledger: Ledger, ask: Ask) -> None:
    await store.apply(ledger.add((version("m1", "she lives in Rome"), axis(0))))
    await ask(axis(0))
    await store.apply(ledger.add((version("m1", "she lives in Oslo", version=2, live_from=2), axis(3))))
    hits = await ask(axis(3), "Oslo")
    assert hits["m1"].version.text == "she lives in Oslo"
    assert hits["m1"].dense == pytest.approx(1.0, abs=1e-5)
    assert await ask(text="Rome") == {}


async def test_what_is_deleted_is_gone_at_once(store: VectorStore, ledger: Ledger, ask: Ask) -> None:
    await store.apply(ledger.add((version("m1", "red"), axis(0)), (version("m2", "red"), axis(0))))
    assert set(await ask(axis(0), "red")) == {"m1", "m2"}
    await store.apply(ledger.delete("m1"))
    assert set(await ask(axis(0), "red")) == {"m2"}


async def test_an_update_and_a_delete_in_one_batch_take_effect_in_order(
    store: VectorStore, ledger: Ledger, ask: Ask
) -> None:
    added = ledger.add((version("m1"), axis(0)), (version("m2"), axis(0)), (version("m2", "second"), axis(1)))
    gone = ledger.delete("m1")
    back = ledger.add((version("m1", "again"), axis(2)))
    gone_again = ledger.delete("m2")
    changes = added.changes + gone.changes + back.changes + gone_again.changes
    batch = ChangeBatch(0, ledger.position, changes, np.concatenate([added.vectors, back.vectors]))
    assert (await store.apply(batch)).position == ledger.position
    hits = await ask(axis(2))
    assert {memory_id: hit.version.text for memory_id, hit in hits.items()} == {"m1": "again"}


async def test_the_same_batch_again_changes_nothing(store: VectorStore, ledger: Ledger, ask: Ask) -> None:
    batch = ledger.add((version("m1"), axis(0)), (version("m2"), axis(1)))
    first = await store.apply(batch)
    assert await store.apply(batch) == first
    assert set(await ask(axis(0))) == {"m1", "m2"}


async def test_an_older_change_never_revives(store: VectorStore, ledger: Ledger, ask: Ask) -> None:
    added = ledger.add((version("m1", "old news"), axis(0)))
    gone = ledger.delete("m1")
    await store.apply(added)
    await ask(axis(0))
    await store.apply(gone)
    assert (await store.apply(added)).position == 2
    assert await ask(axis(0), "news") == {}


async def test_a_batch_that_overlaps_adds_only_what_is_new(store: VectorStore, ledger: Ledger, ask: Ask) -> None:
    first = ledger.add((version("m1", "first"), axis(0)))
    second = ledger.delete("m1")
    third = ledger.add((version("m2", "third"), axis(0)))
    await store.apply(first)
    await store.apply(second)
    overlap = ChangeBatch(0, 3, first.changes + third.changes, np.concatenate([first.vectors, third.vectors]))
    assert (await store.apply(overlap)).position == 3
    assert set(await ask(axis(0))) == {"m2"}


async def test_a_batch_after_a_gap_is_refused(store: VectorStore, ledger: Ledger, ask: Ask) -> None:
    missed = ledger.add((version("m1"), axis(0)))
    late = ledger.add((version("m2"), axis(1)))
    assert (await store.apply(late)).position == 0
    assert not await ask_nothing(store)
    assert (await store.apply(missed)).position == 1
    assert (await store.apply(late)).position == 2
    assert set(await ask(axis(0))) == {"m1", "m2"}


async def ask_nothing(store: VectorStore) -> tuple[VectorHit, ...]:
    return (await store.search([VectorQuery("p", Everything(), 10, axis(0))])).hits[0]


async def test_an_empty_batch_moves_the_position(store: VectorStore) -> None:
    empty = ChangeBatch(0, 7, (), np.zeros((0, DIMENSIONS), dtype=np.float32))
    assert (await store.apply(empty)).position == 7


async def test_a_batch_with_a_missing_vector_is_refused_whole(store: VectorStore, ledger: Ledger) -> None:
    batch = ledger.add((version("m1"), axis(0)), (version("m2"), axis(1)))
    with pytest.raises(InvariantViolated, match="2 versions came with 1 vectors"):
        await store.apply(ChangeBatch(batch.after, batch.until, batch.changes, batch.vectors[:1]))
    assert (await store.status()).position == 0
    assert not await ask_nothing(store)


async def test_applies_and_searches_at_once_leave_no_trace_of_their_order(store: VectorStore, ledger: Ledger) -> None:
    batches = [ledger.add((version(f"m{at}"), axis(at % DIMENSIONS))) for at in range(20)]
    query = VectorQuery("p", Everything(), 100, axis(0))
    await asyncio.gather(*(store.apply(batch) for batch in batches), *(store.search([query]) for _ in range(5)))
    assert (await store.status()).position == 20
    assert len((await store.search([query])).hits[0]) == 20


# What only a lasting store has: cold blocks and restarts.


ANNS = BlockKey("p", "user_id", "ann")


def files(folder: Path, pattern: str) -> list[Path]:
    return list(folder.glob(pattern))


async def cold(store: VectorStore) -> bool:
    answer = await store.search([VectorQuery("p", Compare("user_id", Op.EQ, "ann"), 10, axis(0), None, ANNS)])
    return answer.cold == (ANNS,)


@lite_only
async def test_changes_between_naming_and_filling_a_block_win(store: VectorStore, ledger: Ledger) -> None:
    await store.apply(ledger.add((version("stays"), axis(0)), (version("goes"), axis(0)), (version("old"), axis(0))))
    assert await cold(store)
    read = ledger.block(ANNS)
    await store.apply(ledger.delete("goes"))
    await store.apply(ledger.add((version("old", "new", version=2), axis(1)), (version("comes"), axis(0))))
    await store.fill(read)
    hits = await asking(store, ledger, by_block=True)(axis(0))
    assert {memory_id: hit.version.text for memory_id, hit in hits.items()} == {
        "stays": "stays",
        "old": "new",
        "comes": "comes",
    }


@lite_only
async def test_a_block_read_ahead_of_the_index_is_not_set_back(store: VectorStore, ledger: Ledger) -> None:
    assert await cold(store)
    added = ledger.add((version("m1"), axis(0)), (version("m2"), axis(0)))
    gone = ledger.delete("m1")
    await store.fill(ledger.block(ANNS))
    await store.apply(added)
    assert set(await asking(store, ledger, by_block=True)(axis(0))) == {"m2"}
    await store.apply(gone)
    assert set(await asking(store, ledger, by_block=True)(axis(0))) == {"m2"}


@lite_only
async def test_a_block_read_too_early_stays_cold(store: VectorStore, ledger: Ledger) -> None:
    early = ledger.block(ANNS)
    await store.apply(ledger.add((version("m1"), axis(0))))
    await store.fill(early)
    assert await cold(store)
    assert set(await asking(store, ledger, by_block=True)(axis(0))) == {"m1"}


@lasting_only
async def test_a_closed_store_opens_where_it_was(opened: Callable[..., VectorStore], ledger: Ledger) -> None:
    store = opened()
    before = await store.apply(ledger.add((version("m1", "kept for good"), axis(0)), (version("m2"), axis(1))))
    await store.apply(ledger.delete("m2"))
    await store.close()
    again = opened()
    after = await again.status()
    assert after.position == 3
    assert after.incarnation != before.incarnation
    assert set(await asking(again, ledger, by_block=False)(axis(0), "kept")) == {"m1"}
    assert set(await asking(again, ledger, by_block=True)(axis(0), "kept")) == {"m1"}
    await again.close()


@lasting_only
async def test_an_unclosed_store_opens_no_further_than_what_is_durable(
    opened: Callable[..., VectorStore], ledger: Ledger
) -> None:
    first = opened(flush_rows=2)
    early = ledger.add((version("m1"), axis(0)), (version("m2"), axis(1)))
    late = ledger.add((version("m3"), axis(2)))
    await first.apply(early)
    await first.search([VectorQuery("p", Everything(), 1, axis(0))])  # waits behind the flush
    await first.apply(late)
    second = opened()
    assert (await second.status()).position == 2
    assert (await second.apply(late)).position == 3
    assert set(await asking(second, ledger, by_block=False)(axis(0))) == {"m1", "m2", "m3"}
    await second.close()


@lasting_only
async def test_vectors_of_another_model_are_refused(opened: Callable[..., VectorStore]) -> None:
    await opened().close()
    for other in (EmbedderInfo("other", DIMENSIONS, 128), EmbedderInfo("test-model", 16, 128)):
        with pytest.raises(Conflict, match=r"made by test-model \(8 dimensions\).*remove"):
            opened(other)
    await opened().close()


@lasting_only
async def test_another_language_begins_anew(opened: Callable[..., VectorStore], ledger: Ledger) -> None:
    store = opened()
    batch = ledger.add((version("m1", "die Häuser am See"), axis(0)))
    await store.apply(batch)
    await store.close()
    german = opened(language="german")
    assert (await german.status()).position == 0
    await german.apply(batch)
    assert set(await asking(german, ledger, by_block=False)(text="Haus")) == {"m1"}
    await german.close()


@lite_only
async def test_a_damaged_mark_is_set_aside_and_the_index_begun_anew(
    opened: Callable[..., VectorStore], ledger: Ledger, tmp_path: Path
) -> None:
    store = opened()
    await store.apply(ledger.add((version("m1"), axis(0))))
    await store.close()
    (mark,) = files(tmp_path, "*.mark.json")
    mark.write_text('{"position": "far"}')
    again = opened()
    assert (await again.status()).position == 0
    assert await ask_nothing(again) == ()
    assert "damaged mark" in again.notices[0]  # type: ignore[attr-defined]
    assert len(files(tmp_path, "*.mark.json.damaged-*")) == 1
    await again.close()


@lite_only
async def test_a_damaged_file_is_set_aside_and_the_index_begun_anew(
    opened: Callable[..., VectorStore], ledger: Ledger, tmp_path: Path
) -> None:
    store = opened()
    await store.apply(ledger.add((version("m1"), axis(0))))
    await store.close()
    for part in files(tmp_path, "*.db/**/*"):
        if part.is_file() and part.name != "LOCK":
            part.write_bytes(b"damaged")
    again = opened()
    assert (await again.status()).position == 0
    assert "damaged vectors" in again.notices[0]  # type: ignore[attr-defined]
    assert (await again.apply(ledger.delete("m1"))).position == 0
    assert len(files(tmp_path, "*.db.damaged-*")) == 1
    await again.close()


@lite_only
async def test_a_file_that_another_process_has_open_is_left_alone(
    opened: Callable[..., VectorStore], ledger: Ledger, tmp_path: Path
) -> None:
    store = opened()
    await store.apply(ledger.add((version("m1"), axis(0))))
    await store.close()
    (lock,) = files(tmp_path, "*.db/LOCK")
    with lock.open() as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        with pytest.raises(Unavailable, match="open in another process"):
            opened()
    again = opened()
    assert (await again.status()).position == 1
    await again.close()


@lite_only
async def test_a_lost_file_begins_anew(opened: Callable[..., VectorStore], ledger: Ledger, tmp_path: Path) -> None:
    store = opened()
    await store.apply(ledger.add((version("m1"), axis(0))))
    await store.close()
    (path,) = files(tmp_path, "*.db")
    path.rename(tmp_path / "elsewhere")
    again = opened()
    assert (await again.status()).position == 0
    await again.close()


async def test_keyword_statistics_are_those_of_the_block(store: VectorStore, ledger: Ledger) -> None:
    await store.apply(
        ledger.add(
            (version("a", "the cat and the dog"), axis(0)),
            (version("b", "a dog"), axis(1)),
            (version("c", "a cat", scope=Scope(user_id="ben")), axis(2)),
        )
    )
    key = BlockKey("p", "user_id", "ann")
    query = VectorQuery("p", Compare("user_id", Op.EQ, "ann"), 5, None, "cats, dogs and birds", key)
    assert await counted(store, ledger, query) == KeywordStatistics(2, 3, {"cat": 1, "dog": 2, "bird": 0}, 3)
    await store.apply(ledger.delete("b"))
    assert await counted(store, ledger, query) == KeywordStatistics(1, 2, {"cat": 1, "dog": 1, "bird": 0}, 2)
    nobody = VectorQuery("p", Everything(), 5, None, "cat", BlockKey("p", "user_id", "nobody"))
    assert await counted(store, ledger, nobody) == KeywordStatistics(0, 0, {"cat": 0})
    assert await counted(store, ledger, replace(query, text=None)) is None


async def test_with_the_statistics_of_all_parts_each_part_gives_the_shares_of_the_whole(
    store: VectorStore, ledger: Ledger
) -> None:
    texts = ["cat", "cat dog", "a long tale of dogs and boats", "boat", "dog dog dog"]
    whole = InMemoryVectorStore(DIMENSIONS)
    both = [version(f"m{at}", text, Scope(user_id="ann" if at < 3 else "ben")) for at, text in enumerate(texts)]
    changes = ledger.add(*[(one, axis(at)) for at, one in enumerate(both)])
    await store.apply(changes)
    await whole.apply(changes)
    wide = VectorQuery("p", Everything(), 5, None, "cat and dog")
    everything = (await whole.statistics([wide])).statistics[0]
    assert everything == KeywordStatistics(5, 11, {"cat": 2, "dog": 3}, 11)
    exact = {hit.version.memory_id: hit.keywords for hit in (await whole.search([wide])).hits[0]}
    found: dict[str, float | None] = {}
    for user in ("ann", "ben"):
        key = BlockKey("p", "user_id", user)
        query = VectorQuery("p", Compare("user_id", Op.EQ, user), 5, None, "cat and dog", key, everything)
        await counted(store, ledger, query)
        found |= {hit.version.memory_id: hit.keywords for hit in (await store.search([query])).hits[0]}
    assert found == pytest.approx(exact, abs=1e-6)
