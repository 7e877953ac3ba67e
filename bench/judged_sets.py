"""Judged sets: units to remember and questions whose evidence is known, one JSON object a line.

```
{"set": {"name": "my notes", "apart": ["adversarial"]}}
{"unit": {"id": "u1", "text": "I moved to Porto in May.", "role": "user", "name": "Anna", "session": "s1",
          "timestamp": "2026-05-03T18:20:00+00:00", "group": "anna", "covers": ["u1"]}}
{"question": {"id": "q1", "text": "Where does Anna live now?", "evidence": ["u1"], "category": "fact", "group": "anna"}}
```

Lines may come in any order, units of a session in the order in which they were said. Only `id` and `text` are needed;
a question needs its `evidence` too. A *group* is one scope: its questions are asked of its units alone. A unit *covers*
the evidence that it stands for, itself unless told. Categories named in `apart` are left out of totals.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator

_Text = Annotated[str, Field(min_length=1)]


class _Line(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Unit(_Line):
    """What is remembered. `name`: who spoke; `covers`: ids of the evidence that it stands for."""

    id: _Text
    text: _Text
    role: Literal["user", "assistant", "system"] = "user"
    name: str | None = None
    session: str | None = None
    timestamp: datetime | None = None
    group: str = "all"
    covers: tuple[str, ...] | None = None

    _in_utc = field_validator("timestamp")(lambda value: value and _aware(value))

    @property
    def evidence(self) -> tuple[str, ...]:
        """The ids that it stands for."""
        return (self.id,) if self.covers is None else self.covers

    def said(self) -> str:
        """The text with who said it in front, for systems that know texts only."""
        return self.text if not self.name or self.text.startswith(self.name) else f"{self.name}: {self.text}"

    def dated(self) -> str:
        """The same with the day in front, if it is known."""
        return f"[{self.timestamp.day} {self.timestamp:%B %Y}] {self.said()}" if self.timestamp else self.said()


class Question(_Line):
    """What is asked, and the ids of what answers it. `timestamp`: when it is asked."""

    id: _Text
    text: _Text
    evidence: tuple[str, ...]
    category: str = "all"
    group: str = "all"
    timestamp: datetime | None = None

    _in_utc = field_validator("timestamp")(lambda value: value and _aware(value))


class About(_Line):
    """Of the whole set."""

    name: str | None = None
    apart: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Group:
    """One scope."""

    name: str
    units: tuple[Unit, ...]
    questions: tuple[Question, ...]

    def sessions(self) -> list[list[Unit]]:
        """Units that were said together, in the order of their first; a unit without session is one by itself."""
        found: dict[object, list[Unit]] = {}
        for place, unit in enumerate(self.units):
            found.setdefault(place if unit.session is None else unit.session, []).append(unit)
        return list(found.values())


@dataclass(frozen=True, slots=True)
class JudgedSet:
    """Groups in the order of their first line. `skipped`: one sentence for each thing that could not be used."""

    name: str
    groups: tuple[Group, ...]
    apart: frozenset[str] = frozenset()
    skipped: tuple[str, ...] = ()

    def only(self, names: Sequence[str]) -> JudgedSet:
        """Some of the groups.

        Raises:
            ValueError: there is none of that name.
        """
        have = {group.name: group for group in self.groups}
        if missing := [name for name in names if name not in have]:
            raise ValueError(f"no group {', '.join(missing)}; there are {', '.join(have)}")
        return JudgedSet(self.name, tuple(have[name] for name in names), self.apart, self.skipped)


@dataclass(slots=True)
class _Gathered:
    about: About = field(default_factory=About)
    units: dict[str, list[Unit]] = field(default_factory=dict)
    questions: dict[str, list[Question]] = field(default_factory=dict)


def read(path: Path) -> JudgedSet:
    """The set in a file.

    Raises:
        ValueError: a line isn't what the shape says; the message names it.
        OSError: the file can't be read.
    """
    gathered = _Gathered()
    with path.open(encoding="utf-8") as lines:
        for number, line in enumerate(lines, 1):
            if line.strip():
                try:
                    _take(gathered, line)
                except ValueError as error:
                    raise ValueError(f"{path}, line {number}: {_plain(error)}") from error
    return assemble(
        gathered.about.name or path.stem,
        [unit for units in gathered.units.values() for unit in units],
        [question for questions in gathered.questions.values() for question in questions],
        gathered.about.apart,
    )


def assemble(
    name: str,
    units: Iterable[Unit],
    questions: Iterable[Question],
    apart: Iterable[str] = (),
    *,
    told: Iterable[str] = (),
    known: Mapping[str, Collection[str]] | None = None,
) -> JudgedSet:
    """Units and questions as a set: evidence that no unit covers is left out and named, as is a question without any.

    Args:
        name: of the set.
        units: of all groups.
        questions: of all groups.
        apart: categories that are left out of totals.
        told: what was skipped before.
        known: by group, evidence that stays wanted though no unit covers it: no system can find it.

    Raises:
        ValueError: a group has two units, or two questions, of one id; or questions and no units.
    """
    of: dict[str, list[Unit]] = {}
    asked: dict[str, list[Question]] = {}
    skipped = list(told)
    for unit in units:
        of.setdefault(unit.group, []).append(unit)
    for question in questions:
        asked.setdefault(question.group, []).append(question)
    if bare := [group for group in asked if group not in of]:
        raise ValueError(f"questions but no units in group {', '.join(bare)}")
    groups = []
    for group, members in of.items():
        _distinct(f"units in group {group}", [unit.id for unit in members])
        _distinct(f"questions in group {group}", [question.id for question in asked.get(group, ())])
        covered = {evidence for unit in members for evidence in unit.evidence}.union((known or {}).get(group, ()))
        groups.append(Group(group, tuple(members), tuple(_usable(asked.get(group, ()), covered, skipped))))
    return JudgedSet(name, tuple(groups), frozenset(apart), tuple(skipped))


def lines(judged: JudgedSet) -> Iterator[str]:
    """The set as lines of a file, without line ends."""
    yield _line("set", About(name=judged.name, apart=tuple(sorted(judged.apart))))
    for group in judged.groups:
        yield from (_line("unit", unit) for unit in group.units)
        yield from (_line("question", question) for question in group.questions)


def _line(kind: str, value: BaseModel) -> str:
    return json.dumps({kind: value.model_dump(mode="json", exclude_defaults=True)}, ensure_ascii=False)


def _take(gathered: _Gathered, line: str) -> None:
    value: Any = json.loads(line)
    if not isinstance(value, dict) or len(value) != 1:
        raise ValueError('should be {"unit": …}, {"question": …} or {"set": …}')
    ((kind, content),) = value.items()
    if kind == "unit":
        unit = Unit.model_validate(content)
        gathered.units.setdefault(unit.group, []).append(unit)
    elif kind == "question":
        question = Question.model_validate(content)
        gathered.questions.setdefault(question.group, []).append(question)
    elif kind == "set":
        gathered.about = About.model_validate(content)
    else:
        raise ValueError(f'unknown kind "{kind}"; there are unit, question and set')


def _usable(questions: Iterable[Question], covered: set[str], skipped: list[str]) -> Iterator[Question]:
    for question in questions:
        known = tuple(dict.fromkeys(one for one in question.evidence if one in covered))
        unknown = [one for one in question.evidence if one not in covered]
        if unknown:
            skipped.append(f"{question.group}, question {question.id}: no unit for evidence {', '.join(unknown)}")
        if known:
            yield question.model_copy(update={"evidence": known})
        else:
            skipped.append(f"{question.group}, question {question.id}: without evidence, not asked")


def _distinct(what: str, ids: list[str]) -> None:
    if double := sorted({one for one in ids if ids.count(one) > 1} if len(set(ids)) < len(ids) else ()):
        raise ValueError(f"several {what} have the id {', '.join(double[:5])}")


def _aware(value: datetime) -> datetime:
    return value.replace(tzinfo=UTC) if value.tzinfo is None else value


def _plain(error: ValueError) -> str:
    if not isinstance(error, ValidationError):
        return str(error)
    return "; ".join(f"{'.'.join(map(str, one['loc']))}: {one['msg']}" for one in error.errors())
