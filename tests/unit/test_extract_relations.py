"""What the rules read from English texts, and what they leave alone."""

from __future__ import annotations

import time

import pytest

from engine import ingest
from engine.extract.relations import ends_of, relations_of
from engine.extract.roles import roles_of
from engine.graph_port import Role
from engine.naming import name_key, relationship_key
from engine.types import Entity, Relation, Scope

STATED = [
    ("I live in Berlin and I work at Siemens.", "me lives_in Berlin, me works_at Siemens"),
    ("I've just moved to New York City with Tom", "me lives_in New York City"),
    ("Hey Anna, I moved back from Paris to Lisbon!", "me lives_in Lisbon"),
    ("We are now based in the Netherlands", "me lives_in Netherlands"),
    ("I\u2019ve been working at Charit\u00e9 for years", "me works_at Charit\u00e9"),
    ("I have a new job at Novo Nordisk", "me works_at Novo Nordisk"),
    ("I'm married to Peter M\u00fcller.", "me married_to Peter M\u00fcller"),
    ("I was born in Krak\u00f3w.", "me born_in Krak\u00f3w"),
    ("I'm originally from Ohio", "me from Ohio"),
    ("Anna moved to Rome last year. She works at Google.", "Anna lives_in Rome"),
    ("Also Anna works at O'Reilly", "Anna works_at O'Reilly"),
    ("Anna, who lives in Bonn, is nice", "Anna lives_in Bonn"),
    ("Dr. Weber works for the BBC.", "Weber works_at BBC"),
    ("My sister Anna lives in Rome.", "me sister Anna, Anna lives_in Rome"),
    ("my boss, Mr. Weber, is nice", "me boss Weber"),
    ("My wife's name is Maria.", "me wife Maria"),
    ("My wife is Maria.", "me wife Maria"),
    ("Ben is Anna's husband.", "Anna husband Ben"),
    ("James' mom Eva", "James mother Eva"),
    ("This is our dog Rex", "me dog Rex"),
]
LEFT_ALONE = [
    "I used to live in Paris.",
    "I don't live in Berlin.",
    "If I moved to Rome, I would be happy.",
    "Do I live in Rome?",
    "Is Anna married to Ben? Maybe Anna works at IBM.",
    "I wish Anna lives in Bonn",
    "I was living in Oslo.",
    "I was married to Tom.",
    "When I visited my sister, Berlin was cold.",
    "I went with my sister, Tom and Eva.",
    "My wife is American.",
    "My friend is Head of Sales.",
    "In Berlin, my brother works.",
    "Today is my brother's birthday",
    "Ben is my sister's husband",
    "We moved to Monday.",
    "Everyone lives in Bonn",
    "Tom and Anna live in Bonn.",
    "she lives in Rome; he works at Siemens",
    "ich wohne in Berlin, \u6211\u4f4f\u5728\u5317\u4eac",
    "",
]


@pytest.mark.parametrize(("text", "expected"), STATED)
def test_what_a_text_states_outright_is_read(text: str, expected: str) -> None:
    found = [f"{edge.source} {edge.relationship} {edge.target}" for edge in relations_of(text, "me")]
    assert ", ".join(found) == expected


@pytest.mark.parametrize("text", LEFT_ALONE)
def test_what_is_asked_wished_over_or_unsure_is_left_alone(text: str) -> None:
    assert relations_of(text, "me") == ()


def test_nobody_knows_who_i_is_when_no_person_speaks() -> None:
    assert relations_of("I live in Berlin with my sister Eva. Anna works at Siemens.") == (
        Relation("Anna", "works_at", "Siemens"),
    )


def test_both_ends_are_entities_of_the_kind_that_they_have_to_be() -> None:
    relations = relations_of("My sister Anna works at Siemens and I live in Bonn", "me")
    kinds = {entity.name: entity.kind for entity in ends_of(relations)}
    assert kinds == {"me": "person", "Anna": "person", "Siemens": "org", "Bonn": "place"}


def test_a_recogniser_that_was_away_is_waited_for() -> None:
    relations = relations_of("my sister Anna", "me")
    assert ingest.mentioned("Eva", None, relations) is None
    known = ingest.mentioned("Eva", (Entity("anna", "other"),), relations)
    assert known == (Entity("Eva", "person"), Entity("anna", "other"), Entity("me", "person"))
    assert Scope(user_id="me").ids() == {"user_id": "me"}


@pytest.mark.parametrize("piece", ["A", "A ", "A-", "my sister, ", "I ", "Anna lives in ", "Anna's ", "St. A of de "])
def test_no_text_makes_the_rules_slow(piece: str) -> None:
    def took_s(times: int) -> float:
        begin = time.process_time()
        relations_of(piece * times, "me")
        roles_of(piece * times)
        return time.process_time() - begin

    took_s(1)
    # Ten times the text: ten times the work would be 10, its square 100.
    assert took_s(10_000) < 40 * max(took_s(1000), 0.0005)


def test_roles_are_of_somebody_named_or_of_who_asks() -> None:
    husband = Role("Anna", ("husband", "spouse", "partner"), ("married_to", "partner_of", "wife"))
    assert roles_of("Where does Anna's husband work?") == (husband,)
    assert roles_of("What does my older sister like, and my mum?") == (
        Role(None, ("sister",)),
        Role(None, ("mother",)),
    )
    assert roles_of("our best friend's car") == (Role(None, ("best_friend",)),)
    assert roles_of("Who is the boss of his sister?") == ()


@pytest.mark.parametrize(
    ("name", "key"),
    [
        ("  New   YORK ", "new york"),
        ("\uff21nna", "anna"),
        ("Andr\u00e9 M\u00fcller", "andre muller"),
        ("Anna's", "anna"),
        ("James\u2019", "james"),
        ("The Hague", "hague"),
        ("The", "the"),
        ("'s", "'s"),
        ("Stra\u00dfe", "strasse"),
        ("\u304c", "\u304c"),
        ("\u5317\u4eac", "\u5317\u4eac"),
        ("A", "a"),
        (" ", ""),
    ],
)
def test_a_key_is_what_is_the_same_however_a_name_is_written(name: str, key: str) -> None:
    assert name_key(name) == key
    assert name_key(key) == key


def test_relationships_are_the_same_with_spaces_hyphens_or_underscores() -> None:
    assert {relationship_key(one) for one in ("Lives in", "lives_in", "LIVES-IN ", "lives  in")} == {"lives_in"}
