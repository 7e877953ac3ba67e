"""The language model's actor in a whole runtime: its handle, its figures, its death, and callers who go away."""

from __future__ import annotations

import asyncio
import json
import os
import signal
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from actors import runtime as runtimes
from actors.calls import Remote
from actors.handles import LanguageModelHandle
from actors.handles import connect as connect_handle
from actors.options import Address, language_model
from actors.runtime import Runtime
from actors.shell import Shell
from engine.errors import InvalidInput, Unavailable
from engine.ports import Prompt
from serve_app.prometheus import render
from tests.bigram_model import saved
from tests.integration.conftest import joined, small_settings, started
from tests.provider import Provider, Reply, listening

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]

PROMPT = Prompt("Write facts.", "Ana paints.", {"type": "object"})
DEADLINE_S = 30.0


class Script(Provider):
    """Answers what is put into `next`, in order; then what it answers always."""

    def __init__(self) -> None:
        super().__init__([Reply("ready")])
        self.next: list[Reply] = []

    def reply_to(self, asked: dict[str, Any]) -> Reply:
        return self.next.pop(0) if self.next else super().reply_to(asked)


class World:
    """A runtime whose language model is the script. Its settings and address are those of the runtime."""

    def __init__(self, running: Runtime, served: Script) -> None:
        address = language_model(running.settings)
        assert address is not None
        self.running = running
        self.served = served
        self.address: Address = address
        self.model = LanguageModelHandle(address, DEADLINE_S)
        self.shell: Remote[Shell[Any]] = Remote(address, DEADLINE_S)

    async def described(self) -> dict[str, Any]:
        return await self.shell.ask(lambda actor: actor.describe.remote())


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    async with listening(Script()) as served:
        llm = {"base_url": served.url, "model": "scripted", "patience_s": 0.3}
        with started(small_settings(tmp_path, llm=llm)) as running:
            yield World(joined(running), served)


async def test_the_actor_answers_tells_and_comes_back(world: World) -> None:
    answer = await world.model.complete(PROMPT, DEADLINE_S)
    assert (answer.text, answer.prompt_tokens, answer.calls) == ("ready", 11, 1)
    await _errors_cross_intact(world)
    await _status_has_its_figures(world)
    await _whoever_goes_away_takes_the_question_along(world)
    await _a_deadline_ends_the_question(world)
    await _a_question_survives_the_death_of_the_actor(world)


async def _errors_cross_intact(world: World) -> None:
    world.served.next = [Reply(status=400, error="context length exceeded")]
    with pytest.raises(InvalidInput, match="context length exceeded"):
        await world.model.complete(PROMPT, DEADLINE_S)
    world.served.next = [Reply(status=429, headers={"retry-after": "100"})]
    with pytest.raises(Unavailable, match="429") as told:
        await world.model.complete(PROMPT, DEADLINE_S)
    assert told.value.details["retry_after_s"] >= 100


async def _status_has_its_figures(world: World) -> None:
    status = await runtimes.status(world.running.settings)
    [told] = [actor for actor in status["actors"] if actor["part"] == "language-model"]
    assert (told["ready"], told["language_model"]["model"]) == (True, "scripted")
    assert (told["language_model"]["calls"], told["language_model"]["failures"]) == (3, 2)
    assert 'remora_language_model_calls_total{actor="language-model-0"} 3.0' in render(status)


async def _whoever_goes_away_takes_the_question_along(world: World) -> None:
    world.served.next = [Reply(gate=asyncio.Event())]
    world.served.came.clear()
    question = asyncio.ensure_future(world.model.complete(PROMPT, DEADLINE_S))
    async with asyncio.timeout(DEADLINE_S):
        await world.served.came.wait()
        question.cancel()
        await world.served.gone.wait()
    with pytest.raises(asyncio.CancelledError):
        await question


async def _a_deadline_ends_the_question(world: World) -> None:
    world.served.next = [Reply(gate=asyncio.Event())]
    world.served.gone.clear()
    with pytest.raises(Unavailable, match="within"):
        await world.model.complete(PROMPT, 0.5)
    async with asyncio.timeout(DEADLINE_S):
        await world.served.gone.wait()


async def _a_question_survives_the_death_of_the_actor(world: World) -> None:
    world.served.next = [Reply(gate=asyncio.Event()), Reply("asked again")]
    world.served.came.clear()
    question = asyncio.ensure_future(world.model.complete(PROMPT, DEADLINE_S))
    async with asyncio.timeout(DEADLINE_S):
        await world.served.came.wait()
    os.kill((await world.described())["pid"], signal.SIGKILL)
    assert (await question).text == "asked again"


@pytest.mark.parametrize(
    ("llm", "says"),
    [
        ({"base_url": "http://127.0.0.1:1/v1"}, r"llm\.model"),
        ({"local": "/nowhere/one.gguf"}, "there is nothing at /nowhere/one.gguf"),
    ],
)
def test_settings_that_name_no_model_end_the_start(tmp_path: Path, llm: dict[str, str], says: str) -> None:
    with pytest.raises(InvalidInput, match=says), started(small_settings(tmp_path, llm=llm)):
        pytest.fail("it started")


async def test_a_model_of_the_runtime_makes_facts_and_says_that_it_is_small(tmp_path: Path) -> None:
    fact = {"fact": "Ana paints.", "lines": [0], "categories": [], "relations": []}
    model = saved(tmp_path / "tiny", [json.dumps({"facts": [fact]})], context_tokens=8192)
    settings = small_settings(tmp_path / "data", llm={"local": str(model)}, infer={"policy": "append"})
    steps: list[str] = []
    with started(settings, steps.append) as running:
        memory = connect_handle(joined(running).settings)
        added = await memory.add("I paint.", user_id="ana")
        assert [one["memory"] for one in added["results"]] == ["Ana paints."]
        assert added["usage"]["completion_tokens"] == 2
        status = await runtimes.status(settings)
        [told] = [actor for actor in status["actors"] if actor["part"] == "language-model"]
        assert (told["ready"], told["language_model"]["model"]) == (True, "tiny")
        assert "models this small make poor facts" in told["notices"][0]
        assert told["notices"][0] in steps
        assert told["notices"][0] in (settings.data_dir / "run" / "head.log").read_text()
