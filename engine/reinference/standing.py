"""What a conversation has said of a fact so far, and what has become of it since. Pure.

A conversation is an add, by its operation's id: what its messages were read for, at first and in later readings.
"""

from __future__ import annotations

from dataclasses import dataclass

from engine import ids
from engine.ledger_port import OperationKind, Step, Trace
from engine.types import MemoryVersion


@dataclass(frozen=True, slots=True)
class Standing:
    """A fact, as one conversation sees it.

    `texts`: what the conversation has said of it, as `key` has it. `live`: None when it has ended; `returns`: it did
    because a later reading of this conversation didn't say it. `said`: its messages that stand behind it now by what
    the conversation said. `authored`: the words are the conversation's. `before`: what others said before that.
    `corrected`: the words are a person's.
    """

    memory_id: str
    texts: frozenset[str]
    live: MemoryVersion | None = None
    returns: bool = False
    said: tuple[str, ...] = ()
    authored: bool = False
    before: MemoryVersion | None = None
    corrected: bool = False

    @property
    def left(self) -> tuple[str, ...]:
        """The messages behind it that other conversations say it with."""
        return () if self.live is None else tuple(one for one in self.live.sources if one not in self.said)


def key(text: str) -> str:
    """What two texts have in common that count as one."""
    return " ".join(ids.canonical_text(text).casefold().split())


def standing_of(trace: Trace, conversation: str) -> Standing:
    """A fact by all that happened to it."""
    live: MemoryVersion | None = None
    last: MemoryVersion | None = None
    returns = False
    texts: set[str] = set()
    tellers: dict[str, str | None] = {}
    words: list[tuple[Step, MemoryVersion]] = []
    for step in trace.steps:
        live = step.version
        if live is None:
            returns = step.by is OperationKind.REINFER and step.conversation == conversation
            continue
        if last is None or live.text != last.text:
            words.append((step, live))
        tellers = {one: tellers.get(one, step.conversation) for one in live.sources}
        if step.conversation == conversation:
            texts |= {key(live.text)} if step.said is None else {key(live.text), key(step.said)}
        last = live
    others = [version for step, version in words if step.conversation != conversation]
    return Standing(
        memory_id=trace.memory_id,
        texts=frozenset(texts),
        live=live,
        returns=live is None and returns,
        said=tuple(one for one, teller in tellers.items() if teller == conversation) if live is not None else (),
        authored=bool(words) and words[-1][0].conversation == conversation,
        before=others[-1] if others else None,
        corrected=bool(words) and words[-1][0].by is OperationKind.UPDATE,
    )


def standing_of_message(message: MemoryVersion) -> Standing:
    """A message that says a fact in the same words stands for it; it doesn't end when it isn't read so any more."""
    return Standing(message.memory_id, frozenset(), message)
