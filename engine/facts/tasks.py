"""What a language model may be asked to make of a conversation: facts, or the record of what an agent did. Pure."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass
from typing import Final, TypeAlias

from engine.facts.made import Made, joined
from engine.facts.prompt import Wishes, extraction_prompt
from engine.facts.reading import Reading, read, read_before_the_break
from engine.facts.record import joined_record, read_record, read_record_before_the_break, record_prompt
from engine.facts.windows import Line
from engine.ports import Prompt

Reader: TypeAlias = Callable[[str, Collection[int], Collection[str] | None], Reading]
"""Of an answer, by the numbers of its window's messages and the categories that were offered."""


@dataclass(frozen=True, slots=True)
class Task:
    """How each window is asked about, and what its answer means.

    `prompt`: of a window, who the user is, when it was said (unix microseconds), what is wanted, and what came of the
    windows before. `read`, `read_before_the_break`: of a whole answer, and of one that breaks off. `joined`: what came
    of all windows, in order.
    """

    prompt: Callable[[Sequence[Line], str | None, int, Wishes, Made], Prompt]
    read: Reader
    read_before_the_break: Reader
    joined: Callable[[Iterable[Made]], Made]


def _facts_prompt(window: Sequence[Line], about: str | None, said_us: int, wishes: Wishes, _before: Made) -> Prompt:
    return extraction_prompt(window, about, said_us, wishes)


FACTS: Final = Task(_facts_prompt, read, read_before_the_break, joined)
RECORD: Final = Task(record_prompt, read_record, read_record_before_the_break, joined_record)
