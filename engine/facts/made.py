"""What was made of messages: facts, what stayed unread, and what it cost. Values; nobody is asked here."""

from __future__ import annotations

import itertools
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Final

from engine.facts.reading import Fact
from engine.ports import Completion


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
        the model refuses them; what is certain of such an answer is among the facts all the same.
    `refused`: those among them that the model refuses; asked again, it would again.
    `problems`: what was wrong with answers, in words.
    """

    facts: tuple[Fact, ...] = ()
    unread: tuple[int, ...] = ()
    problems: tuple[str, ...] = ()
    cost: Cost = NO_COST
    refused: tuple[int, ...] = ()

    @property
    def may_improve(self) -> bool:
        """Whether the model may read more if it is asked again."""
        return set(self.unread) > set(self.refused)


NOTHING: Final = Made()


@dataclass(slots=True)
class SoFar:
    """What was made of the windows of one add, by their number, and what all questions about it cost.

    Whoever gives it to `make` again, after an error or for what stayed unread, goes on where that stopped.
    """

    made: dict[int, Made] = field(default_factory=dict)
    cost: Cost = NO_COST


def cost_of(answer: Completion) -> Cost:
    """What one answer cost."""
    return Cost(answer.calls, answer.prompt_tokens, answer.completion_tokens, answer.ms)


def better(known: Made | None, new: Made) -> Made:
    """Of two tries at one window, that which says more."""
    if known is None or not new.unread:
        return new
    return new if (len(known.unread), -len(known.facts)) > (len(new.unread), -len(new.facts)) else known


def joined(parts: Iterable[Made]) -> Made:
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
        NO_COST,
        tuple(sorted({number for part in made for number in part.refused})),
    )
