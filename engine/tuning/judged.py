"""Judged questions: what is asked, and which memories answer it. One JSON object a line.

`{"question": {"id", "text", "evidence": [ids], "group"?, "category"?, "timestamp"?, "user_id"? …}}`: asked of memories
that are there, evidence names their ids and the question the ids of its scope. `{"unit": {"id", "text", "role"?,
"name"?, "session"?, "timestamp"?, "group"?, "covers"?}}`: something to remember for the questions of its group;
evidence names units then. `{"set": {"apart": [categories]}}`: categories that are left out.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from engine.errors import InvalidInput
from engine.types import SCOPE_FIELDS

_Text = Annotated[str, Field(min_length=1)]
_Moment = int | float | str | None
_SHOWN = 3


class _Line(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Unit(_Line):
    """Something to remember. `covers`: the evidence that it stands for, itself unless told."""

    id: _Text
    text: _Text
    role: Literal["user", "assistant", "system"] = "user"
    name: str | None = None
    session: str | None = None
    timestamp: _Moment = None
    group: str = "all"
    covers: tuple[str, ...] | None = None

    @property
    def evidence(self) -> tuple[str, ...]:
        """The ids that it stands for."""
        return (self.id,) if self.covers is None else self.covers


class Question(_Line):
    """What is asked. Without units `evidence` names memories, and the scope ids say whose they are."""

    id: _Text
    text: _Text
    evidence: tuple[str, ...]
    category: str = "all"
    group: str = "all"
    timestamp: _Moment = None
    user_id: str | None = None
    agent_id: str | None = None
    app_id: str | None = None
    run_id: str | None = None

    @property
    def scope(self) -> dict[str, str]:
        """The ids that are given."""
        return {name: value for name in SCOPE_FIELDS if (value := getattr(self, name)) is not None}


class _About(_Line):
    name: str | None = None
    apart: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Judged:
    """Questions, and what has to be remembered for them. `skipped`: a sentence for each question that isn't asked."""

    units: tuple[Unit, ...]
    questions: tuple[Question, ...]
    skipped: tuple[str, ...] = ()

    def sessions(self) -> list[list[Unit]]:
        """What was said together, group by group; a unit without a session is one by itself."""
        found: dict[object, list[Unit]] = {}
        for place, unit in enumerate(self.units):
            found.setdefault((unit.group, place if unit.session is None else unit.session), []).append(unit)
        return list(found.values())


def read(lines: Iterable[str]) -> Judged:
    """The judged questions of a file.

    Raises:
        InvalidInput: a line isn't what it should be (the message names it), or nothing is asked.
    """
    about, units, questions = _About(), list[Unit](), list[Question]()
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        match _thing(number, line):
            case Unit() as unit:
                units.append(unit)
            case Question() as question:
                questions.append(question)
            case _About() as about:
                pass
    _distinct("units", [(unit.group, unit.id) for unit in units])
    _distinct("questions", [(question.group, question.id) for question in questions])
    skipped: list[str] = []
    usable = tuple(_usable(units, (one for one in questions if one.category not in about.apart), skipped))
    if not usable:
        raise InvalidInput("the file has no question whose evidence is known", {"skipped": skipped[:_SHOWN]})
    return Judged(tuple(units), usable, tuple(skipped))


def _thing(number: int, line: str) -> _Line:
    kinds: dict[str, type[_Line]] = {"unit": Unit, "question": Question, "set": _About}
    try:
        value: Any = json.loads(line)
        if not isinstance(value, dict) or len(value) != 1 or next(iter(value)) not in kinds:
            raise ValueError('it should be {"question": …}, {"unit": …} or {"set": …}')
        ((kind, content),) = value.items()
        return kinds[kind].model_validate(content)
    except ValidationError as error:
        problems = "; ".join(f"{'.'.join(map(str, one['loc']))}: {one['msg']}" for one in error.errors())
        raise InvalidInput(f"line {number}: {problems}", {"line": number}) from error
    except (ValueError, RecursionError) as error:
        raise InvalidInput(f"line {number}: {error}", {"line": number}) from error


def _usable(units: Iterable[Unit], questions: Iterable[Question], skipped: list[str]) -> Iterator[Question]:
    """Questions with the evidence that there is; those with none are told of."""
    covered: dict[str, set[str]] = {}
    for unit in units:
        covered.setdefault(unit.group, set()).update(unit.evidence)
    for question in questions:
        wanted = tuple(dict.fromkeys(question.evidence))
        if covered:
            wanted = tuple(one for one in wanted if one in covered.get(question.group, ()))
        elif not question.scope:
            raise InvalidInput(
                f"question {question.id} says nowhere whose memories it is asked of: give user_id, agent_id, app_id or "
                "run_id, or units for its group",
                {"question": question.id},
            )
        if wanted:
            yield question.model_copy(update={"evidence": wanted})
        else:
            skipped.append(f"question {question.id} of group {question.group}: no evidence that is known")


def _distinct(what: str, ids: list[tuple[str, str]]) -> None:
    seen: set[tuple[str, str]] = set()
    for one in ids:
        if one in seen:
            raise InvalidInput(f"several {what} of group {one[0]} have the id {one[1]}", {"id": one[1]})
        seen.add(one)
