"""Facts of a conversation: a language model is asked window by window, and what it can't say is said to be missing."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Final

from engine.errors import InvalidInput
from engine.extract.cutting import Count
from engine.facts.answers import Unreadable
from engine.facts.made import NOTHING, Made, SoFar, better, cost_of
from engine.facts.prompt import NO_WISHES, Wishes, again, heading
from engine.facts.reading import Reading
from engine.facts.tasks import FACTS, Task
from engine.facts.windows import Line, halves, windows
from engine.ports import Completion, LanguageModel, Prompt
from engine.types import Message

_TRIES: Final = 2
_HALVINGS: Final = 5
"""Of one window: a model whose answer on a thirty-second part of it still breaks off says the same for ever."""
_BREAKS_OFF: Final = "it breaks off, for it is too long"


@dataclass(frozen=True, slots=True)
class _Talk:
    """What questions about one add have in common."""

    about: str | None
    said_us: int
    wishes: Wishes
    so_far: SoFar
    task: Task
    before: Made = NOTHING

    @property
    def categories(self) -> set[str] | None:
        return {name for name, _ in self.wishes.categories} or None


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
        self,
        messages: Sequence[Message],
        about: str | None,
        said_us: int,
        wishes: Wishes = NO_WISHES,
        so_far: SoFar | None = None,
        task: Task = FACTS,
    ) -> Made:
        """The facts of an add's messages, in the order of its windows; what two of them say is there once.

        Args:
            messages: in order.
            about: who the user is.
            said_us: when it was said, unix microseconds, where a message doesn't say it.
            wishes: of the project and the call.
            so_far: of the same messages; only windows that are missing there, or may be read better, are asked about.
                It holds what was made also when this raises. The cost is that of all calls with it.
            task: what is made of them; facts, unless told.

        Raises:
            Overloaded, Unavailable: the model can't be had now; the same may work later.
        """
        so_far = SoFar() if so_far is None else so_far
        headed = partial(heading, about=about, said_us=said_us)
        found = await asyncio.to_thread(windows, messages, self._window_tokens, self._count, headed)
        talk = _Talk(about, said_us, wishes, so_far, task)
        # One after the other: each has its whole deadline, and a long add leaves the model to others between two.
        for at, window in enumerate(found):
            known = so_far.made.get(at)
            if known is None or known.may_improve:
                before = task.joined(so_far.made[earlier] for earlier in range(at))
                made = await self._of_window(window, replace(talk, before=before), _HALVINGS)
                so_far.made[at] = better(known, made)
        return replace(task.joined(so_far.made[at] for at in range(len(found))), cost=so_far.cost)

    async def _of_window(self, window: Sequence[Line], talk: _Talk, halvings: int) -> Made:
        """One that breaks off has too much to say: its window is halved, down to pieces of lines."""
        task = talk.task
        prompt = asked = task.prompt(window, talk.about, talk.said_us, talk.wishes, talk.before)
        numbers = tuple(sorted({line.number for line in window}))
        problems, certain = tuple[str, ...](), Reading(())
        for _ in range(_TRIES):
            try:
                answer = await self._asked(asked, talk)
                if not answer.whole and halvings and (parts := halves(window, self._count)):
                    return await self._of_parts(parts, talk, halvings - 1)
                if not answer.whole:
                    certain = _fuller(certain, task.read_before_the_break(answer.text, numbers, talk.categories))
                    raise Unreadable(_BREAKS_OFF)
                reading = task.read(answer.text, numbers, talk.categories)
            except InvalidInput as error:  # this window alone; others may be taken
                return Made(certain.facts, numbers, (*problems, str(error)), refused=numbers)
            except Unreadable as error:
                problems += (str(error),)
                asked = again(prompt, str(error))
            else:
                return Made(reading.facts, (), (*problems, *reading.left_out))
        return Made(certain.facts, numbers, problems)

    async def _of_parts(self, parts: Iterable[Sequence[Line]], talk: _Talk, halvings: int) -> Made:
        return talk.task.joined([await self._of_window(part, talk, halvings) for part in parts])

    async def _asked(self, prompt: Prompt, talk: _Talk) -> Completion:
        answer = await self._model.complete(prompt, self._deadline_s)
        talk.so_far.cost += cost_of(answer)
        return answer


def _fuller(one: Reading, other: Reading) -> Reading:
    return other if len(other.facts) > len(one.facts) else one
