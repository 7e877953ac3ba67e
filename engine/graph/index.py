"""The graphs of all projects of a shard and how far they have come: what changes do to them. One thread at a time."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from engine.graph.contribution import Contribution, contribution, digest_of
from engine.graph.project_graph import ProjectGraph
from engine.types import AuditRow, Change, ChangeBatch, MemoryVersion


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

    def load(self, versions: Iterable[MemoryVersion]) -> None:
        """Take in live versions, whatever their position; older changes of these memories count no more."""
        for version in versions:
            memory = contribution(version.project, version.live_from, version)
            self._put(memory, self._known(memory.project, memory.memory_id))

    def audit(self, after: str, until: str | None) -> tuple[AuditRow, ...]:
        """What is held of memories with `after < memory_id <= until` (None: to the end)."""
        return tuple(
            AuditRow(memory_id, memory.position, digest_of(memory))
            for project in self._projects.values()
            for memory_id, memory in project.memories.items()
            if after < memory_id and (until is None or memory_id <= until)
        )

    def mend(self, changes: Sequence[Change]) -> int:
        """Make single memories what they have to be and say how many changed; what is newer here stays."""
        return sum(self._mend(change) for change in changes)

    def apply(self, batch: ChangeBatch) -> int:
        """Take in what is new and say how many changes that were; a batch that leaves a gap changes nothing."""
        if self.position < batch.after:
            return 0
        changed = sum(self._apply(change) for change in batch.changes)
        self.position = max(self.position, batch.until)
        return changed

    def _apply(self, change: Change) -> bool:
        known = self._known(change.project, change.memory_id)
        if not self._is_news(change, known):
            return False
        if change.version is not None:
            return self._put(contribution(change.project, change.position, change.version), known)
        if known is None:
            return False
        self._drop(known)
        return True

    def _mend(self, change: Change) -> bool:
        """A memory is in one project only: in every other it has no business."""
        everywhere = (project.memories.get(change.memory_id) for project in self._projects.values())
        held = [memory for memory in everywhere if memory is not None]
        if any(memory.position > change.position for memory in held):
            return False
        version = change.version
        wanted = None if version is None else contribution(version.project, change.position, version)
        if wanted is not None and len(held) == 1 and held[0].project == wanted.project and held[0].same_as(wanted):
            return False
        for memory in held:
            self._drop(memory)
        if wanted is not None:
            self._put(wanted, None)
        return bool(held) or wanted is not None

    def _known(self, project: str, memory_id: str) -> Contribution | None:
        found = self._projects.get(project)
        return found.memories.get(memory_id) if found else None

    def _drop(self, memory: Contribution) -> None:
        project = self._projects[memory.project]
        project.drop(memory.memory_id)
        if not project.memories:
            del self._projects[memory.project]

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
