"""Names in questions, by how they are written."""

from __future__ import annotations

import pytest

from engine.extract.written import names_written


@pytest.mark.parametrize(
    ("question", "names"),
    [
        ("Where does Ana live?", ["Ana"]),
        ("Did Caroline meet Mel?", ["Caroline", "Mel"]),
        ("What happened to Pieter in Antwerp?", ["Pieter", "Antwerp"]),
        ("Is Femke de Boer an electrician?", ["Femke de Boer"]),
        ("Tell me about Ana. Has Ana a sister?", ["Ana"]),
        ("what did i do in May?", []),
        ("Did I?", []),
        ("", []),
    ],
)
def test_what_is_written_like_a_name_is_one(question: str, names: list[str]) -> None:
    assert [one.name for one in names_written(question)] == names


def test_of_many_names_a_few_are_looked_up() -> None:
    assert len(names_written(", ".join(f"Name{letter}" for letter in "abcdefghijklmnop"))) == 8
