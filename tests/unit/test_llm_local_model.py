"""A language model in this process: its files, its settings, and how it writes. The model is a tiny one made here."""

from __future__ import annotations

import asyncio
import itertools
import logging
import threading
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from engine.config import LlmSettings, Settings
from engine.errors import InvalidInput, RemoraError, Unavailable
from engine.facts.making import FactMaker
from engine.llm import build, local_files
from engine.llm.chat_model import ChatModel
from engine.llm.local_files import Files, located
from engine.llm.local_model import LocalModel
from engine.ports import LanguageModel, Prompt
from engine.types import Message
from remora.doctor import models as doctor
from remora.doctor.finding import Verdict
from tests.bigram_model import NO_SYSTEM, saved

PROMPT = Prompt("Write facts.", "Ana paints.", {"type": "object"})
DEADLINE_S = 30.0
FACTS = '{"facts": [{"fact": "Ana paints.", "lines": [0], "categories": [], "relations": []}]}'


@asynccontextmanager
async def asking(directory: Path, **settings: Any) -> AsyncIterator[LanguageModel]:
    model = build(LlmSettings(local=str(directory), device="cpu", **settings))
    assert model is not None
    try:
        yield model
    finally:
        await model.close()


def chat_model(directory: Path) -> ChatModel:
    return ChatModel(Files(directory), LlmSettings(device="cpu"))


async def test_it_answers_by_its_template_and_counts(tmp_path: Path) -> None:
    async with asking(saved(tmp_path, ["She ", "draws", "!"])) as model:
        answer = await model.complete(PROMPT, DEADLINE_S)
        assert (answer.text, answer.whole, answer.calls, answer.images) == ("She draws!", True, 1, 0)
        # A token for each byte, and one for each of <|system|>, <|end|>, <|user|>, <|end|>, <|answer|>.
        assert answer.prompt_tokens == len(PROMPT.system) + len(PROMPT.user) + 5
        assert answer.completion_tokens == 4
        told = model.figures()
        assert (told["model"], told["device"], told["structured"]) == (tmp_path.name, "cpu", "none")
        assert (told["calls"], told["prompt_tokens"], told["completion_tokens"]) == (1, answer.prompt_tokens, 4)


async def test_facts_are_made_of_what_it_writes(tmp_path: Path) -> None:
    async with asking(saved(tmp_path, ["Here they are: ", FACTS])) as model:
        maker = FactMaker(model, lambda texts: [len(text) for text in texts], window_tokens=500, deadline_s=DEADLINE_S)
        made = await maker.make([Message(role="user", content="I paint.")], "ana", 0)
        assert [one.text for one in made.facts] == ["Ana paints."]
        assert (made.unread, made.cost.calls) == ((), 1)


async def test_a_template_without_a_system_gets_all_in_the_question(tmp_path: Path) -> None:
    async with asking(saved(tmp_path, ["yes"], template=NO_SYSTEM)) as model:
        answer = await model.complete(PROMPT, DEADLINE_S)
        assert answer.text == "yes"
        assert answer.prompt_tokens == len(PROMPT.system) + len(PROMPT.user) + 2 + 3


async def test_the_time_of_a_call_breaks_its_answer_off(tmp_path: Path) -> None:
    """Whoever asks for facts then halves the window, as where the answer has no room."""
    endless = saved(tmp_path, ["on ", "and "], endless=True, context_tokens=10_000_000)
    async with asking(endless, answer_tokens=1_000_000, call_deadline_s=0.5) as model:
        answer = await model.complete(PROMPT, DEADLINE_S)
        assert not answer.whole
        assert answer.text.startswith("on and on ")
        assert 500 <= answer.ms < DEADLINE_S * 1000


def test_it_writes_until_it_is_told_to_end(tmp_path: Path) -> None:
    model = chat_model(saved(tmp_path, ["on ", "and "], endless=True))
    asked = itertools.count(1)
    written = model.write(PROMPT, lambda: next(asked) >= 3, most_tokens=1000)
    assert (written.text, written.ended, written.completion_tokens) == ("on and on ", False, 3)


def test_an_answer_has_the_room_that_is_left(tmp_path: Path) -> None:
    model = chat_model(saved(tmp_path, ["on ", "and "], endless=True, context_tokens=40))
    written = model.write(PROMPT, lambda: False, most_tokens=1000)
    assert written.prompt_tokens + written.completion_tokens == 40
    with pytest.raises(InvalidInput, match=r"infer\.window_tokens"):
        model.write(replace(PROMPT, user="Ana paints." * 4), lambda: False, most_tokens=1000)


def test_warm_answers_differ(tmp_path: Path) -> None:
    """At so high a temperature every token is as likely as any other; at 0 there is one answer."""
    model = chat_model(saved(tmp_path, ["yes"]))
    warm = {model.write(PROMPT, lambda: False, most_tokens=20, temperature=2e9).text for _ in range(5)}
    cold = {model.write(PROMPT, lambda: False, most_tokens=20).text for _ in range(5)}
    assert len(warm) > 1
    assert cold == {"yes"}


async def test_one_that_fails_at_a_prompt_refuses_it_and_goes_on(tmp_path: Path) -> None:
    loaded = chat_model(saved(tmp_path, ["yes"]))
    generate = loaded._model.generate

    def failing_once(**given: Any) -> Any:
        loaded._model.generate = generate
        raise RuntimeError("out of memory")

    loaded._model.generate = failing_once
    model = LocalModel(LlmSettings(local="m"), lambda: loaded)
    with pytest.raises(InvalidInput, match="out of memory"):
        await model.complete(PROMPT, DEADLINE_S)
    assert (await model.complete(PROMPT, DEADLINE_S)).text == "yes"
    assert (model.figures()["failures"], model.figures()["in_flight"]) == (1, 0)
    await model.close()


async def test_closing_breaks_off_what_is_written(tmp_path: Path) -> None:
    began = threading.Event()

    class Told(ChatModel):
        def write(self, prompt: Prompt, over: Callable[[], bool], **given: Any) -> Any:
            began.set()
            return super().write(prompt, over, **given)

    directory = saved(tmp_path, ["on ", "and "], endless=True, context_tokens=10_000_000)
    settings = LlmSettings(local="m", answer_tokens=1_000_000, device="cpu")
    model = LocalModel(settings, lambda: Told(Files(directory), settings))
    question = asyncio.ensure_future(model.complete(PROMPT, DEADLINE_S))
    await asyncio.to_thread(began.wait)
    await model.close()
    assert not (await question).whole
    with pytest.raises(Unavailable, match="closed"):
        await model.complete(PROMPT, DEADLINE_S)


async def test_a_small_one_says_that_its_facts_are_poor(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING, logger="engine.llm.local_model"):
        model = LocalModel(LlmSettings(local="m"), lambda: chat_model(saved(tmp_path, ["yes"])))
    assert "models this small make poor facts" in model.notices[0]
    assert model.notices[0] in caplog.text
    await model.close()


async def test_a_large_one_says_nothing(tmp_path: Path) -> None:
    loaded = chat_model(saved(tmp_path, ["yes"]))
    loaded.parameters = 8_000_000_000
    model = LocalModel(LlmSettings(local="m"), lambda: loaded)
    assert model.notices == []
    await model.close()


def test_it_isn_t_set_beside_a_server() -> None:
    for other in ({"base_url": "http://127.0.0.1:1/v1"}, {"model": "m"}):
        [name] = other
        with pytest.raises(InvalidInput, match=rf"llm\.local and llm\.{name} are both set"):
            build(LlmSettings(local="m", **other))


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A directory with files of all kinds; packages are all there."""
    for name in ("one", "two", "none"):
        (tmp_path / name).mkdir()
    for name in ("one/a.gguf", "two/a.gguf", "two/b.GGUF", "notes.txt"):
        (tmp_path / name).write_bytes(b"no model")
    monkeypatch.setattr(local_files, "find_spec", lambda name: object())
    return tmp_path


def test_files_are_found(place: Path) -> None:
    expected = Files(place / "one", "a.gguf")
    assert located(LlmSettings(local=str(place / "one"))) == expected
    assert located(LlmSettings(local=str(place / "one" / "a.gguf"))) == expected
    (place / "one" / "config.json").write_text("{}")
    assert located(LlmSettings(local=str(place / "one"))) == Files(place / "one")


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("missing", "there is nothing at .*missing: llm.local is a directory"),
        ("missing.gguf", "there is nothing at"),
        ("notes.txt", "is no GGUF file"),
        ("none", "has neither config.json nor a .gguf file"),
        ("two", "has several models: set llm.local to one of a.gguf, b.GGUF"),
    ],
)
def test_what_is_missing_is_said(place: Path, name: str, says: str) -> None:
    with pytest.raises(InvalidInput, match=says) as told:
        build(LlmSettings(local=str(place / name)))
    assert told.value.details["setting"] == "llm.local"
    [finding] = doctor.language_model(Settings(llm=LlmSettings(local=str(place / name))))
    assert (finding.verdict, finding.text) == (Verdict.FAILURE, str(told.value))


def test_the_doctor_finds_a_model_that_is_there(place: Path) -> None:
    [finding] = doctor.language_model(Settings(llm=LlmSettings(local=str(place / "one"))))
    assert finding.verdict is Verdict.OK


def test_the_packages_for_gguf_are_asked_for(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(local_files, "find_spec", lambda name: None if name == "gguf" else object())
    with pytest.raises(Unavailable, match=r"needs gguf: pip install 'remora\[local\]'"):
        build(LlmSettings(local=str(place / "one")))


@pytest.mark.parametrize("name", ["nobody/has-this-model", "no name at all"])
def test_a_name_that_can_t_be_had_says_what_to_do(name: str) -> None:
    with pytest.raises((InvalidInput, Unavailable), match="language model") as told:
        build(LlmSettings(local=name))
    assert told.value.details["setting"] == "llm.local"
    assert "embed" not in str(told.value).lower()


def broken(directory: Path, file: str, content: str) -> Path:
    (saved(directory, ["yes"]) / file).write_text(content)
    return directory


def test_files_that_are_no_chat_model_are_refused(place: Path, tmp_path: Path) -> None:
    refused: dict[Path, str] = {
        place / "one": "can't load as a chat model",
        broken(tmp_path / "config", "config.json", '{"model_type": "nothing"}'): "can't load as a chat model",
        broken(tmp_path / "weights", "model.safetensors", "nothing"): "can't load as a chat model",
        saved(tmp_path / "base", ["yes"], template=None): "has no chat template",
        saved(tmp_path / "odd", ["yes"], template="{{ raise_exception('never') }}"): "takes no question: never",
    }
    for directory, says in refused.items():
        with pytest.raises(RemoraError, match=says) as told:
            build(LlmSettings(local=str(directory)))
        assert told.value.details["setting"] == "llm.local"
