"""How a made-up conversation between somebody and an assistant is told: messages in parts, and what they answer."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from random import Random
from typing import Literal, TypeAlias

Role: TypeAlias = Literal["user", "assistant"]

FACT = "fact"
"""Said once, asked in other words."""
REFERENCE = "reference"
"""What it speaks of stands in a message next to it: "it", "that one"."""
PAIR = "pair"
"""Two messages answer it together."""
UPDATE = "update"
"""Something was changed later; the newer one answers."""
SEVERAL = "several"
"""Three or more messages of different days."""
ANSWER = "answer"
"""The assistant said it."""


@dataclass(frozen=True, slots=True, eq=False)
class Said:
    """One message."""

    role: Role
    text: str


@dataclass(frozen=True, slots=True)
class Asked:
    """A question, and what answers it."""

    text: str
    category: str
    evidence: tuple[Said, ...]


@dataclass(slots=True)
class Story:
    """A topic over time. `parts`: what is said about it in one sitting each, in order."""

    parts: list[list[Said]] = field(default_factory=list)
    asked: list[Asked] = field(default_factory=list)


class Teller:
    """Writes one story. Words that it has picked are not picked again in the same chat."""

    def __init__(self, random: Random, days: Sequence[date], taken: dict[int, set[str]]) -> None:
        """`days`: when the sittings are, one a part. `taken`: by list of words, what the chat has used of it."""
        self._random = random
        self._days = days
        self._taken = taken
        self.story = Story([[]])

    def part(self) -> None:
        """What follows is said in another sitting."""
        self.story.parts.append([])

    @property
    def today(self) -> date:
        """The day of this part."""
        return self._days[len(self.story.parts) - 1]

    def day(self, after: int) -> str:
        """The day so many days from this part's, as people write it."""
        when = self.today + timedelta(days=after)
        return self.any(f"{when:%B} {when.day}", f"the {_ordinal(when.day)} of {when:%B}")

    def user(self, *ways: str) -> Said:
        """A message of the user, in one of these ways."""
        return self._say("user", self.any(*ways))

    def reply(self, *ways: str) -> Said:
        """An answer of the assistant, in one of these ways."""
        return self._say("assistant", self.any(*ways))

    def answer(self, lead: str, *ways: str) -> Said:
        """A message of the assistant that mostly takes up what was asked before it answers."""
        text = self.any(*ways)
        return self._say("assistant", self.any(f"{lead} {text}", f"{lead} {text}", text))

    def advise(self, lead: str, tips: Sequence[str], count: int = 4, close: str = "") -> Said:
        """An answer with some general advice in it."""
        chosen = self._random.sample(list(tips), min(count, len(tips)))
        text = self.any(
            " ".join([lead, *chosen, close]),
            "\n".join([lead, *(f"{number}. {tip}" for number, tip in enumerate(chosen, 1)), close]),
            "\n".join([lead, *(f"- {tip}" for tip in chosen), close]),
        )
        return self._say("assistant", text.strip())

    def ask(self, category: str, evidence: Said | Sequence[Said], *ways: str) -> None:
        """What this story can answer."""
        told = (evidence,) if isinstance(evidence, Said) else tuple(evidence)
        self.story.asked.append(Asked(self.any(*ways), category, told))

    def pick(self, words: Sequence[str]) -> str:
        """One that this chat has not had yet."""
        taken = self._taken.setdefault(id(words), set())
        free = [word for word in words if word not in taken] or list(words)
        taken.add(chosen := self._random.choice(free))
        return chosen

    def any(self, *ways: str) -> str:
        """One of them."""
        return self._random.choice(ways)

    def pair(self, pairs: Sequence[tuple[str, str]]) -> tuple[str, str]:
        """One of what belongs together."""
        return self._random.choice(pairs)

    def sentence(self, text: str) -> str:
        """With a capital letter."""
        return text[0].upper() + text[1:]

    def number(self, least: int, most: int, step: int = 1) -> int:
        """A number in between, both included."""
        return self._random.randrange(least, most + 1, step)

    def _say(self, role: Role, text: str) -> Said:
        said = Said(role, text)
        self.story.parts[-1].append(said)
        return said


Plot: TypeAlias = Callable[[Teller], None]
"""Writes one story with a teller."""


def _ordinal(number: int) -> str:
    ending = "th" if 10 < number % 100 < 14 else {1: "st", 2: "nd", 3: "rd"}.get(number % 10, "th")
    return f"{number}{ending}"
