"""Who a question names, and what is left of it without them."""

from __future__ import annotations

import re
import unicodedata
from collections import Counter

import pytest

from engine.ranking.speakers import named, without

TWO = ("Anna Meyer", "Bob")


@pytest.mark.parametrize(
    ("question", "speakers", "found"),
    [
        ("What did Anna Meyer buy?", TWO, ("Anna Meyer",)),
        ("What did Anna buy for Bob?", TWO, TWO),
        ("Where is Bob's car?", TWO, ("Bob",)),
        ("Where is Bobby?", TWO, ()),
        ("what did anna buy", TWO, ("Anna Meyer",)),
        ("Will it rain?", ("Will", "Ann"), ("Will",)),
        ("when will it rain?", ("Will", "Ann"), ()),
        ("What did Anna say?", ("Anna Meyer", "Anna Berg"), ()),
        ("What did Anna Berg say?", ("Anna Meyer", "Anna Berg"), ("Anna Berg",)),
        ("王小明昨天买了什么?", ("王小明", "李雷"), ("王小明",)),
        ("Was hat Jürgen gekauft?", ("Jürgen",), ("Jürgen",)),
        ("Anything?", (), ()),
        ("What (did) a* cost?", ("a*", "(did)"), ()),
    ],
)
def test_who_is_named(question: str, speakers: tuple[str, ...], found: tuple[str, ...]) -> None:
    if "a*" in speakers:
        named(question, speakers)  # signs that mean something to a pattern do no harm
        return
    assert named(question, speakers) == found


def test_a_name_is_the_same_however_its_accents_are_written() -> None:
    apart = unicodedata.normalize("NFD", "Was hat Jürgen gekauft?")
    assert named(apart, ("Jürgen",)) == ("Jürgen",)
    assert without(apart, ("Jürgen",)) == "Was hat gekauft?"


def test_only_names_that_may_be_in_a_question_are_looked_for_closely(monkeypatch: pytest.MonkeyPatch) -> None:
    made = Counter[str]()
    compiled = re.compile

    def counting(pattern: str, flags: int = 0) -> re.Pattern[str]:
        made[pattern] += 1
        return compiled(pattern, flags)

    monkeypatch.setattr(re, "compile", counting)
    many = tuple(f"Person{at} Family{at}" for at in range(1000))
    assert named("what did person77 buy?", many) == ("Person77 Family77",)
    assert made.total() < 10


@pytest.mark.parametrize(
    ("question", "names", "left"),
    [
        ("What did Anna buy for Bob?", TWO, "What did buy for ?"),
        ("Where is Bob's car?", ("Bob",), "Where is car?"),
        ("Where is Anna Meyer now?", ("Anna Meyer",), "Where is now?"),
        ("James' guitar", ("James",), "guitar"),
        ("Bob?", ("Bob",), "Bob?"),
        ("Where is Bobby?", ("Bob",), "Where is Bobby?"),
        ("王小明昨天买了什么?", ("王小明",), "昨天买了什么?"),
        ("No name here", (), "No name here"),
    ],
)
def test_the_question_without_names(question: str, names: tuple[str, ...], left: str) -> None:
    assert without(question, names) == left
