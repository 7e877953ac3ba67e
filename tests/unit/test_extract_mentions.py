"""Which marks of a recogniser become entities, and under what name."""

from __future__ import annotations

import pytest

from engine.extract.mentions import MAX_CHARS, entities_of, entity_of
from engine.types import Entity


@pytest.mark.parametrize(
    ("text", "label", "name", "kind"),
    [
        ("Alice Johnson", "PERSON", "Alice Johnson", "person"),
        ("the United Nations", "ORG", "United Nations", "org"),
        ("New York's", "GPE", "New York", "place"),
        ("the Beatles’", "ORG", "Beatles", "org"),
        ("an Eiffel Tower", "FAC", "Eiffel Tower", "place"),
        ('"The Hobbit"', "WORK_OF_ART", "Hobbit", "work"),
        ("  New\n York ", "GPE", "New York", "place"),
        ("C++", "LANGUAGE", "C++", "language"),
        ("US", "GPE", "US", "place"),
        ("Caroline!", "PERSON", "Caroline", "person"),
        ("😀 Rex", "PERSON", "Rex", "person"),
        ("Ana", "PER", "Ana", "person"),
        ("北京", "GPE", "北京", "place"),
    ],
)
def test_names_are_stripped_of_what_is_around_them(text: str, label: str, name: str, kind: str) -> None:
    assert entity_of(text, label) == Entity(name, kind)


@pytest.mark.parametrize("label", ["DATE", "TIME", "CARDINAL", "ORDINAL", "PERCENT", "QUANTITY", "MONEY", "NEW"])
def test_numbers_and_times_are_no_entities(label: str) -> None:
    assert entity_of("Monday", label) is None


@pytest.mark.parametrize(
    "text", ["", "she", "The", "us", "42", "3.5", "😀", "'s", "x", "the 12", "a" * (MAX_CHARS + 1)]
)
def test_what_names_nothing_is_no_entity(text: str) -> None:
    assert entity_of(text, "PERSON") is None


def test_mentions_of_the_same_thing_meet_and_the_first_stays() -> None:
    marks = [("Berlin", "GPE"), ("the BERLIN", "ORG"), ("Rex", "PERSON"), ("berlin's", "GPE")]
    assert entities_of(marks) == (Entity("Berlin", "place"), Entity("Rex", "person"))
