"""What a language model's answer is worth: read as it was meant, or refused."""

from __future__ import annotations

import json
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.facts.answers import Unreadable
from engine.facts.reading import Fact, read, read_before_the_break
from engine.types import Relation

LINES = (0, 1, 2)


def _answer(*facts: Any) -> str:
    return json.dumps({"facts": list(facts)})


def test_a_fact_has_its_lines_categories_and_relations() -> None:
    said = {
        "fact": "Ana lives in Lisbon.",
        "lines": [2, 0],
        "categories": ["home", "made up"],
        "relations": [{"source": "Ana", "relation": "Lives in", "target": "Lisbon"}],
    }
    assert read(_answer(said), LINES, {"home"}).facts == (
        Fact("Ana lives in Lisbon.", (0, 2), ("home",), (Relation("Ana", "lives_in", "Lisbon"),)),
    )


@pytest.mark.parametrize(
    "written",
    [
        '```json\n{"facts": ["Ana paints."]}\n```',
        'Here are the {facts}:\n{"facts": ["Ana paints."]}\nAnything else?',
        '["Ana paints."]',
        'Here are the facts: [{"fact": "Ana paints.", "lines": [0]}] Anything else?',
        'Line [0] says it:\n```json\n["Ana paints."]\n```',
        'For example {"facts": ["..."]} would do. Mine: {"facts": ["Ana paints."]}',
        '{"facts": ["Ana paints."]}\nTopics: ["art"]',
        '{"facts": "see below"} {"facts": ["Ana paints."]}',
        '<think>{"facts": ["Ana sings."]}, or rather</think>\n{"facts": ["Ana paints."]}',
        '{"facts": ["Ana \\u0000paints.\\ud83d"]}',
        '{"memory": [{"text": "Ana paints."}]}',
        '{"facts": [{"fact": " Ana paints. ", "lines": "0", "categories": null, "relations": {}}]}',
        '{"facts": ["Ana paints.", "ana PAINTS."]}',
        '{"facts": ["Ana paints.", {"lines": [0]}, 3]}',
    ],
)
def test_what_was_meant_is_certain(written: str) -> None:
    assert [fact.text for fact in read(written, LINES).facts] == ["Ana paints."]


@pytest.mark.parametrize(
    ("written", "wrong"),
    [
        ("", "empty"),
        ("I can't do that.", "no JSON"),
        ('{"facts": [{"fact": "Ana paints.", "lines": [0], "categories": ["art"]', "breaks off"),
        ('["Ana paints.", "Ana', "breaks off"),
        ('[{"fact": "Ana paints.", "categories": ["art"]}, {"fact": "Ana', "breaks off"),
        ('Facts: [["Ana paints."], ["Ana', "breaks off"),
        ("Lines [0] and [1, 2] say nothing.", 'no "facts"'),
        ('<think>{"facts": ["Ana paints."]} might be', "empty"),
        ('{"answer": "Ana paints."}', 'no "facts"'),
        ('{"facts": "Ana paints."}', "no list"),
        ('{"facts": [{"lines": [0]}]}', "no text"),
        ('{"facts": [{"fact": "...", "lines": [0]}]}', "no text"),
        (_answer("x" * 2001), "2001"),
        (_answer(*map(str, range(501))), "501 items"),
        ("[" * 100_000, "breaks off"),
    ],
)
def test_what_is_not_certain_is_refused(written: str, wrong: str) -> None:
    with pytest.raises(Unreadable, match=wrong):
        read(written, LINES)


@pytest.mark.parametrize("written", ['{"facts": []}', "There are none: []"])
def test_no_fact_is_an_answer_too(written: str) -> None:
    assert read(written, LINES).facts == ()


@pytest.mark.parametrize(
    ("written", "certain"),
    [
        ('{"facts": [{"fact": "Ana paints.", "lines": [0]}, {"fact": "Ben', ["Ana paints."]),
        ('```json\n{"facts": ["Ana paints.", "Ben sings.", "Ev', ["Ana paints.", "Ben sings."]),
        ('["Ana paints.", {"fact": "Ben sings.", "lines": [1', ["Ana paints."]),
        ('{"facts": [{"fact": "Ana paints."}, {"fact": "..."}, {"fact"', ["Ana paints."]),
        ('<think>{"facts": ["Ana sings."]}</think>{"facts": ["Ana paints.", "', ["Ana paints."]),
        ('{"facts": ["Ana paints."], "more": [', ["Ana paints."]),
        ('<think>{"facts": ["Ana sings."]', []),
        ('{"facts": [{"fact": "Ana', []),
        ('{"facts": [1, 2', []),
        ("Ana paints.", []),
        ("", []),
    ],
)
def test_of_an_answer_that_breaks_off_whole_facts_are_certain(written: str, certain: list[str]) -> None:
    assert [fact.text for fact in read_before_the_break(written, LINES).facts] == certain


@given(st.lists(st.text(min_size=1), max_size=5), st.integers(0, 400))
def test_wherever_it_breaks_off_only_what_was_said_is_certain(texts: list[str], length: int) -> None:
    whole = [fact.text for fact in read_before_the_break(_answer(*texts), LINES).facts]
    cut = [fact.text for fact in read_before_the_break(_answer(*texts)[:length], LINES).facts]
    assert whole[: len(cut)] == cut


@pytest.mark.parametrize("lines", [[], [7], [True], None, ["1"]])
def test_a_fact_whose_lines_there_are_not_is_of_all(lines: Any) -> None:
    assert read(_answer({"fact": "Ana paints.", "lines": lines}), LINES).facts[0].lines == LINES


@pytest.mark.parametrize(
    "relation",
    [
        {"source": "Ana", "relation": "is", "target": "ana"},
        {"source": "", "relation": "likes", "target": "tea"},
        {"source": "Ana", "relation": 4, "target": "tea"},
        {"source": "Ana", "relation": "likes", "target": "t" * 201},
        "Ana likes tea",
    ],
)
def test_a_relation_that_states_nothing_is_left_out(relation: Any) -> None:
    assert read(_answer({"fact": "Ana likes tea.", "relations": [relation]}), LINES).facts[0].relations == ()


@given(st.text() | st.recursive(st.none() | st.integers() | st.text(), st.lists).map(json.dumps))
def test_whatever_is_answered_is_read_or_refused(answer: str) -> None:
    facts: tuple[Fact, ...] = ()
    with suppress(Unreadable):
        facts = read(answer, LINES).facts
    assert all(fact.text == fact.text.strip() != "" and fact.lines for fact in facts)
