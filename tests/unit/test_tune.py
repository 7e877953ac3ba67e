"""Tuning over a whole memory system: units are remembered, asked for and erased; what answers is known by its ids."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from engine.config import Settings, SignalSettings
from engine.errors import Unavailable
from engine.in_process import in_process
from engine.memory import Memory
from engine.tuning.judged import Judged, Question, Unit
from remora.tuning import tuned

PLANTS = ("rose", "oak", "fern", "moss", "lily", "palm")


@pytest.fixture
async def memory() -> AsyncIterator[Memory]:
    memory = in_process(Settings(signals=SignalSettings(enabled=False)))
    await memory.start()
    yield memory
    await memory.close()


class Stages:
    """What was told of the way."""

    def __init__(self) -> None:
        self.told: dict[str, tuple[int, int]] = {}

    @contextmanager
    def __call__(self, what: str) -> Iterator[Callable[[int, int], None]]:
        self.told[what] = (0, 0)

        def tell(done: int, of: int) -> None:
            self.told[what] = (done, of)

        yield tell


def judged() -> Judged:
    """Two groups that have the same texts, and ids of their own kind."""
    units = [
        Unit(id=plant, text=f"The {plant} grows in bed {at}.", session="s", group=group, covers=(f"e-{plant}",))
        for group in ("north", "south")
        for at, plant in enumerate(PLANTS)
    ]
    questions = [
        Question(id=f"q-{plant}", text=f"Where does the {plant} grow?", evidence=(f"e-{plant}",), group=group)
        for group in ("north", "south")
        for plant in PLANTS
    ]
    return Judged(tuple(units), tuple(questions), ("one was skipped",))


async def test_units_are_remembered_found_and_erased(memory: Memory) -> None:
    stages = Stages()

    tuning = await tuned(memory, judged(), stages)

    assert (tuning.questions, tuning.unseen, tuning.skipped) == (12, 0, ("one was skipped",))
    assert tuning.fit.shipped.recall == 1.0
    assert [one.group for one in tuning.fit.held_out] == ["north", "south"]
    assert (await memory.entities())["count"] == 0
    assert stages.told["Remembering"] == stages.told["Asking"] == (12, 12)
    assert stages.told["Fitting"] == (3, 3)


async def test_questions_about_what_is_there_leave_it_alone(memory: Memory) -> None:
    ids = {}
    for plant in PLANTS:
        added = await memory.add(f"The {plant} grows here.", user_id="ann")
        ids[plant] = added["results"][0]["id"]
    questions = tuple(Question(id=one, text=f"the {one}?", evidence=(ids[one],), user_id="ann") for one in PLANTS)

    tuning = await tuned(memory, Judged((), questions), Stages())

    assert tuning.fit.shipped.recall == 1.0
    assert (await memory.list(user_id="ann"))["count"] == len(PLANTS)
    assert (await memory.ranking())["set"] == {}


async def test_weights_that_are_set_already_play_no_part(memory: Memory) -> None:
    before = (await tuned(memory, judged(), Stages())).fit
    await memory.set_ranking({"keywords": 0, "keywords_context": 0, "dense": 10})

    assert (await tuned(memory, judged(), Stages())).fit.shipped == before.shipped


async def test_what_was_remembered_is_erased_when_asking_fails(memory: Memory, monkeypatch: pytest.MonkeyPatch) -> None:
    async def away(*_: Any, **__: Any) -> Any:
        raise Unavailable("no index can answer now")

    monkeypatch.setattr(memory, "search", away)

    with pytest.raises(Unavailable, match="no index"):
        await tuned(memory, judged(), Stages())

    assert (await memory.entities())["count"] == 0
