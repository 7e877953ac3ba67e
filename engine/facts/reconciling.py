"""What becomes of new facts beside what is known already: asked of a language model, and read back. Pure.

The model sees short numbers instead of ids: it can't invent one that happens to be somebody's.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final

from engine.facts.answers import Unreadable, items_of, listed, text_in
from engine.facts.prompt import closed_object, indented
from engine.ports import Prompt
from engine.types import Json

_LIST: Final = ("decisions",)
_TEXTS: Final = ("text",)

_TASK: Final = """\
You keep a list of facts consistent. You get facts that are known, each with a number, and new facts, each with a \
letter. Say of every new fact what becomes of it:

ADD: it says something that no known fact says.
UPDATE: it says of the same thing more, or something newer, than the known facts whose numbers you give; they are \
replaced. "text" is the one fact that then holds, with all that is still true in them.
DELETE: it says that the known facts whose numbers you give are no longer true, and nothing takes their place.
NONE: a known fact says it already (give its number), or an earlier new fact does.

What people said earlier isn't wrong because something new is told: two facts that can both be true are both kept. \
In doubt ADD. Give only numbers and letters that are there, each letter once."""
_ANSWER: Final = 'Answer with a JSON object {"decisions": [...]} and nothing else.'
_FORM: Final = '{"decisions": [{"fact": "a", "event": "UPDATE", "known": [0], "text": "..."}]}'


class Verdict(StrEnum):
    """What becomes of a new fact."""

    ADD = "ADD"
    UPDATE = "UPDATE"
    DELETE = "DELETE"
    NONE = "NONE"


_CLOSING: Final = frozenset({Verdict.UPDATE, Verdict.DELETE})


@dataclass(frozen=True, slots=True)
class Known:
    """A memory that lies near a new fact. `since`: the day since which it is known, `YYYY-MM-DD`."""

    memory_id: str
    text: str
    since: str


@dataclass(frozen=True, slots=True)
class Decision:
    """`closed`: ids of the memories that end with it. `text`: what an update makes of them and the fact. `same`: the
    memory that says the fact already, where there is nothing new.
    """

    verdict: Verdict
    closed: tuple[str, ...] = ()
    text: str | None = None
    same: str | None = None


ADDED: Final = Decision(Verdict.ADD)


def reconciling_prompt(facts: Sequence[str], known: Sequence[Known], day: str) -> Prompt:
    """The question for new facts, told on `day` (`YYYY-MM-DD`), and the known ones that lie near any of them."""
    old = "\n".join(f"[{number}] ({one.since}) {indented(one.text)}" for number, one in enumerate(known))
    new = "\n".join(f"[{letters(at)}] ({day}) {indented(text)}" for at, text in enumerate(facts))
    user = f"Known facts:\n\n{old}\n\nNew facts:\n\n{new}"
    return Prompt(f"{_TASK}\n\n{_ANSWER}\n{_FORM}", user, decision_schema())


def decision_schema() -> Json:
    """JSON Schema of the answer, as strict servers want it."""
    decision = closed_object(
        fact={"type": "string"},
        event={"type": "string", "enum": [one.value for one in Verdict]},
        known={"type": "array", "items": {"type": "integer"}},
        text={"type": "string"},
    )
    return closed_object(decisions={"type": "array", "items": decision})


def decided(answer: str, facts: Sequence[str], known: Sequence[Known]) -> list[Decision]:
    """What becomes of each fact, in order; what the answer says nothing of is added.

    A memory ends once only: the first fact that closes it does. An update that closes nothing is an addition.

    Raises:
        Unreadable: it is no such answer, or it names a number or a letter that it was not given.
    """
    places = {letters(at): at for at in range(len(facts))}
    found: list[Decision | None] = [None] * len(facts)
    ended: set[str] = set()
    for raw in items_of(answer, _LIST, most=len(facts)):
        at = places.get(_letter(raw))
        if at is None or found[at] is not None:
            raise Unreadable("it decides about a fact that it was not given, or about one twice")
        one = _decision(raw, known, ended, facts[at])
        ended.update(one.closed)
        found[at] = one
    return [one or ADDED for one in found]


def letters(at: int) -> str:
    """The name of a fact by its place: a, b, …, z, aa, ab and so on."""
    name = ""
    at += 1
    while at:
        at, rest = divmod(at - 1, 26)
        name = chr(ord("a") + rest) + name
    return name


def _letter(raw: Any) -> str:
    given = raw.get("fact") if isinstance(raw, Mapping) else None
    return given.strip("[] ").casefold() if isinstance(given, str) else ""


def _decision(raw: Mapping[str, Any], known: Sequence[Known], ended: Collection[str], fact: str) -> Decision:
    try:
        verdict = Verdict(str(raw.get("event")).strip().upper())
    except ValueError as error:
        raise Unreadable("it decides on something else than ADD, UPDATE, DELETE or NONE") from error
    numbers = listed(raw.get("known"))
    if not all(type(one) is int and 0 <= one < len(known) for one in numbers):
        raise Unreadable("it names a known fact that it was not given")
    ids = dict.fromkeys(known[one].memory_id for one in numbers)
    if verdict not in _CLOSING:
        return Decision(verdict, same=next(iter(ids), None) if verdict is Verdict.NONE else None)
    closed = tuple(one for one in ids if one not in ended)
    if verdict is Verdict.DELETE:
        return Decision(Verdict.DELETE, closed) if closed else Decision(Verdict.NONE)
    return Decision(Verdict.UPDATE, closed, text_in(raw, _TEXTS) or fact) if closed else ADDED
