"""LoCoMo's file as a judged set: turns, or the observations made of them, as units; dialogues as groups.

Data: snap-research/LoCoMo, `data/locomo10.json` (Maharana et al., "Evaluating Very Long-Term Conversational Memory of
LLM Agents", 2024), CC BY-NC 4.0: for measuring, not for shipping.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal

from bench.judged_sets import JudgedSet, Question, Unit, assemble

CATEGORIES = {1: "multi-hop", 2: "temporal", 3: "open-domain", 4: "single-hop", 5: "adversarial"}
APART = "adversarial"
"""Its questions rest on a false premise: their evidence is what the trick was built on, not what answers them."""

UnitKind = Literal["turn", "observation"]

_TURN = re.compile(r"D:?(\d+):(\d+)")
_SESSION = re.compile(r"session_(\d+)")


def read(path: Path, unit: UnitKind = "turn", *, caption: bool = False) -> JudgedSet:
    """The set in LoCoMo's file.

    Args:
        path: of `locomo10.json`, or of a file with some of its dialogues.
        unit: what is remembered.
        caption: turns carry the caption of the image that was shared with them.

    Raises:
        ValueError: the file isn't LoCoMo's.
        OSError: it can't be read.
    """
    try:
        dialogues = json.loads(path.read_text(encoding="utf-8"))
        found = [_dialogue(dialogue, unit, caption=caption) for dialogue in dialogues]
    except (KeyError, TypeError, AttributeError, ValueError) as error:
        raise ValueError(f"{path} isn't LoCoMo's file: {type(error).__name__} {error}") from error
    units = [one for dialogue in found for one in dialogue.units]
    questions = [one for dialogue in found for one in dialogue.questions]
    told = [one for dialogue in found for one in dialogue.malformed]
    name = f"LoCoMo {unit}s{' with captions' if caption and unit == 'turn' else ''}"
    known = {dialogue.group: dialogue.turns for dialogue in found}
    return assemble(name, units, questions, {APART}, told=told, known=known)


def turns_in(cited: Any) -> list[str]:
    """The turns that an evidence string names, also where it is written "D:11:26", "D30:05" or "D8:6; D9:17"."""
    return [f"D{int(session)}:{int(turn)}" for session, turn in _TURN.findall(str(cited))]


@dataclass(frozen=True, slots=True)
class _Dialogue:
    """`turns`: ids of all. `malformed`: what is told of evidence that names none."""

    group: str
    turns: frozenset[str]
    units: tuple[Unit, ...]
    questions: tuple[Question, ...]
    malformed: tuple[str, ...]


def _dialogue(dialogue: Any, unit: UnitKind, *, caption: bool) -> _Dialogue:
    group = dialogue["sample_id"]
    turns = tuple(_turns(dialogue["conversation"], group, caption=caption))
    known = frozenset(turn.id for turn in turns)
    return _Dialogue(
        group=group,
        turns=known,
        units=turns if unit == "turn" else tuple(_observations(dialogue, group, known)),
        questions=tuple(_question(number, one, group, known) for number, one in enumerate(dialogue["qa"])),
        malformed=tuple(
            f'{group}, question {number}: no turn in its evidence "{cited}"'
            for number, one in enumerate(dialogue["qa"])
            for cited in one.get("evidence", [])
            if not known.intersection(turns_in(cited))
        ),
    )


def _question(number: int, asked: Any, group: str, known: frozenset[str]) -> Question:
    return Question(
        id=str(number),
        text=asked["question"],
        evidence=tuple(turn for cited in asked.get("evidence", []) for turn in turns_in(cited) if turn in known),
        category=CATEGORIES[asked["category"]],
        group=group,
    )


def _turns(conversation: Any, group: str, *, caption: bool) -> Iterator[Unit]:
    for session, said_at in _sessions(conversation):
        for turn in conversation[session]:
            shared = turn.get("blip_caption") if caption else None
            yield Unit(
                id=turn["dia_id"],
                text=turn["text"] + (f" [shared image: {shared}]" if shared else ""),
                name=turn["speaker"],
                session=session,
                timestamp=said_at,
                group=group,
            )


def _observations(dialogue: Any, group: str, known: frozenset[str]) -> Iterator[Unit]:
    for session, said_at in _sessions(dialogue["conversation"]):
        by_speaker = dialogue["observation"].get(f"{session}_observation") or {}
        for speaker, facts in by_speaker.items():
            for place, (text, cited) in enumerate(facts):
                yield Unit(
                    id=f"{session}:{speaker}:{place}",
                    text=text,
                    name=speaker,
                    session=session,
                    timestamp=said_at,
                    group=group,
                    covers=tuple(turn for turn in turns_in(cited) if turn in known),
                )


def _sessions(conversation: Any) -> list[tuple[str, datetime]]:
    """Their keys and when they were, in order."""
    numbers = sorted(int(found[1]) for key in conversation if (found := _SESSION.fullmatch(key)))
    return [(f"session_{number}", _moment(conversation[f"session_{number}_date_time"])) for number in numbers]


def _moment(text: str) -> datetime:
    """Of "1:56 pm on 8 May, 2023"."""
    return datetime.strptime(text.strip(), "%I:%M %p on %d %B, %Y").replace(tzinfo=UTC)
