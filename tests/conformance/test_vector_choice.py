"""Which memories a vector store chooses from, where there are many: whole and wide, the same for every store."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from engine.filters import Compare, Op
from engine.ports import VectorQuery, VectorStore
from engine.ranking.signals import Signal
from engine.types import BlockKey, Derived, LiveRows, Scope
from engine.vector.memory import InMemoryVectorStore
from tests.conformance.vector_cases import DIMENSIONS, Ledger, axis, lasting_only, version

ANNS = Compare("user_id", Op.EQ, "ann")
BLOCK = BlockKey("p", "user_id", "ann")
LATER_US = 1_800_000_000_000_000


async def found(store: VectorStore, ledger: Ledger, query: VectorQuery) -> set[str]:
    answer = await store.search([query])
    if answer.cold[0] is not None:
        await store.fill(ledger.block(answer.cold[0]))
        answer = await store.search([query])
    return {hit.version.memory_id for hit in answer.hits[0]}


@pytest.mark.parametrize("block", [BLOCK, None], ids=["by block", "wide"])
async def test_a_memory_that_is_asked_for_is_there_however_far_it_lies(
    store: VectorStore, ledger: Ledger, block: BlockKey | None
) -> None:
    near = [(version(f"m{at}"), axis(0)) for at in range(60)]
    bobs, elsewhere = version("bobs", scope=Scope(user_id="bob")), version("elsewhere", project="q")
    await store.apply(ledger.add(*near, (version("far"), axis(3)), (bobs, axis(3)), (elsewhere, axis(3))))
    query = VectorQuery("p", ANNS, 0, axis(0), "anything", block, among=("far", "bobs", "elsewhere", "nobody"))
    assert await found(store, ledger, query) == {"far"}


@pytest.mark.parametrize("block", [BLOCK, None], ids=["by block", "wide"])
async def test_what_has_expired_takes_nobodys_place(store: VectorStore, ledger: Ledger, block: BlockKey | None) -> None:
    over = [(version(f"m{at}", expiration_date="2020-01-31"), axis(0)) for at in range(80)]
    await store.apply(ledger.add(*over, (version("fresh"), axis(0, 0.5))))
    query = VectorQuery("p", ANNS, 5, axis(0), None, block, at_us=LATER_US)
    assert await found(store, ledger, query) == {"fresh"}


@lasting_only
async def test_candidates_that_are_side_by_side_only_because_others_are_missing_say_nothing_for_each_other(
    store: VectorStore, ledger: Ledger
) -> None:
    texts = ("Where is the cello?", "rain", "fog", "a cello again")
    run = Scope(user_id="ann", run_id="one")
    said = [
        (version(f"m{at}", text, run, created_at_us=at, name=f"speaker {at}"), axis(at))
        for at, text in enumerate(texts)
    ]
    await store.apply(ledger.add(*said))
    answer = await store.search([VectorQuery("p", ANNS, 5, text="cello rain")])
    by_id = {hit.version.memory_id: hit.signals for hit in answer.hits[0]}
    assert by_id.keys() == {"m0", "m1", "m3"}
    assert all(signals[Signal.KEYWORDS_CONTEXT] == signals[Signal.KEYWORDS] for signals in by_id.values())
    assert not any(Signal.REPLY in signals for signals in by_id.values())


async def test_a_rebuilt_store_in_memory_still_knows_what_was_derived(ledger: Ledger) -> None:
    store = InMemoryVectorStore(DIMENSIONS)
    one = version("m1")
    await store.apply(ledger.add((one, axis(0))))
    await store.derive([Derived("m1", 1, b"", axis(0), np.zeros((0, 4), np.int8))])
    query = replace(VectorQuery("p", ANNS, 5, axis(0)), block=BLOCK)
    before = await store.search([query])
    await store.begin_rebuild()
    await store.load(LiveRows(1, (one,), axis(0)[np.newaxis]))
    await store.finish_rebuild(1)
    assert (await store.search([query])).hits == before.hits
    assert Signal.CONTEXT in before.hits[0][0].signals
