"""The entity graph as the memory system needs it: asynchronous, lists in, lists out, same order."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from engine.pickling import by_fields
from engine.types import (
    Applied,
    AuditAnswer,
    BlockKey,
    ChangeBatch,
    Entity,
    LiveRows,
    Mending,
    Relation,
    Scope,
)


@by_fields
@dataclass(frozen=True, slots=True)
class View:
    """How the graph is looked at.

    `at_us`: what is true is asked for that time, and memories made later don't count; None: now, and all count.
    `aliases`: keys of names, each with the name that stands for it, whose key is none of these.
    """

    at_us: int | None = None
    aliases: Mapping[str, str] = field(default_factory=dict)


@by_fields
@dataclass(frozen=True, slots=True)
class Role:
    """Somebody that a text names by what they are to another: "Anna's husband", or "my sister" (`of` None).

    `relationships`: what would say it, by key; those of `either` say it also of the one who tells it.
    """

    of: str | None
    relationships: tuple[str, ...]
    either: tuple[str, ...] = ()


@by_fields
@dataclass(frozen=True, slots=True)
class GraphQuery:
    """Memories near these entities. `block` limits the start and the walk to the graphs that hold its memories.

    `mentions`: how many memories of all shards mention each entity that the walk may start from, by key. Then a hit's
    score is its share of the walk as it is, so that it compares with those of other shards.
    `roles`: the walk starts from who has them, too.
    """

    project: str
    entities: tuple[Entity, ...]
    limit: int
    block: BlockKey | None = None
    mentions: Mapping[str, int] | None = None
    roles: tuple[Role, ...] = ()
    view: View = View()


@by_fields
@dataclass(frozen=True, slots=True)
class GraphHit:
    """`score`: share of the personalised PageRank that the memory gets, in [0, 1]: relative to the best in the answer,
    times how telling the query's entities are (1 when a single memory has one, less the more do)."""

    memory_id: str
    score: float


@dataclass(frozen=True, slots=True)
class GraphAnswer:
    """Per query the best memories, and the relations among the entities that were met."""

    applied: Applied
    hits: tuple[tuple[GraphHit, ...], ...]
    relations: tuple[tuple[Relation, ...], ...] = field(default=())


@dataclass(frozen=True, slots=True)
class MentionsAnswer:
    """Per query how many memories mention each entity that the walk would start from, by key."""

    applied: Applied
    mentions: tuple[Mapping[str, int], ...]


@dataclass(frozen=True, slots=True)
class EntitiesQuery:
    """What the memories with all ids of `scope` mention. `name`: only entities whose name contains it, folded."""

    project: str
    scope: Scope
    offset: int
    limit: int
    name: str | None = None
    view: View = View()


@dataclass(frozen=True, slots=True)
class Mentioned:
    """An entity and how many memories mention it."""

    entity: Entity
    memories: int


@dataclass(frozen=True, slots=True)
class EntitiesAnswer:
    """One page of entities, most mentioned first, and how many there are on all pages."""

    applied: Applied
    count: int
    entities: tuple[Mentioned, ...]


@dataclass(frozen=True, slots=True)
class NeighboursQuery:
    """What surrounds the entity of that name in the memories with all ids of `scope`; at most `limit` of each."""

    project: str
    scope: Scope
    entity: str
    limit: int
    view: View = View()


@dataclass(frozen=True, slots=True)
class Neighbourhood:
    """An entity, the relations it has now, who is mentioned together with it (`memories` mention both), and the
    memories that mention it, newest first."""

    entity: Mentioned
    relations: tuple[Relation, ...]
    entities: tuple[Mentioned, ...]
    memory_ids: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class NeighboursAnswer:
    """None: no memory of the scope mentions the entity."""

    applied: Applied
    around: Neighbourhood | None


@dataclass(frozen=True, slots=True)
class PathQuery:
    """The shortest way between two entities over the memories with all ids of `scope`."""

    project: str
    scope: Scope
    source: str
    target: str
    most_steps: int
    view: View = View()


@dataclass(frozen=True, slots=True)
class PathStep:
    """Two entities that one memory links, as its relation says, or `mentioned_with` where it has none."""

    relation: Relation
    memory_id: str


@dataclass(frozen=True, slots=True)
class PathAnswer:
    """`unknown`: names that no memory of the scope mentions. `entities` None: there is no way so short."""

    applied: Applied
    unknown: tuple[str, ...] = ()
    entities: tuple[str, ...] | None = None
    steps: tuple[PathStep, ...] = ()


@dataclass(frozen=True, slots=True)
class BesideQuery:
    """Who is mentioned together with each of the entities with these keys in the memories with all ids of `scope`."""

    project: str
    scope: Scope
    keys: tuple[str, ...]
    view: View = View()


@dataclass(frozen=True, slots=True)
class BesideAnswer:
    """Per key the keys of other entities, each said once: of the first of the keys that it stands beside."""

    applied: Applied
    beside: tuple[tuple[str, ...], ...]


@dataclass(frozen=True, slots=True)
class LinksQuery:
    """What links the entities in the memories with all ids of `scope`."""

    project: str
    scope: Scope
    view: View = View()


@dataclass(frozen=True, slots=True)
class LinksAnswer:
    """The entities that most memories mention, at most 1,000; of two of them, by key, how many memories mention both;
    what is stated between them."""

    applied: Applied
    entities: tuple[Mentioned, ...]
    pairs: tuple[tuple[str, str, int], ...]
    relations: tuple[Relation, ...]


class AskedGraph(Protocol):
    """The entity graph as questions see it.

    `entities`, `neighbours`, `path`, `beside` and `links` obey every id of a scope and leave out memories
    that have expired.
    """

    async def search(self, queries: Sequence[GraphQuery]) -> GraphAnswer: ...

    async def mentions(self, queries: Sequence[GraphQuery]) -> MentionsAnswer: ...

    async def entities(self, query: EntitiesQuery) -> EntitiesAnswer: ...

    async def neighbours(self, query: NeighboursQuery) -> NeighboursAnswer: ...

    async def path(self, query: PathQuery) -> PathAnswer: ...

    async def beside(self, query: BesideQuery) -> BesideAnswer: ...

    async def links(self, query: LinksQuery) -> LinksAnswer: ...


class GraphStore(AskedGraph, Protocol):
    """The entity graph over live versions. `apply` follows the rule of `VectorStore.apply`."""

    async def status(self) -> Applied: ...

    async def apply(self, batch: ChangeBatch) -> Applied: ...

    async def audit(self, after: str, until: str | None) -> AuditAnswer:
        """What is held of memories with `after < memory_id <= until` (None: to the end), as digests."""
        ...

    async def mend(self, mending: Mending) -> Applied:
        """Make single memories what they have to be. The position stays; what is newer here stays too."""
        ...

    async def begin_rebuild(self) -> None:
        """Begin an empty copy beside what is in use; one that was begun before is thrown away."""
        ...

    async def load(self, rows: LiveRows) -> None:
        """Put live versions into the copy. Raises Conflict when no rebuild is under way."""
        ...

    async def finish_rebuild(self, position: int) -> Applied:
        """Let the copy take the place of what is in use, as an index that has come to `position`, in a new incarnation.

        Nothing of the old files stays. Raises Conflict when no rebuild is under way.
        """
        ...

    async def close(self) -> None: ...
