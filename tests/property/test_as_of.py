"""The past is what it was: at every position of a random history, questions as of then are answered as by a system that
has lived only until then."""

from __future__ import annotations

import pytest

from tests.property.past_world import LISTS, Life, Question, Step, got, graph_questions, history, search_questions

STEPS = 16


async def lived(patch: pytest.MonkeyPatch, steps: list[Step], questions: list[Question]) -> list[object]:
    """What a system says that stopped after these steps."""
    async with Life(patch) as life:
        for step in steps:
            await life.do(step)
        await life.settled()
        return await life.answers(questions)


@pytest.mark.parametrize("seed", [0, pytest.param(1, marks=pytest.mark.slow)])
async def test_every_position_is_answered_as_by_a_system_that_stopped_there(
    monkeypatch: pytest.MonkeyPatch, seed: int
) -> None:
    steps = history(seed, STEPS)
    async with Life(monkeypatch) as life:
        reached: dict[int, tuple[int, str]] = {}
        for number, step in enumerate(steps, 1):
            position = await life.do(step)
            if position is not None:
                reached[position] = number, life.time
        await life.settled()
        questions = [*LISTS, *map(got, life.ids), *graph_questions(), *search_questions()]
        by_position = {position: await life.answers(questions, as_of_position=position) for position in reached}
        by_time = {at: await life.answers(questions, as_of=at) for _, at in reached.values()}
        now = await life.answers(questions)
        assert await life.answers(questions, as_of=life.time) == now
        assert {"not_found"} < {one if isinstance(one, str) else "an answer" for one in now}
    for position, (number, at) in reached.items():
        then = await lived(monkeypatch, steps[:number], questions)
        assert by_position[position] == then, f"position {position}"
        assert by_time[at] == then, f"as of {at}"


async def test_before_anything_happened_there_was_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    steps = history(1, 10)
    async with Life(monkeypatch) as life:
        before = life.time
        for step in steps:
            await life.do(step)
        questions = [*LISTS, *map(got, life.ids), *graph_questions(), *search_questions()]
        at_zero = await life.answers(questions, as_of_position=0)
        at_time = await life.answers(questions, as_of=before)
    assert at_zero == at_time == await lived(monkeypatch, [], questions)
