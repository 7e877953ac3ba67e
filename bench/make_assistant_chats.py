"""Writes the judged set of chats between a user and an assistant: `python bench/make_assistant_chats.py --help`.

All texts are made here, of stories (`bench/chats`) that go on over many sittings, in which other things are asked, too.
The same seed gives the same file. Nobody has a name: roles are all that tells who spoke.
"""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Iterator, Sequence
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from random import Random
from typing import Annotated

import typer

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))  # So that it runs as a file too, from wherever.

from bench.chats import passing, plots_home, plots_leisure, plots_work
from bench.chats.teller import PAIR, SEVERAL, UPDATE, Asked, Plot, Said, Story, Teller
from bench.judged_sets import JudgedSet, Question, Unit, assemble, lines

FILE = Path(__file__).resolve().parent / "data" / "assistant_chats.jsonl"

_PLOTS: tuple[Plot, ...] = (*plots_leisure.PLOTS, *plots_home.PLOTS, *plots_work.PLOTS)
_TWICE: tuple[Plot, ...] = (plots_leisure.trip, plots_leisure.dinner, plots_home.plant, plots_work.incident)
"""Stories that a chat may tell two of: their questions name which one they mean."""

_FIRST_DAY = date(2025, 1, 6)
_SITTINGS = 26
_PARTS = 4
_STORIES = 13
_AGAIN = 2
_PASSING = 24
_QUESTIONS = 24
_RARE = {PAIR: 3, SEVERAL: 3, UPDATE: 4}
"""Of these categories a chat has so many questions at most, and as many as that if it can."""


def chats(count: int, seed: int) -> JudgedSet:
    """So many chats of about 200 messages, each a group of its own."""
    units, questions = [], []
    for number in range(1, count + 1):
        random = Random(f"{seed} {number}")
        messages, asked = _chat(random)
        group = f"chat-{number}"
        units += [_unit(group, place, *message) for place, message in enumerate(messages)]
        place_of = {id(said): f"m{place:03d}" for place, (said, _, _) in enumerate(messages)}
        questions += [
            Question(
                id=f"q{place:02d}",
                text=one.text,
                evidence=tuple(place_of[id(said)] for said in one.evidence),
                category=one.category,
                group=group,
            )
            for place, one in enumerate(asked)
        ]
    return assemble("chats of a user with an assistant", units, questions)


def _unit(group: str, place: int, said: Said, session: int, moment: datetime) -> Unit:
    name = f"s{session:02d}"
    return Unit(id=f"m{place:03d}", text=said.text, role=said.role, session=name, timestamp=moment, group=group)


def _chat(random: Random) -> tuple[list[tuple[Said, int, datetime]], list[Asked]]:
    """Messages with the number of their sitting and their time, in order; and questions.

    What was said twice in the same words is evidence of nothing.
    """
    days = _days(random)
    taken: dict[int, set[str]] = {}
    sittings: list[list[list[Said]]] = [[] for _ in days]
    asked: list[Asked] = []
    plots = random.sample(_PLOTS, _STORIES) + random.sample(_TWICE, _AGAIN)
    for plot in plots:
        when = sorted(random.sample(range(len(days)), _PARTS))
        story = _told(plot, random, [days[place] for place in when], taken)
        asked += story.asked
        for place, part in zip(when, story.parts, strict=False):
            sittings[place].append(part)
    for _ in range(_PASSING):
        place = random.randrange(len(days))
        sittings[place] += _told(random.choice(passing.PLOTS), random, [days[place]], taken).parts
    messages = list(_messages(random, days, sittings))
    said = Counter(message.text for message, _, _ in messages)
    clear = [one for one in asked if all(said[evidence.text] == 1 for evidence in one.evidence)]
    return messages, _chosen(random, clear)


def _told(plot: Plot, random: Random, days: Sequence[date], taken: dict[int, set[str]]) -> Story:
    teller = Teller(random, days, taken)
    plot(teller)
    return teller.story


def _days(random: Random) -> list[date]:
    day, days = _FIRST_DAY + timedelta(days=random.randrange(120)), []
    for _ in range(_SITTINGS):
        days.append(day)
        day += timedelta(days=random.randrange(2, 9))
    return days


def _messages(
    random: Random, days: Sequence[date], sittings: Sequence[list[list[Said]]]
) -> Iterator[tuple[Said, int, datetime]]:
    for number, (day, parts) in enumerate(zip(days, sittings, strict=True), 1):
        moment = datetime(day.year, day.month, day.day, random.randrange(7, 22), random.randrange(60), tzinfo=UTC)
        random.shuffle(parts)
        for said in (said for part in parts for said in part):
            yield said, number, moment
            moment += timedelta(seconds=random.randrange(5, 25) if said.role == "user" else random.randrange(30, 240))


def _chosen(random: Random, asked: Sequence[Asked]) -> list[Asked]:
    """Some of the questions, mixed, each text once; those of rare categories first."""
    left = list({one.text: one for one in asked}.values())
    random.shuffle(left)
    chosen: list[Asked] = []
    for category, count in _RARE.items():
        chosen += [one for one in left if one.category == category][:count]
    others = [one for one in left if one.category not in _RARE]
    chosen += others[: _QUESTIONS - len(chosen)]
    random.shuffle(chosen)
    return chosen


def main(
    out: Annotated[Path, typer.Option(help="The file to write.")] = FILE,
    count: Annotated[int, typer.Option("--chats", min=1, max=100, help="How many chats.")] = 9,
    seed: Annotated[int, typer.Option(min=0, help="Another seed, other chats.")] = 0,
) -> None:
    """Write the judged set of chats between a user and an assistant, the same for the same seed."""
    judged = chats(count, seed)
    out.write_text("".join(f"{line}\n" for line in lines(judged)), encoding="utf-8")
    asked = [len(group.questions) for group in judged.groups]
    said = [len(group.units) for group in judged.groups]
    typer.echo(f"{out}: {len(judged.groups)} chats, {sum(said)} messages, {sum(asked)} questions")


if __name__ == "__main__":
    typer.run(main)
