"""What a block says of its rows beyond vectors and words: who spoke, when, next to what, and what comes later."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from engine.filters import Compare, Everything, Op
from engine.ports import VectorHit, VectorQuery
from engine.question import understood
from engine.ranking import codes
from engine.ranking.signals import Signal
from engine.ranking.weights import SHIPPED_WEIGHTS
from engine.text.analyzer import Analyzer
from engine.types import Block, BlockKey, Change, Derived, EventKind, FloatArray, MemoryVersion, Scope
from engine.vector.block import Row, ScopeBlock
from engine.vector.blocks import Blocks

ENGLISH = Analyzer("english")
DAY_US = 86_400_000_000
MAY_2023_US = 1_682_899_200_000_000


def said(
    memory_id: str, text: str, *, name: str | None = None, run: str = "one", at_us: int = MAY_2023_US, place: int = 1
) -> MemoryVersion:
    scope = Scope(user_id="ann", run_id=run)
    return MemoryVersion(memory_id, "p", scope, text, 1, place, at_us, at_us, name=name)


def vector(*values: float) -> FloatArray:
    return np.array(values, dtype=np.float32)


def block_of(*versions: MemoryVersion) -> ScopeBlock:
    block = ScopeBlock(2, ENGLISH)
    block.extend(versions, np.tile(vector(1, 0), (len(versions), 1)))
    return block


def query(text: str, speakers: tuple[str, ...] = ()) -> VectorQuery:
    asked = understood(text, speakers, MAY_2023_US, "english")
    return VectorQuery("p", Everything(), 10, vector(1, 0), asked.text, named=asked.named, time=asked.time)


def ask(block: ScopeBlock, one: VectorQuery) -> dict[str, VectorHit]:
    return {hit.version.memory_id: hit for hit in block.search([one])[0]}


def test_words_of_the_memory_before_speak_for_the_answer() -> None:
    block = block_of(
        said("asked", "Which instrument do you play?", place=1),
        said("answer", "The cello, since school.", place=2),
        said("elsewhere", "The cello, since school!", run="two"),
    )
    hits = ask(block, query("instrument"))
    assert hits["answer"].keywords == hits["elsewhere"].keywords == 0.0
    assert hits["answer"].signals[Signal.KEYWORDS_CONTEXT] > 0
    assert hits["elsewhere"].signals[Signal.KEYWORDS_CONTEXT] == 0.0


def test_a_memory_that_goes_leaves_its_neighbours_side_by_side() -> None:
    block = block_of(*(said(f"m{at}", text, place=at) for at, text in enumerate(("cello", "rain", "tea"))))
    block.drop("m1")
    assert ask(block, query("cello"))["m2"].signals[Signal.KEYWORDS_CONTEXT] > 0


def test_who_is_named_speaks_only_where_several_do() -> None:
    two = block_of(said("a", "I like tea", name="Anna"), said("b", "I like rum", name="Bob"), said("c", "Nice"))
    hits = ask(two, query("What does Anna like?", ("Anna", "Bob")))
    assert [hits[one].signals.get(Signal.SPEAKER) for one in "abc"] == [1.0, 0.0, None]
    alone = block_of(said("a", "I like tea", name="Anna"))
    assert Signal.SPEAKER not in ask(alone, query("What does Anna like?", ("Anna",)))["a"].signals
    assert two.speakers(query("anything")) == ("Anna", "Bob")


def test_a_date_in_the_question_prefers_what_was_said_then() -> None:
    block = block_of(
        said("then", "We met", at_us=MAY_2023_US), said("later", "We met", at_us=MAY_2023_US + 90 * DAY_US)
    )
    hits = ask(block, query("Whom did they meet on 1 May 2023?"))
    assert hits["then"].signals[Signal.DATE] == 1.0
    assert hits["later"].signals[Signal.DATE] < 0.1
    assert Signal.DATE not in ask(block, query("Whom did they meet?"))["then"].signals


def test_sessions_lift_each_other_only_where_there_are_several_of_different_days() -> None:
    first = [said(f"a{at}", text, run="one", place=at) for at, text in enumerate(("the cello", "rain"))]
    second = [said(f"b{at}", "fog", run="two", at_us=MAY_2023_US + DAY_US, place=9 + at) for at in range(2)]
    assert Signal.SESSION not in ask(block_of(*first), query("cello"))["a0"].signals
    hits = ask(block_of(*first, *second, said("alone", "sun", run="three")), query("cello"))
    assert hits["a1"].signals[Signal.SESSION] > hits["b0"].signals[Signal.SESSION]
    assert Signal.SESSION not in hits["alone"].signals


def test_quoted_words_are_looked_for_in_sequence() -> None:
    block = block_of(said("said", "he sang green door twice"), said("not", "a door, a green one"))
    hits = ask(block, query('Who sang "green door"?'))
    assert [hits[one].signals[Signal.PHRASE] for one in ("said", "not")] == [1.0, 0.0]


def test_what_only_asks_is_no_statement() -> None:
    block = block_of(said("asks", "Do you play the cello?"), said("both", "Do you play the cello? I played the cello."))
    hits = ask(block, query("cello"))
    assert hits["asks"].signals[Signal.STATEMENT] == 0.0
    assert 0.4 < hits["both"].signals[Signal.STATEMENT] < 0.5
    off = replace(query("cello"), weights=SHIPPED_WEIGHTS.but({Signal.STATEMENT: 0.0}))
    assert Signal.STATEMENT not in ask(block, off)["asks"].signals


def test_an_answer_to_a_question_that_matches_is_lifted() -> None:
    block = block_of(
        said("asks", "Which cello?", name="Ann", place=1),
        said("answers", "Of maple.", name="Ben", place=2),
        said("goes on", "From Cremona.", name="Ben", place=3),
        said("asks oneself", "What else?", name="Cid", run="two", place=4),
        said("says", "A cello?", name="Cid", run="two", place=5),
    )
    hits = ask(block, query("cello"))
    assert hits["answers"].signals[Signal.REPLY] > 0.5
    assert not any(Signal.REPLY in hits[one].signals for one in ("asks", "goes on", "asks oneself", "says"))


def test_memories_that_are_asked_for_come_with_their_signals_however_bad_they_are() -> None:
    block = block_of(*(said(f"m{at}", "tea", place=at) for at in range(20)))
    found = ask(block, replace(query("tea"), limit=0, among=("m7", "nobody")))
    assert list(found) == ["m7"]
    assert found["m7"].dense == 1.0


def test_what_is_asked_for_is_lifted_by_the_best_of_its_session_whoever_that_is() -> None:
    first = [said(f"a{at}", text, run="one", place=at) for at, text in enumerate(("the cello", "rain"))]
    second = [said(f"b{at}", "fog", run="two", at_us=MAY_2023_US + DAY_US, place=9 + at) for at in range(2)]
    block = block_of(*first, *second)
    whole = ask(block, query("cello"))["a1"]
    alone = ask(block, replace(query("cello"), limit=0, among=("a1",)))
    assert alone == {"a1": whole}


def test_what_nothing_can_be_said_of_is_there_when_it_is_asked_for() -> None:
    block = block_of(said("a", "tea"), said("b", "rum"))
    wordless = VectorQuery("p", Compare("user_id", Op.EQ, "ann"), 10, text="who is it", among=("a", "nobody"))
    assert ask(block, wordless) == {"a": VectorHit(said("a", "tea"), {})}
    assert ask(block, replace(wordless, filter=Compare("user_id", Op.EQ, "bob"))) == {}


def test_what_has_expired_takes_nobodys_place_and_lifts_nobody() -> None:
    over = [replace(said(f"o{at}", "the cello", place=at), expiration_date="2023-04-30") for at in range(200)]
    last = replace(said("last", "the cello"), expiration_date="2023-05-01")
    other = [said(f"b{at}", "fog", run="two", at_us=MAY_2023_US + DAY_US, place=9 + at) for at in range(2)]
    block = block_of(*over, last, said("rain", "the rain", place=900), *other)
    now = replace(query("cello"), at_us=MAY_2023_US + DAY_US - 1)
    assert ask(block, now).keys() == {"last", "rain", "b0", "b1"}
    tomorrow = ask(block, replace(now, at_us=MAY_2023_US + DAY_US))
    assert tomorrow.keys() == {"rain", "b0", "b1"}
    assert tomorrow["rain"].signals[Signal.SESSION] < ask(block, now)["rain"].signals[Signal.SESSION]


def derived(memory_id: str, version: int = 1) -> Derived:
    return Derived(memory_id, version, b"", vector(0, 2), codes.encode(np.eye(2, dtype=np.float32)))


def test_what_is_derived_counts_as_soon_as_it_is_there_and_only_for_its_version() -> None:
    block = block_of(said("a", "tea"), said("b", "rum"))
    one = replace(query("tea"), tokens=codes.question(vector(0, 1)[np.newaxis]))
    assert Signal.TOKENS not in ask(block, one)["a"].signals
    block.derive([derived("a"), derived("b", version=2), derived("gone")])
    hits = ask(block, one)
    assert hits["a"].signals[Signal.CONTEXT] == pytest.approx(0.0)
    assert hits["a"].signals[Signal.TOKENS] == pytest.approx(1.0, abs=0.02)
    assert not {Signal.CONTEXT, Signal.TOKENS} & set(hits["b"].signals)


def test_a_weight_of_nothing_leaves_a_signal_out() -> None:
    block = block_of(said("a", "tea", name="Anna"), said("b", "rum", name="Bob"))
    block.derive([derived("a")])
    only = SHIPPED_WEIGHTS.but({signal: 0.0 for signal in Signal if signal is not Signal.DENSE})
    one = replace(query("Anna tea", ("Anna", "Bob")), weights=only)
    assert {tuple(hit.signals) for hit in ask(block, one).values()} == {(Signal.DENSE,)}


def test_what_is_derived_before_the_version_arrives_is_kept_for_it() -> None:
    blocks = Blocks(2, ENGLISH, budget_bytes=1 << 30)
    key = BlockKey("p", "user_id", "ann")
    blocks.get(key)
    blocks.fill(Block(key, 0, (), np.zeros((0, 2), np.float32)))
    blocks.derive([derived("a")])
    version = said("a", "tea")
    blocks.apply([Row(Change(1, EventKind.ADD, "a", "p", version), vector(1, 0))], 1)
    block = blocks.get(key)
    assert block is not None
    assert Signal.CONTEXT in ask(block, query("tea"))["a"].signals
    assert blocks.resident["tokens"] == 4


def test_what_was_derived_of_a_memory_that_is_gone_is_forgotten() -> None:
    blocks = Blocks(2, ENGLISH, budget_bytes=1 << 30)
    key = BlockKey("p", "user_id", "ann")
    blocks.derive([derived("a"), derived("b")])
    blocks.apply([Row(Change(1, EventKind.PURGE, "a", "p", None), None)], 1)
    blocks.get(key)
    blocks.fill(Block(key, 1, (said("a", "tea"), said("b", "rum")), np.eye(2, dtype=np.float32)))
    block = blocks.get(key)
    assert block is not None
    hits = ask(block, query("tea"))
    assert [Signal.CONTEXT in hits[one].signals for one in "ab"] == [False, True]
