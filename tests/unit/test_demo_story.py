"""The story of `remora demo`, told to the real models: the right memory is on top for each question."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from engine import embed
from engine.config import Settings
from engine.extract.spacy_recogniser import SpacyRecogniser
from engine.in_process import in_process
from engine.memory import Memory
from remora.demo import story as stories
from remora.demo.play import play

STORY = stories.load()


@pytest.fixture
async def memory() -> AsyncIterator[Memory]:
    settings = Settings()
    recogniser = SpacyRecogniser(settings.extract.entities)
    memory = in_process(settings, embedder=embed.build(settings.embed), recogniser=recogniser)
    await memory.start()
    yield memory
    await memory.close()
    await recogniser.close()


@pytest.mark.slow
async def test_each_question_finds_the_memory_that_answers_it_first(memory: Memory) -> None:
    chapters = [chapter async for chapter in play(memory, STORY, "demo")]
    added, *others = chapters
    assert added["memories"] == len(STORY.messages)
    asked = {chapter["question"]: chapter["results"] for chapter in others if chapter["chapter"] == "asked"}
    for one in STORY.questions:
        best = asked[one.question][0]
        assert one.answer in best["memory"], one.question
        assert {"dense", "keywords"} <= set(best["score_details"]["parts"])
    around = next(chapter["answer"] for chapter in others if chapter["chapter"] == "neighbours")
    assert "Jonas" in {one["name"] for one in around["entities"]}
    way = next(chapter["answer"] for chapter in others if chapter["chapter"] == "path")
    assert way["found"]
    assert way["entities"][0].startswith(STORY.way[0])
    assert way["entities"][-1] == STORY.way[1]
    assert len(way["steps"]) > 1


def test_the_story_names_its_people_and_keeps_its_order() -> None:
    assert {message["name"] for message in STORY.messages} >= {"Mara", "Jonas", "Priya"}
    times = [message["timestamp"] for message in STORY.messages]
    assert times == sorted(times)
    texts = [message["content"] for message in STORY.messages]
    for one in STORY.questions:
        assert sum(one.answer in text for text in texts) == 1, one.question
