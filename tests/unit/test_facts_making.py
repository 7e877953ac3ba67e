"""Facts of whole conversations: asked window by window, twice where an answer is none, halved where one breaks off."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any, cast

import pytest

from engine.errors import InvalidInput, Unavailable
from engine.facts.made import Cost, SoFar
from engine.facts.making import FactMaker
from engine.ports import Completion, Prompt
from engine.types import Json, Message

SAID_US = 1_683_554_160_000_000


def _words(texts: Sequence[str]) -> list[int]:
    return [len(text.split()) for text in texts]


class Scripted:
    """Answers by what is asked: the longest of the keys that stand in the question says how, one after the other."""

    def __init__(self, answers: Mapping[str, list[Any]]) -> None:
        self._answers = answers
        self.asked: list[str] = []

    async def complete(self, prompt: Prompt, deadline_s: float) -> Completion:
        self.asked.append(prompt.user)
        key = max((one for one in self._answers if one in prompt.user), key=len)
        answer = self._answers[key].pop(0)
        if isinstance(answer, Exception):
            raise answer
        return cast(Completion, answer)

    def figures(self) -> Json:
        return {}

    async def close(self) -> None:
        return


def _facts(*texts: str, whole: bool = True) -> Completion:
    facts = [{"fact": text, "lines": []} for text in texts]
    return Completion(json.dumps({"facts": facts}), whole, 10, 5, 1, 2.0)


def _maker(model: Scripted, window_tokens: int = 12) -> FactMaker:
    return FactMaker(model, _words, window_tokens=window_tokens, deadline_s=1.0)


BOTH = "Ana paints.\n[1] Monday, 8 May 2023, 13:56 UTC, user: Ben sings."
SAID = [Message("user", "Ana paints."), Message("user", "Ben sings."), Message("user", "Eva cooks.")]


async def test_windows_are_asked_about_and_their_facts_come_in_order() -> None:
    model = Scripted({"Ana": [_facts("Ana paints.")], "Ben": [_facts("Ben sings.")], "Eva": [_facts("Eva cooks.")]})
    made = await _maker(model).make(SAID, "ana", SAID_US)
    assert [(fact.text, fact.lines) for fact in made.facts] == [
        ("Ana paints.", (0,)),
        ("Ben sings.", (1,)),
        ("Eva cooks.", (2,)),
    ]
    assert made.cost == Cost(3, 30, 15, 6.0)
    assert made.unread == ()
    assert made.problems == ()


async def test_what_two_windows_say_is_one_fact() -> None:
    model = Scripted({name: [_facts("They are friends.")] for name in ("Ana", "Ben", "Eva")})
    made = await _maker(model).make(SAID, None, SAID_US)
    assert [(fact.text, fact.lines) for fact in made.facts] == [("They are friends.", (0, 1, 2))]


async def test_an_answer_that_is_none_is_asked_for_once_more() -> None:
    model = Scripted({"Ana": [Completion("Sorry."), _facts("Ana paints.")]})
    made = await _maker(model).make(SAID[:1], None, SAID_US)
    assert [fact.text for fact in made.facts] == ["Ana paints."]
    assert len(made.problems) == 1
    assert made.cost.calls == 2


async def test_what_stays_unread_is_named_and_the_rest_is_there() -> None:
    model = Scripted({"Ana": [Completion(""), Completion("no")], "Ben": [_facts("Ben sings.")]})
    made = await _maker(model).make(SAID[:2], None, SAID_US)
    assert [fact.text for fact in made.facts] == ["Ben sings."]
    assert made.unread == (0,)
    assert len(model.asked) == 3


async def test_a_window_whose_answer_breaks_off_is_halved() -> None:
    cut = Completion('{"facts": [{"fact": "Ana', whole=False)
    model = Scripted({"Ana": [_facts("Ana paints.")], "Ben": [_facts("Ben sings.")], BOTH: [cut]})
    made = await _maker(model, window_tokens=20).make(SAID[:2], None, SAID_US)
    assert [(fact.text, fact.lines) for fact in made.facts] == [("Ana paints.", (0,)), ("Ben sings.", (1,))]
    assert made.unread == ()


async def test_one_short_line_that_breaks_off_twice_is_unread_but_for_what_is_certain() -> None:
    cut = Completion('{"facts": [{"fact": "Ana', whole=False)
    more = Completion('{"facts": ["Ana paints.", {"fact": "Ana sings.", "lines": [0]}, {"fact": "An', whole=False)
    made = await _maker(Scripted({"Ana": [more, cut]})).make(SAID[:1], None, SAID_US)
    assert [(fact.text, fact.lines) for fact in made.facts] == [("Ana paints.", (0,)), ("Ana sings.", (0,))]
    assert (made.unread, made.may_improve, len(made.problems)) == ((0,), True, 2)


async def test_one_long_line_that_breaks_off_is_cut_and_its_facts_are_of_that_line() -> None:
    text = "Ana paints. " * 20 + "Ben sings. " * 20
    answers = {"Ana": [_facts("Ana paints.")], "Ben": [_facts("Ben sings.")]}
    model = Scripted({**answers, text.strip(): [Completion("", whole=False)]})
    made = await _maker(model, window_tokens=200).make([Message("user", text)], None, SAID_US)
    assert [(fact.text, fact.lines) for fact in made.facts] == [("Ana paints.", (0,)), ("Ben sings.", (0,))]
    assert (made.unread, made.cost.calls) == ((), 3)


async def test_a_model_whose_answers_always_break_off_is_asked_a_bounded_number_of_times() -> None:
    text = " ".join(f"word{number}" for number in range(3000))
    model = Scripted({"word": [Completion('{"facts": ["Ana', whole=False)] * 200})
    made = await _maker(model, window_tokens=4000).make([Message("user", text)], None, SAID_US)
    assert (made.unread, len(model.asked)) == ((0,), 31 + 2 * 32)


async def test_the_second_time_it_is_told_what_was_wrong_with_the_first_answer() -> None:
    model = Scripted({"Ana": [Completion('{"answer": 7}'), _facts("Ana paints.")]})
    await _maker(model).make(SAID[:1], None, SAID_US)
    first, second = model.asked
    assert second.startswith(first)
    assert 'there are no "facts" in its answer' in second.removeprefix(first)


async def test_what_was_made_before_the_model_went_away_is_not_asked_for_again() -> None:
    away = Unavailable("away")
    model = Scripted(
        {"Ana": [_facts("Ana paints.")], "Ben": [away, _facts("Ben sings.")], "Eva": [_facts("Eva cooks.")]}
    )
    maker, so_far = _maker(model), SoFar()
    with pytest.raises(Unavailable):
        await maker.make(SAID, None, SAID_US, so_far=so_far)
    assert so_far.cost.calls == 1
    made = await maker.make(SAID, None, SAID_US, so_far=so_far)
    assert [fact.text for fact in made.facts] == ["Ana paints.", "Ben sings.", "Eva cooks."]
    assert (made.cost, len(model.asked)) == (Cost(3, 30, 15, 6.0), 4)


async def test_only_what_stayed_unread_is_asked_for_again() -> None:
    none = Completion("no")
    model = Scripted({"Ana": [_facts("Ana paints.")], "Ben": [none, none, _facts("Ben sings.")]})
    maker, so_far = _maker(model), SoFar()
    assert (await maker.make(SAID[:2], None, SAID_US, so_far=so_far)).unread == (1,)
    made = await maker.make(SAID[:2], None, SAID_US, so_far=so_far)
    assert ([fact.text for fact in made.facts], made.unread) == (["Ana paints.", "Ben sings."], ())
    assert (made.cost.calls, len(model.asked)) == (4, 4)


async def test_a_later_try_that_says_less_takes_nothing_away() -> None:
    some = Completion('{"facts": ["Ana paints.", "An', whole=False)
    less = Completion('{"facts": ["An', whole=False)
    maker, so_far = _maker(Scripted({"Ana": [some, some, less, less]})), SoFar()
    for _ in range(2):
        made = await maker.make(SAID[:1], None, SAID_US, so_far=so_far)
        assert ([fact.text for fact in made.facts], made.unread) == (["Ana paints."], (0,))


async def test_what_the_model_refuses_is_not_asked_for_again() -> None:
    model = Scripted({"Ana": [InvalidInput("too long")]})
    maker, so_far = _maker(model), SoFar()
    for _ in range(2):
        assert (await maker.make(SAID[:1], None, SAID_US, so_far=so_far)).refused == (0,)
    assert len(model.asked) == 1


async def test_a_model_that_is_away_is_said_to_be() -> None:
    model = Scripted({"Ana": [Unavailable("away")], "Ben": [_facts("Ben sings.")]})
    with pytest.raises(Unavailable):
        await _maker(model).make(SAID[:2], None, SAID_US)


async def test_a_window_that_is_refused_costs_no_other() -> None:
    model = Scripted({"Ana": [InvalidInput("too long")], "Ben": [_facts("Ben sings.")]})
    made = await _maker(model).make(SAID[:2], None, SAID_US)
    assert ([fact.text for fact in made.facts], made.unread, made.problems) == (["Ben sings."], (0,), ("too long",))


async def test_nothing_said_asks_nothing() -> None:
    model = Scripted({})
    assert (await _maker(model).make([Message("system", "Be kind.")], None, SAID_US)).facts == ()
    assert model.asked == []
