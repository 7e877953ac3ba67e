"""Facts of a conversation: a language model is asked window by window, and what it can't say is said to be missing."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from engine.errors import InvalidInput
from engine.extract.cutting import Count
from engine.facts.answers import Unreadable
from engine.facts.prompt import NO_WISHES, Wishes, extraction_prompt
from engine.facts.reading import Fact, read
from engine.facts.windows import Line, windows
from engine.ports import Completion, LanguageModel
from engine.types import Message

_TRIES: Final = 2


@dataclass(frozen=True, slots=True)
class Cost:
    """What was spent on a language model. `ms`: of all calls, side by side or not."""

    calls: int = 0
    prompt_tokens: int = 0
    completion_tokens: int = 0
    ms: float = 0.0

    def __add__(self, other: Cost) -> Cost:
        return Cost(
            self.calls + other.calls,
            self.prompt_tokens + other.prompt_tokens,
            self.completion_tokens + other.completion_tokens,
            self.ms + other.ms,
        )


NO_COST: Final = Cost()


@dataclass(frozen=True, slots=True)
class Made:
    """What came of a conversation.

    `unread`: numbers of the messages of which it isn't known what facts they hold, since twice the answer was none, or
        the model refuses them.
    `refused`: those among them that the model refuses; asked again, it would again.
    `problems`: what was wrong with answers, in words.
    """

    facts: tuple[Fact, ...] = ()
    unread: tuple[int, ...] = ()
    problems: tuple[str, ...] = ()
    cost: Cost = NO_COST
    refused: tuple[int, ...] = ()


class FactMaker:
    """Makes facts of messages.

    Args:
        model: is asked.
        count: tokens of texts, or about so.
        window_tokens: what one question is about, at most.
        deadline_s: of one question.
    """

    def __init__(self, model: LanguageModel, count: Count, *, window_tokens: int, deadline_s: float) -> None:
        self._model = model
        self._count = count
        self._window_tokens = window_tokens
        self._deadline_s = deadline_s

    async def make(
        self, messages: Sequence[Message], about: str | None, said_us: int, wishes: Wishes = NO_WISHES
    ) -> Made:
        """The facts of an add's messages, in the order of its windows; what two of them say is there once.

        Args:
            messages: in order.
            about: who the user is.
            said_us: when it was said, unix microseconds, where a message doesn't say it.
            wishes: of the project and the call.

        Raises:
            Overloaded, Unavailable: the model can't be had now; the same may work later.
        """
        found = await asyncio.to_thread(windows, messages, self._window_tokens, self._count)
        # One after the other: each has its whole deadline, and a long add leaves the model to others between two.
        return _joined([await self._of_window(window, about, said_us, wishes) for window in found])

    async def _of_window(self, window: Sequence[Line], about: str | None, said_us: int, wishes: Wishes) -> Made:
        """One that breaks off has too much to say: its window is halved."""
        prompt = extraction_prompt(window, about, said_us, wishes)
        numbers = sorted({line.number for line in window})
        categories = {name for name, _ in wishes.categories} or None
        cost, problems = Cost(), tuple[str, ...]()
        for _ in range(_TRIES):
            try:
                answer = await self._model.complete(prompt, self._deadline_s)
            except InvalidInput as error:  # this window alone; others may be taken
                return Made((), tuple(numbers), (*problems, str(error)), cost, tuple(numbers))
            cost += cost_of(answer)
            if not answer.whole and len(window) > 1:
                middle = len(window) // 2
                halves = [
                    await self._of_window(half, about, said_us, wishes) for half in (window[:middle], window[middle:])
                ]
                return _joined([Made(cost=cost, problems=problems), *halves])
            try:
                reading = read(answer.text, numbers, categories)
            except Unreadable as error:
                problems += (str(error),)
            else:
                return Made(reading.facts, (), (*problems, *reading.left_out), cost)
        return Made((), tuple(numbers), problems, cost)


def cost_of(answer: Completion) -> Cost:
    """What one answer cost."""
    return Cost(answer.calls, answer.prompt_tokens, answer.completion_tokens, answer.ms)


def _joined(parts: Iterable[Made]) -> Made:
    """All of several, in order; a fact that comes twice keeps its first words and has the lines of both."""
    made = list(parts)
    facts: dict[str, Fact] = {}
    for one in itertools.chain.from_iterable(part.facts for part in made):
        key = one.text.casefold()
        known = facts.get(key)
        facts[key] = one if known is None else known.also(one)
    return Made(
        tuple(facts.values()),
        tuple(sorted({number for part in made for number in part.unread})),
        tuple(itertools.chain.from_iterable(part.problems for part in made)),
        sum((part.cost for part in made), Cost()),
        tuple(sorted({number for part in made for number in part.refused})),
    )
