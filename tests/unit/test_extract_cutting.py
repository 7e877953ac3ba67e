"""Long texts into pieces, with a counter that counts words and marks, or characters."""

from __future__ import annotations

import re
from collections.abc import Sequence

import pytest

from engine.extract.cutting import cut


def words(texts: Sequence[str]) -> list[int]:
    return [len(re.findall(r"\w+|[^\w\s]", text)) for text in texts]


def characters(texts: Sequence[str]) -> list[int]:
    return [len(text) for text in texts]


def growing(texts: Sequence[str]) -> list[int]:
    """A counter for which a whole counts more than its parts."""
    return [len(text.split()) ** 2 for text in texts]


def test_a_text_that_fits_stays_whole() -> None:
    assert cut("  One. Two. ", 10, words) == ["One. Two."]


def test_a_blank_text_gives_nothing() -> None:
    assert cut(" \n\t ", 10, characters) == cut(" " * 50, 10, characters) == []


def test_sentences_stay_whole() -> None:
    text = 'She said "no." Then she left! Did he follow? He did… At last.'
    assert cut(text, 8, words) == ['She said "no."', "Then she left! Did he follow?", "He did… At last."]


def test_an_end_mark_inside_a_word_ends_nothing() -> None:
    assert cut("Version 2.60.0 of e.g.x came. It works.", 14, words) == ["Version 2.60.0 of e.g.x came.", "It works."]


def test_scripts_without_spaces_have_sentences_too() -> None:
    assert cut("我喜欢爬山。你呢？我也是。", 7, characters) == ["我喜欢爬山。", "你呢？我也是。"]


def test_paragraphs_and_list_items_are_borders() -> None:
    assert cut("no end mark\n\n- first item\n- second item", 4, words) == [
        "no end mark",
        "- first item",
        "- second item",
    ]


def test_a_sentence_that_is_too_long_is_cut_between_words() -> None:
    assert cut("one two three four five", 2, words) == ["one two", "three four", "five"]


def test_a_word_that_is_too_long_is_cut_between_characters() -> None:
    pieces = cut("x" * 25, 10, characters)
    assert "".join(pieces) == "x" * 25
    assert all(len(piece) <= 10 for piece in pieces)


@pytest.mark.parametrize("glued", ["e\u0301", "👩\u200d👧", "👋🏽", "❤\ufe0f", "\ud83d\ude00"])
def test_what_belongs_to_one_character_is_never_parted(glued: str) -> None:
    for piece in cut(glued * 20, 5, characters):
        assert piece == glued * (len(piece) // len(glued))


def test_one_character_that_is_too_long_is_kept() -> None:
    text = "e" + "\u0301" * 20
    assert cut(text, 5, characters) == [text]


def test_a_counter_for_which_a_whole_is_more_than_its_parts_comes_to_an_end() -> None:
    pieces = cut("a b c. d e f. g h.", 4, growing)
    assert " ".join(pieces) == "a b c. d e f. g h."
    assert all(count <= 4 for count in growing(pieces))


@pytest.mark.parametrize("filler", [".", "\n", " ", "(", '"', "\n ", ". ", "a.", "。"])
def test_no_text_makes_it_slow(filler: str) -> None:
    pieces = cut("start " + filler * 20_000 + " end", 1000, words)
    assert pieces[0].startswith("start")
    assert pieces[-1].endswith("end")
