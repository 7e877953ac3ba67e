"""Who a question names, and what is left of it without them."""

from __future__ import annotations

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
