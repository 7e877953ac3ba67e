"""What is wanted of the facts of an add: by its caller, and by its project."""

from __future__ import annotations

from engine.config import Policy
from engine.facts.prompt import Wishes
from engine.ledger_port import Operation


class Wishing:
    """Knows the wishes of callers and projects.

    Args:
        policy: of projects that set none.
    """

    def __init__(self, policy: Policy) -> None:
        self._policy = policy

    async def of(self, operation: Operation) -> Wishes:
        """What is wanted of the facts of an add."""
        return wishes_of(operation)

    async def policy(self, _project: str) -> Policy:
        """How a project keeps its facts consistent."""
        return self._policy


def wishes_of(operation: Operation) -> Wishes:
    """What the caller of an add wants."""
    asked = operation.request.get("wishes") or {}
    return Wishes(
        instructions=asked.get("instructions", ""),
        topics=tuple(asked.get("topics", ())),
        but_topics=tuple(asked.get("but_topics", ())),
        categories=tuple((name, what) for name, what in asked.get("categories", ())),
    )
