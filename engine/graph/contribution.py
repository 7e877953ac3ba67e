"""What one live memory gives to the graph: values only, no graph."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from engine.digests import contribution_digest
from engine.links import linked, linking
from engine.types import Entity, MemoryVersion, Relation, Scope, ScopeField


@dataclass(frozen=True, slots=True, eq=False)
class Contribution:
    """A memory as a node of the graph, with all that it links.

    Two contributions are equal only when they are the same object, so that one can be a node by itself.
    `position` is the ledger position of the change that it came with. `entities` has no two of one key and holds the
    ends of `relations` too; `keys` are their keys. `expires`: the memory's last day, `YYYY-MM-DD`; None: it has none.
    """

    memory_id: str
    project: str
    scope: Scope
    position: int
    entities: tuple[Entity, ...]
    relations: tuple[Relation, ...]
    created_at_us: int = 0
    expires: str | None = None
    keys: tuple[str, ...] = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "keys", tuple(entity.key for entity in self.entities))

    def belongs_to(self, owner: tuple[ScopeField, str] | None) -> bool:
        """Whether the memory's scope has that id; None asks for nothing."""
        return owner is None or getattr(self.scope, owner[0]) == owner[1]

    def is_shown(self, ids: Iterable[tuple[ScopeField, str]], day: str) -> bool:
        """Whether the memory's scope has all of these ids and it hasn't expired on that day."""
        return all(getattr(self.scope, name) == value for name, value in ids) and not (
            self.expires is not None and self.expires < day
        )

    def entity(self, key: str) -> Entity:
        """The entity as this memory names it; raises ValueError when it doesn't."""
        return self.entities[self.keys.index(key)]

    def same_as(self, other: Contribution) -> bool:
        """Whether the two say the same of the same memory."""
        return (
            self.memory_id == other.memory_id
            and self.position == other.position
            and self.scope == other.scope
            and self.entities == other.entities
            and self.relations == other.relations
            and self.created_at_us == other.created_at_us
            and self.expires == other.expires
        )


def contribution(project: str, position: int, version: MemoryVersion) -> Contribution:
    """What `version`, live since `position`, gives to the graph; nameless entities and loops are left out."""
    return Contribution(
        version.memory_id,
        project,
        version.scope,
        position,
        linked(version.entities or (), version.relations),
        linking(version.relations),
        version.created_at_us,
        version.expiration_date,
    )


def digest_of(memory: Contribution) -> bytes:
    """The same as `digests.graph_digest` of the version that the memory came with."""
    return contribution_digest(
        memory_id=memory.memory_id,
        project=memory.project,
        scope=memory.scope,
        position=memory.position,
        keys=memory.keys,
        relations=memory.relations,
        created_at_us=memory.created_at_us,
        expires=memory.expires,
    )
