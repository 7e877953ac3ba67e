"""The story that the demo tells, as data. Pure; what becomes of it is `play`'s business."""

from __future__ import annotations

import json
from dataclasses import dataclass
from importlib.resources import files
from typing import Any


@dataclass(frozen=True, slots=True)
class Question:
    """`answer`: words of the memory that answers it. `shows`: what one can see from its hits."""

    question: str
    answer: str
    shows: str


@dataclass(frozen=True, slots=True)
class Story:
    """A conversation, what is asked of it, a name to look around, and two between which a way is looked for."""

    about: str
    messages: tuple[dict[str, Any], ...]
    questions: tuple[Question, ...]
    name: str
    way: tuple[str, str]


def load() -> Story:
    """The bundled one."""
    told = json.loads(files("remora.demo").joinpath("story.json").read_text(encoding="utf-8"))
    source, target = told["way"]
    questions = tuple(Question(**one) for one in told["questions"])
    return Story(told["about"], tuple(told["messages"]), questions, told["name"], (source, target))
