"""The past with the real embedding model: what was then, computed again, is what it was, but for noise of batches."""

from __future__ import annotations

from typing import Any

import pytest

from engine.config import EmbedSettings
from engine.embed import build
from engine.ports import Embedder
from tests.property.past_world import Life, history, search_questions

STEPS = 8
NOISE = 2e-3


@pytest.fixture(scope="module")
def model() -> Embedder:
    return build(EmbedSettings())


def hits(answers: list[Any]) -> list[dict[str, Any]]:
    return [{hit["id"]: hit["score"] for hit in answer["results"]} for answer in answers]


async def test_searches_as_of_every_position_are_those_of_a_system_that_stopped_there(
    monkeypatch: pytest.MonkeyPatch, model: Embedder
) -> None:
    steps, questions = history(3, STEPS), search_questions()
    async with Life(monkeypatch, model) as life:
        reached = {position: n for n, step in enumerate(steps, 1) if (position := await life.do(step)) is not None}
        await life.settled()
        past = {position: hits(await life.answers(questions, as_of_position=position)) for position in reached}
    assert any(found for answers in past.values() for found in answers)
    for position, number in reached.items():
        async with Life(monkeypatch, model) as stopped:
            for step in steps[:number]:
                await stopped.do(step)
            await stopped.settled()
            then = hits(await stopped.answers(questions))
        assert past[position] == [pytest.approx(found, abs=NOISE) for found in then], f"position {position}"
