"""Files of judged questions: what is read, what is refused, what is left out and said so."""

from __future__ import annotations

import json
from typing import Any

import pytest

from engine.errors import InvalidInput
from engine.tuning.judged import read

MEMORY = "8f3a0c1e-5b7d-8e21-a4c9-0d6f2b913e57"


def lines(*things: dict[str, Any]) -> list[str]:
    return [json.dumps(thing) for thing in things]


def question(name: str = "q1", **more: Any) -> dict[str, Any]:
    return {"question": {"id": name, "text": "Where?", "evidence": ["u1"], **more}}


def unit(name: str = "u1", **more: Any) -> dict[str, Any]:
    return {"unit": {"id": name, "text": "Here.", **more}}


def test_questions_about_memories_that_are_there_name_their_scope() -> None:
    judged = read(lines(question(evidence=[MEMORY], user_id="ann", run_id="r")))

    assert judged.units == ()
    assert judged.questions[0].scope == {"user_id": "ann", "run_id": "r"}
    assert judged.questions[0].evidence == (MEMORY,)


def test_units_come_in_sessions_group_by_group() -> None:
    judged = read(
        lines(unit("a", session="s"), unit("b", group="g", session="s"), unit("c", session="s"), unit("u1"), question())
    )

    assert [[one.id for one in said] for said in judged.sessions()] == [["a", "c"], ["b"], ["u1"]]


def test_evidence_that_no_unit_covers_is_left_out_and_a_question_without_any_is_told() -> None:
    judged = read(
        lines(
            unit(covers=["e1", "e2"]),
            unit("other", group="elsewhere", covers=["e9"]),
            question(evidence=["e1", "e9", "e1"]),
            question("q2", evidence=["e9"]),
            question("q3", evidence=[]),
        )
    )

    assert [one.evidence for one in judged.questions] == [("e1",)]
    assert judged.skipped == (
        "question q2 of group all: no evidence that is known",
        "question q3 of group all: no evidence that is known",
    )


def test_categories_that_are_apart_are_not_asked() -> None:
    judged = read(lines({"set": {"apart": ["trick"]}}, unit(), question(), question("q2", category="trick")))

    assert [one.id for one in judged.questions] == ["q1"]


@pytest.mark.parametrize(
    ("line", "told"),
    [
        ("{", "line 2"),
        ("[]", "line 2: it should be"),
        ('{"memo": {}}', "line 2: it should be"),
        ('{"question": {"id": "q", "text": "x"}}', "line 2: evidence"),
        ('{"question": {"id": "q", "text": "x", "evidence": [], "gold": 1}}', "line 2: gold"),
        ('{"unit": {"id": "u", "text": ""}}', "line 2: text"),
        ('{"unit": {"id": "u", "text": "x", "role": "king"}}', "line 2: role"),
    ],
)
def test_a_line_that_is_wrong_is_named(line: str, told: str) -> None:
    with pytest.raises(InvalidInput, match=told):
        read([*lines(unit()), line])


@pytest.mark.parametrize(
    ("things", "told"),
    [
        ([question()], "says nowhere whose memories"),
        ([unit(), unit(), question()], "several units of group all have the id u1"),
        ([unit(), question(), question()], "several questions"),
        ([unit()], "no question whose evidence is known"),
        ([], "no question whose evidence is known"),
    ],
)
def test_a_file_that_makes_no_sense_is_refused(things: list[dict[str, Any]], told: str) -> None:
    with pytest.raises(InvalidInput, match=told):
        read(lines(*things))
