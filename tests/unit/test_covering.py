"""Which of messages and facts a search answers, from values alone."""

from __future__ import annotations

from dataclasses import replace

from engine.covering import covered, messages_in
from engine.filters import Compare, Everything, Op
from engine.ranking.weights import SHIPPED_WEIGHTS
from engine.retrieve import Candidate, Ranked, Terms
from engine.types import MemoryVersion, Scope

TERMS = Terms(Everything(), SHIPPED_WEIGHTS, 0.1, 10, "2026-01-01")


def version(memory_id: str, *sources: str, at_us: int = 1) -> MemoryVersion:
    return MemoryVersion(memory_id, "p", Scope("ann"), memory_id, 1, 1, at_us, at_us, sources=sources)


def ranked(of: MemoryVersion, score: float) -> Ranked:
    return Ranked(Candidate(of, {}), score)


def told(found: list[Ranked]) -> list[tuple[str, float, str | None]]:
    return [(one.candidate.version.memory_id, one.score, one.lent_by) for one in found]


def test_a_message_lends_its_score_to_its_facts_and_goes() -> None:
    said, fact, other = version("said"), version("fact", "said"), version("other", "said", at_us=2)
    found = covered([ranked(said, 0.9), ranked(fact, 0.4)], {"said": (fact, other)}, TERMS)
    assert told(found) == [("other", 0.9, "said"), ("fact", 0.9, "said")]


def test_a_fact_keeps_a_score_that_is_better_than_that_of_its_messages() -> None:
    one, two, fact = version("one"), version("two"), version("fact", "one", "two")
    found = covered([ranked(fact, 0.8), ranked(one, 0.7), ranked(two, 0.6)], {"one": (fact,), "two": (fact,)}, TERMS)
    assert told(found) == [("fact", 0.8, None)]


def test_the_best_message_of_a_fact_counts() -> None:
    one, two, fact = version("one"), version("two"), version("fact", "one", "two")
    found = covered([ranked(two, 0.7), ranked(one, 0.5)], {"one": (fact,), "two": (fact,)}, TERMS)
    assert told(found) == [("fact", 0.7, "two")]


def test_a_message_that_holds_no_facts_or_was_not_read_stands_for_itself() -> None:
    thanks, unread = version("thanks"), version("unread")
    found = covered([ranked(thanks, 0.5), ranked(unread, 0.4)], {"thanks": (thanks,)}, TERMS)
    assert told(found) == [("thanks", 0.5, None), ("unread", 0.4, None)]


def test_a_message_of_which_no_fact_is_left_goes() -> None:
    assert covered([ranked(version("said"), 0.5)], {"said": ()}, TERMS) == []


def test_a_fact_that_no_leg_has_found_has_to_match() -> None:
    said, fact = version("said"), version("fact", "said")
    others = replace(TERMS, filter=Compare("user_id", Op.EQ, "bob"))
    late = replace(fact, expiration_date="2025-12-31")
    assert covered([ranked(said, 0.5)], {"said": (fact,)}, others) == []
    assert covered([ranked(said, 0.5)], {"said": (late,)}, TERMS) == []


def test_only_messages_are_looked_up() -> None:
    assert messages_in([ranked(version("said"), 1), ranked(version("fact", "said"), 1)]) == ["said"]
