"""Quoted phrases of a query, and the texts that hold them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.text.analyzer import Analyzer
from engine.text.phrases import holds, phrase_share, quoted

ENGLISH = Analyzer("english")


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ('who said "quick brown fox" and "slow dog"?', ["quick brown fox", "slow dog"]),
        ("Wer sagte „guten Morgen“?", ["guten Morgen"]),
        ("« bonjour tout le monde »", [" bonjour tout le monde "]),
        ("“red wine”", ["red wine"]),
        ("谁说「早上好」", ["早上好"]),
        ("«« bonjour »", [" bonjour "]),
        ("「「「早上好」", ["早上好"]),
        ('a 5" pipe and a 6" one', []),
        ("it's Ann's", []),
        ('one " alone', []),
    ],
)
def test_what_stands_in_quotation_marks_is_found(text: str, found: list[str]) -> None:
    assert quoted(text) == found


def test_phrases_are_read_as_texts_are() -> None:
    (phrase,) = ENGLISH.phrases('did he say "the quick brown foxes"?')
    assert holds(ENGLISH.terms("A quick, brown fox ran"), phrase)
    assert not holds(ENGLISH.terms("A brown quick fox"), phrase)
    assert not holds(ENGLISH.terms("quick and brown the lazy fox"), phrase)


def test_one_quoted_word_is_no_phrase() -> None:
    assert ENGLISH.phrases('who read "Dune"?') == ()


def test_a_phrase_is_found_in_texts_of_its_language_among_several() -> None:
    auto = Analyzer("auto")
    (phrase,) = auto.phrases("Wer hat „alte Häuser“ gesagt?")
    assert holds(auto.terms("Ich habe ein altes Haus gekauft"), phrase)


@pytest.mark.parametrize(("text", "share"), [("a quick fox", 0.5), ("a slow dog", 0.5), ("quick fox, slow dog", 1.0)])
def test_a_text_gets_the_share_of_the_phrases_that_it_holds(text: str, share: float) -> None:
    phrases = ENGLISH.phrases('"quick fox" "slow dog"')
    assert phrase_share(ENGLISH.terms(text), phrases) == share


def test_without_phrases_the_share_is_nothing() -> None:
    assert phrase_share(["a"], ()) == 0.0


@given(st.lists(st.sampled_from("abc"), max_size=12), st.lists(st.sampled_from("abc"), min_size=1, max_size=4))
def test_a_text_holds_a_phrase_when_its_terms_have_it_as_a_slice(terms: list[str], phrase: list[str]) -> None:
    assert holds(terms, [(word,) for word in phrase]) == (f" {' '.join(phrase)} " in f" {' '.join(terms)} ")
