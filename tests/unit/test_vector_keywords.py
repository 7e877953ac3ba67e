"""The analyzer, and BM25 over the rows of a block."""

from __future__ import annotations

import math
import random
from collections import Counter

import numpy as np
import pytest

from engine.errors import InvalidInput
from engine.text.analyzer import Analyzer
from engine.vector.keywords import K1, B, KeywordIndex


@pytest.fixture(scope="module")
def english() -> Analyzer:
    return Analyzer("english")


@pytest.mark.parametrize(
    ("text", "terms"),
    [
        ("", []),
        ("   \n\t", []),
        ("…!? 🐈", []),
        ("She is adopting PUPPIES", ["adopt", "puppi"]),
        ("Caroline's and Caroline\u2019s", ["carolin", "carolin"]),
        ("42 is 42", ["42", "42"]),
        ("INV-2024-007.", ["inv", "2024", "007", "inv-2024-007"]),
        ("user_id=x@y.org", ["user", "id", "user_id", "x", "y", "org", "x@y.org"]),
        ("Straße STRASSE", ["strass", "strass"]),
        ("ﬁne", ["fine"]),
        ("cafe\u0301 café", ["cafe", "cafe"]),
        ("हिन्दी", ["हिन्दी"]),
        ("東京都", ["東京", "京都"]),
        ("猫", ["猫"]),
        ("wait...what", ["wait", "wait...what"]),
    ],
)
def test_a_text_becomes_these_terms(english: Analyzer, text: str, terms: list[str]) -> None:
    assert english.terms(text) == terms


def test_stop_words_go_and_their_stems_dont_come_back(english: Analyzer) -> None:
    assert english.terms("Who am I, and what don't you have?") == []


def test_a_term_is_never_longer_than_its_limit(english: Analyzer) -> None:
    assert english.terms("x" * 100_000) == ["x" * 64]
    assert max(map(len, english.terms("a-" * 50_000 + "b"))) <= 64


def test_the_language_decides_how_words_are_stemmed(english: Analyzer) -> None:
    german = Analyzer("german")
    assert german.terms("Häuser") == german.terms("Haus")
    assert english.terms("Häuser") != english.terms("Haus")


def test_an_unknown_language_is_refused() -> None:
    with pytest.raises(InvalidInput, match="unknown language 'klingon'"):
        Analyzer("klingon")


def shares_by_the_book(analyzer: Analyzer, texts: list[str], query: str) -> list[float]:
    """BM25 as the formula is written, one text at a time."""
    rows = [Counter(analyzer.terms(text)) for text in texts]
    mean = sum(row.total() for row in rows) / len(rows)
    idf = {}
    for term in set(analyzer.terms(query)):
        df = sum(term in row for row in rows)
        idf[term] = math.log(1 + (len(rows) - df + 0.5) / (df + 0.5))
    most = (K1 + 1) * sum(idf.values())
    return [
        sum(
            weight * row[term] * (K1 + 1) / (row[term] + K1 * (1 - B + B * row.total() / mean))
            for term, weight in idf.items()
        )
        / most
        for row in rows
    ]


WORDS = ["cat", "dog", "bird", "house", "river", "run", "blue", "green", "seven"]


def test_shares_are_those_of_the_formula(english: Analyzer) -> None:
    rng = random.Random(1)
    texts = [" ".join(rng.choices(WORDS, k=rng.randint(1, 12))) for _ in range(50)]
    index = KeywordIndex(english)
    for text in texts:
        index.append(text)
    for query in ("cat", "cat dog dog", "blue unknown", "seven green river house"):
        assert index.shares(query) == pytest.approx(shares_by_the_book(english, texts, query), abs=1e-6)


def test_removing_and_compacting_leave_the_statistics_of_what_is_left(english: Analyzer) -> None:
    rng = random.Random(2)
    texts = [" ".join(rng.choices(WORDS, k=rng.randint(1, 12))) for _ in range(60)]
    index = KeywordIndex(english)
    for text in texts:
        index.append(text)
    gone = set(rng.sample(range(60), 40))
    for row in gone:
        index.remove(row, texts[row])
    kept = [row for row in range(60) if row not in gone]
    expected = shares_by_the_book(english, [texts[row] for row in kept], "cat river seven")
    assert index.shares("cat river seven")[kept] == pytest.approx(expected, abs=1e-6)
    index.compact(np.array(kept))
    assert index.shares("cat river seven") == pytest.approx(expected, abs=1e-6)
    index.append("river river")
    assert len(index.shares("river")) == 21


def test_an_index_without_rows_or_terms_gives_nothing(english: Analyzer) -> None:
    index = KeywordIndex(english)
    assert index.shares("cat").tolist() == []
    index.append("")
    index.append("the")
    assert index.shares("cat").tolist() == [0.0, 0.0]
    assert index.shares("the").tolist() == [0.0, 0.0]


def test_a_rare_term_weighs_more_in_a_larger_population(english: Analyzer) -> None:
    index = KeywordIndex(english)
    for text in ("cat rare", "cat", "cat dog", "cat bird"):
        index.append(text)
    alone, among_many = index.shares("cat rare"), index.shares("cat rare", population=10_000)
    assert alone[1] > 0
    assert among_many[0] <= 1
    assert among_many.argmax() == alone.argmax() == 0
