"""The graphs of all projects of a shard and how far they have come: what changes do to them. One thread at a time."""

from __future__ import annotations

from collections.abc import Iterable

from engine.graph.contribution import Contribution, contribution
from engine.graph.project_graph import ProjectGraph
from engine.types import Change, ChangeBatch


class GraphIndex:
    """Follows the ledger: `position` is that of the last change that it knows."""

    def __init__(self) -> None:
        self.position = 0
        self._projects: dict[str, ProjectGraph] = {}

    def __len__(self) -> int:
        """How many memories there are."""
        return sum(len(project.memories) for project in self._projects.values())

    def project(self, name: str) -> ProjectGraph | None:
        """The graphs of a project, or None when it has no memory."""
        return self._projects.get(name)

    def memories(self) -> list[Contribution]:
        """What all memories contribute, in order of position."""
        found = [memory for project in self._projects.values() for memory in project.memories.values()]
        return sorted(found, key=lambda memory: memory.position)

    def restore(self, position: int, memories: Iterable[Contribution]) -> None:
        """Become what `memories` and `position` were taken from. Only for an empty index."""
        for memory in memories:
            self._projects.setdefault(memory.project, ProjectGraph()).put(memory)
        self.position = position

    def apply(self, batch: ChangeBatch) -> int:
        """Take in what is new and say how many changes that were; a batch that leaves a gap changes nothing."""
        if self.position < batch.after:
            return 0
        changed = sum(self._apply(change) for change in batch.changes)
        self.position = max(self.position, batch.until)
        return changed

    def _apply(self, change: Change) -> bool:
        project = self._projects.get(change.project)
        known = project.memories.get(change.memory_id) if project else None
        if not self._is_news(change, known):
            return False
        if change.version is not None:
            return self._put(contribution(change.project, change.position, change.version), known)
        if project is None or known is None:
            return False
        project.drop(change.memory_id)
        if not project.memories:
            del self._projects[change.project]
        return True

    def _is_news(self, change: Change, known: Contribution | None) -> bool:
        """Whether the change may count.

        Not when a later one of the same memory does; and a memory that isn't here at an old position has been deleted
        since. The same position again may say more than before: entities are found later.
        """
        return change.position > self.position if known is None else change.position >= known.position

    def _put(self, memory: Contribution, known: Contribution | None) -> bool:
        if known is not None and known.same_as(memory):
            return False
        self._projects.setdefault(memory.project, ProjectGraph()).put(memory)
        return True
