"""What a chaos run knows to be true, and what it finds wrong. Pure: who sends and who kills is elsewhere.

Each scope is written by one client, one request after the other, so what it must hold is known exactly, but for
requests whose answer was lost and that can't be sent again: those must show whole or not at all, once.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum

from engine.types import Json

_MARKER = re.compile(r"m\d+c\d+n\d+")


class Wrong(StrEnum):
    """The ways in which a memory system breaks its word."""

    LOST = "lost"
    """Acknowledged, and not there."""
    DOUBLED = "doubled"
    """One request, two effects or two answers."""
    TORN = "torn"
    """A part of a request, or stores that contradict each other."""
    LEAKED = "leaked"
    """Seen in another scope, or after its erasure."""
    STALE = "stale"
    """A search that said it was complete showed what was gone, or didn't show what was there."""
    REFUSED = "refused"
    """An answer that a right request should never get."""


@dataclass(slots=True)
class Findings:
    """What was found wrong: how often, and the first of each in words."""

    counts: Counter[Wrong] = field(default_factory=Counter)
    words: list[str] = field(default_factory=list)

    def add(self, wrong: Wrong, what: str, most: int = 50) -> None:
        """Count one more."""
        self.counts[wrong] += 1
        if len(self.words) < most:
            self.words.append(f"{wrong}: {what}")


def marker(seed: int, client: int, number: int) -> str:
    """A word that stands in one text of one run only."""
    return f"m{seed}c{client}n{number}"


def markers(text: str) -> set[str]:
    """All markers in a text."""
    return set(_MARKER.findall(text))


@dataclass(slots=True)
class Fact:
    """A memory that is there. `events`: how often it was made and changed. `sure`: every index has confirmed it."""

    text: str
    events: int = 1
    sure: bool = True


@dataclass(slots=True)
class Maybe:
    """A request whose outcome nobody knows: all of its texts are there, or none is. `must`: it was acknowledged."""

    texts: tuple[str, ...]
    must: bool = False


@dataclass(slots=True)
class ScopeModel:
    """What one scope holds. `ended`: how many events each deleted memory has. `purged`: ids. `erased`: texts.

    `gone`: the erased texts of which an answer, one with nothing in `degraded`, said that no file holds them any more.
    """

    user_id: str
    live: dict[str, Fact] = field(default_factory=dict)
    ended: dict[str, int] = field(default_factory=dict)
    purged: set[str] = field(default_factory=set)
    maybe: dict[str, Maybe] = field(default_factory=dict)
    erased: set[str] = field(default_factory=set)
    gone: set[str] = field(default_factory=set)

    @property
    def settled(self) -> bool:
        """Whether it is known exactly what is there."""
        return not self.maybe

    def added(self, texts: Sequence[str], answer: Json, findings: Findings) -> None:
        """An add has answered that it is done."""
        rows = answer["results"]
        if sorted(row["memory"] for row in rows) != sorted(texts):
            findings.add(Wrong.TORN, f"{self.user_id}: sent {list(texts)}, answered {[row['memory'] for row in rows]}")
        for row in rows:
            if row["event"] != "ADD" or row["id"] in self.live:
                findings.add(Wrong.DOUBLED, f"{self.user_id}: {row['memory']!r} came back as {row['event']}")
            self.live[row["id"]] = Fact(row["memory"])
        self._confirmed(answer)

    def _confirmed(self, answer: Json) -> None:
        """An answer without `degraded`: both indexes have come to it, so they have all before it too."""
        sure = answer.get("degraded") == []
        for fact in self.live.values():
            fact.sure = sure

    def updated(self, memory_id: str, text: str, answer: Json) -> None:
        """A memory has another text."""
        fact = self.live[memory_id]
        self.live[memory_id] = Fact(text, fact.events + 1)
        self._confirmed(answer)

    def deleted(self, memory_id: str, answer: Json) -> None:
        """A memory is gone."""
        self.ended[memory_id] = self.live.pop(memory_id).events + 1
        self._confirmed(answer)

    def deleted_all(self, answer: Json, findings: Findings) -> None:
        """All memories are gone."""
        if answer.get("count", len(self.live)) != len(self.live):
            findings.add(Wrong.TORN, f"{self.user_id}: deleted {answer['count']} of {len(self.live)}")
        for memory_id in list(self.live):
            self.deleted(memory_id, answer)

    def purged_all(self, texts: Collection[str], *, whole: bool) -> None:
        """All content that there ever was is erased. `texts`: all that was ever sent to this scope. `whole`: nothing of
        it goes on.
        """
        self.purged |= {*self.live, *self.ended}
        self.live.clear()
        self.ended.clear()
        self.erased |= set(texts)
        if whole:
            self.gone |= set(texts)

    def check_list(self, memories: Sequence[Json], findings: Findings, *, final: bool = False) -> None:
        """Compare with all memories of the scope. `final`: everything under way is over, nothing can still come."""
        seen = {memory["id"]: memory for memory in memories}
        if len(seen) != len(memories):
            findings.add(Wrong.DOUBLED, f"{self.user_id}: a list shows an id twice")
        self._check_owner(memories, findings)
        for memory_id, fact in self.live.items():
            shown = seen.pop(memory_id, None)
            if shown is None:
                findings.add(Wrong.LOST, f"{self.user_id}: {memory_id} {fact.text!r}")
            elif shown["memory"] != fact.text or shown["version"] != fact.events:
                findings.add(
                    Wrong.TORN,
                    f"{self.user_id}: {memory_id} is {shown['memory']!r} in version {shown['version']}, "
                    f"should be {fact.text!r} in {fact.events}",
                )
        self._check_rest([memory["memory"] for memory in seen.values()], findings, final=final)

    def _check_rest(self, texts: Sequence[str], findings: Findings, *, final: bool) -> None:
        """What no acknowledged request has made has to come of one whose outcome isn't known."""
        found = Counter(texts)
        for key, maybe in self.maybe.items():
            there = [text for text in maybe.texts if found[text]]
            if any(found[text] > 1 for text in there):
                findings.add(Wrong.DOUBLED, f"{self.user_id}: {key} took effect twice: {maybe.texts}")
            if there and len(there) < len(maybe.texts):
                findings.add(Wrong.TORN, f"{self.user_id}: of {maybe.texts} only {there}")
            if final and maybe.must and not there:
                findings.add(Wrong.LOST, f"{self.user_id}: {key}, acknowledged as accepted: {maybe.texts}")
            for text in there:
                del found[text]
        known = {fact.text for fact in self.live.values()}
        for text in found:
            wrong = Wrong.LEAKED if text in self.erased else Wrong.DOUBLED if text in known else Wrong.TORN
            findings.add(wrong, f"{self.user_id}: {text!r} is there and shouldn't be")

    def check_search(self, sought: str, answer: Json, findings: Findings) -> None:
        """Compare the answer to a search for the text of the memory `sought`."""
        hits = answer["results"]
        self._check_owner(hits, findings)
        if answer.get("degraded") or not self.settled or not all(fact.sure for fact in self.live.values()):
            return
        for hit in hits:
            fact = self.live.get(hit["id"])
            if fact is None or fact.text != hit["memory"]:
                findings.add(Wrong.STALE, f"{self.user_id}: a search shows {hit['id']} {hit['memory']!r}")
        if sought not in {hit["id"] for hit in hits}:
            findings.add(Wrong.STALE, f"{self.user_id}: a search for {self.live[sought].text!r} doesn't show it")

    def check_history(self, memory_id: str, events: Sequence[Json], findings: Findings) -> None:
        """Compare with a memory's history."""
        wanted = self.live[memory_id].events if memory_id in self.live else self.ended[memory_id]
        if len(events) > wanted:
            findings.add(Wrong.DOUBLED, f"{self.user_id}: {memory_id} has {len(events)} events, should have {wanted}")
        if len(events) < wanted:
            findings.add(Wrong.LOST, f"{self.user_id}: {memory_id} has {len(events)} events, should have {wanted}")

    def _check_owner(self, memories: Sequence[Json], findings: Findings) -> None:
        for memory in memories:
            if memory["user_id"] != self.user_id:
                findings.add(Wrong.LEAKED, f"{self.user_id} sees {memory['user_id']}: {memory['memory']!r}")


def check_shared(facts: Mapping[str, set[str]], memories: Sequence[Json], findings: Findings) -> None:
    """A scope into which many clients send the same few facts: each is there once, under the id that all were told."""
    shown = Counter(memory["memory"] for memory in memories)
    by_id = {memory["id"]: memory["memory"] for memory in memories}
    for text, told in facts.items():
        if len(told) > 1 or shown[text] > 1:
            findings.add(Wrong.DOUBLED, f"shared {text!r}: told {sorted(told)}, there {shown[text]} times")
        for memory_id in told:
            if by_id.get(memory_id) != text:
                findings.add(Wrong.LOST, f"shared {text!r}: {memory_id}")


def check_same(answers: Sequence[Json], findings: Findings) -> None:
    """Several sendings of one request: all get one answer."""
    shown = {str([answer.get("operation_id"), answer.get("status"), _effects(answer)]) for answer in answers}
    settled = {answer.get("status") for answer in answers}
    if len(settled) == 1 and len(shown) > 1:
        findings.add(Wrong.DOUBLED, f"one request, {len(shown)} answers: {sorted(shown)}")
    if len({answer.get("operation_id") for answer in answers}) > 1:
        findings.add(Wrong.DOUBLED, f"one request, several operations: {sorted(shown)}")


def _effects(answer: Json) -> list[tuple[str, str]]:
    return [(row["id"], row["event"]) for row in answer.get("results", [])]
