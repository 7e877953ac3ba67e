"""Terms by language: inflected forms meet, small words go, identifiers stay whole; a query meets what it asks for."""

from __future__ import annotations

import tracemalloc
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.config import load
from engine.errors import InvalidInput
from engine.text.analyzer import Analyzer
from engine.text.languages import known
from engine.text.stop_words import STOP_WORDS

AUTO = Analyzer("auto")

FORMS = [
    ("english", "houses", "house"),
    ("german", "Häuser", "Haus"),
    ("german", "gewandert", "gewanderten"),
    ("spanish", "perdidas", "perdido"),
    ("spanish", "niñas", "niña"),
    ("french", "boulangers", "boulangère"),
    ("portuguese", "cidades", "cidade"),
    ("italian", "gatti", "gatto"),
    ("dutch", "katten", "kat"),
    ("swedish", "bilarna", "bilar"),
    ("danish", "bøgerne", "bøger"),
    ("norwegian", "husene", "huset"),
    ("finnish", "taloissa", "talossa"),
    ("polish", "domami", "domach"),
    ("czech", "městech", "města"),
    ("hungarian", "házakban", "házban"),
    ("romanian", "orașele", "orașul"),
    ("turkish", "evlerde", "evler"),
    ("catalan", "gats", "gat"),
    ("russian", "столицы", "столица"),
]


@pytest.mark.parametrize(("language", "one", "other"), FORMS)
def test_inflected_forms_meet(language: str, one: str, other: str) -> None:
    analyzer = Analyzer(language)
    assert analyzer.terms(one) == analyzer.terms(other) != []


@pytest.mark.parametrize("language", sorted(STOP_WORDS))
def test_stop_words_go(language: str) -> None:
    assert Analyzer(language).terms(" ".join(STOP_WORDS[language])) == []


@pytest.mark.parametrize("language", known())
def test_every_language_keeps_numbers_and_identifiers_whole(language: str) -> None:
    terms = Analyzer(language).terms("INV-2024/7, 42")
    assert terms[-2:] == ["inv-2024/7", "42"]
    assert "2024" in terms


@pytest.mark.parametrize(
    ("language", "text", "terms"),
    [
        ("english", "on May 7th, $1,250", ["may", "7", "1250"]),
        ("english", "1,2,3 and 1234,567", ["1", "2", "3", "1234567"]),
        ("french", "l'école d'Amélie, qu'elle quitte", ["ecol", "amel", "quitt"]),
        ("french", "Où est-ce que tu vas ?", ["vas"]),
        ("italian", "dell'acqua", ["acqua"]),
        ("german", "Müller, Mueller, MÜLLER", ["mull", "mull", "mull"]),
        ("russian", "мой йод", ["йод"]),
        ("chinese", "我昨天在上海买了自行车", ["昨天", "上海", "买", "自行", "行车", "自行车"]),
        ("chinese", "iPhone手机", ["iphone", "手机"]),
        ("japanese", "東京に", ["東京", "京に"]),
        ("korean", "학교에서", ["학교", "교에", "에서"]),
        ("english", "自行车", ["自行", "行车"]),
    ],
)
def test_a_text_becomes_these_terms(language: str, text: str, terms: list[str]) -> None:
    assert Analyzer(language).terms(text) == terms


@pytest.mark.parametrize("setting", ["klingon", "", "english+klingon", "english+"])
def test_an_unknown_language_is_refused_with_those_that_are_known(setting: str) -> None:
    with pytest.raises(InvalidInput, match=r"vector\.language: unknown language .* there are arabic") as refused:
        Analyzer(setting)
    assert refused.value.details["known"] == known()


def test_settings_with_an_unknown_language_are_refused() -> None:
    with pytest.raises(InvalidInput, match="unknown language 'klingon'"):
        load(vector={"language": "klingon"})
    assert load(vector={"language": "German+English"}).vector.language == "German+English"


@pytest.mark.parametrize(
    ("text", "language"),
    [
        ("Meine Schwester arbeitet in einer Praxis in Bremen.", "german"),
        ("Mi hijo juega al baloncesto los sábados.", "spanish"),
        ("Nous avons passé nos vacances sous la tente.", "french"),
        ("Notre chienne s'appelle Noisette", "french"),
        ("She's at the doctor's, isn't she?", "english"),
        ("Ho comprato una bicicletta per mia figlia", "italian"),
        ("Eu não gosto de café com leite", "portuguese"),
        ("Ik heb een nieuwe fiets gekocht", "dutch"),
        ("Nie lubię kawy z mlekiem", "polish"),
        ("Dortmund 2024", "english"),
    ],
)
def test_with_auto_each_text_is_read_in_its_own_language(text: str, language: str) -> None:
    assert AUTO.language_of(text) == language


def test_the_first_language_named_is_that_of_texts_that_do_not_show_theirs() -> None:
    assert Analyzer("german+english").terms("Katzen") == Analyzer("german").terms("Katzen") == ["katz"]
    assert Analyzer("english+german").terms("Katzen") == Analyzer("english").terms("Katzen") == ["katzen"]


@pytest.mark.parametrize(
    ("text", "query"),
    [
        ("Ich habe in den Alpen alte Häuser gesehen", "Haus"),
        ("Mi hermana tiene dos perros", "¿Tienes un perro?"),
        ("J'ai acheté des vélos à Lyon", "Qui a acheté un vélo ?"),
        ("我在北京大学学习人工智能", "人工智能是什么？"),
        ("Москва стала столицей", "столица"),
        ("東京に行きました", "東京"),
        ("We visited two castles", "castle"),
    ],
)
def test_a_query_meets_the_texts_of_each_language(text: str, query: str) -> None:
    words = AUTO.query(query)
    assert any(set(word) & set(AUTO.terms(text)) for word in words)


def test_a_query_in_one_language_has_one_term_for_each_word() -> None:
    english = Analyzer("english")
    assert english.query("two castles, INV-7") == tuple((term,) for term in english.terms("two castles, INV-7"))


def test_identities_tell_analyzers_apart_and_lead_back_to_them() -> None:
    settings = ["english", "german", "auto", "english+german", "german+english", "chinese"]
    identities = [Analyzer(setting).identity for setting in settings]
    assert len(set(identities)) == len(settings)
    assert [Analyzer.of(identity).identity for identity in identities] == identities
    assert Analyzer("multi").identity == Analyzer("auto").identity == Analyzer(" Auto").identity


@given(st.text(), st.sampled_from(["english", "german", "chinese", "japanese", "auto"]))
def test_terms_are_never_empty_nor_long_and_a_text_finds_itself(text: str, setting: str) -> None:
    analyzer = AUTO if setting == "auto" else Analyzer(setting)
    terms = analyzer.terms(text)
    assert all(0 < len(term) <= 96 for term in terms)
    sought = {term for word in analyzer.query(text) for term in word}
    assert set(terms) <= sought


@given(st.text(alphabet=st.characters(codec="utf-8", categories=["Lu", "Ll", "Nd", "Zs"])))
def test_case_and_composition_change_nothing(text: str) -> None:
    analyzer = Analyzer("french")
    assert analyzer.terms(unicodedata.normalize("NFD", text)) == analyzer.terms(unicodedata.normalize("NFC", text))


def test_long_words_are_not_remembered() -> None:
    analyzer = Analyzer("english")
    analyzer.terms("warm up")
    tracemalloc.start()
    try:
        before = tracemalloc.get_traced_memory()[0]
        for number in range(50):
            analyzer.terms(f"{number}x" * 20_000)
        assert tracemalloc.get_traced_memory()[0] - before < 200_000
    finally:
        tracemalloc.stop()
