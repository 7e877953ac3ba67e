"""What the answers about the graph look like, for the OpenAPI description only."""

from __future__ import annotations

from pydantic import BaseModel, Field

from serve_app.schemas import Memory, Page, ScopeIds


class Mention(BaseModel):
    """Somebody or something that memories mention."""

    name: str = Field(examples=["Lisbon"])
    type: str = Field(examples=["gpe"], description="`person`, `org`, `gpe` (a place with a government), …, `other`.")
    memories: int = Field(description="How many mention it.")
    distance: int | None = Field(default=None, description="Steps from the entity asked for, with a `depth` over 1.")


class MentionPage(Page):
    """Most mentioned first."""

    results: list[Mention]


class RelationEntry(BaseModel):
    """What one entity has to do with another."""

    source: str = Field(examples=["Ana"])
    relationship: str = Field(examples=["moved_to"])
    target: str = Field(examples=["Lisbon"])
    valid_at: str | None = Field(default=None, description="Since when it is true, of one that a memory states.")
    invalid_at: str | None = Field(default=None, description="When it ended; null: it is still true.")
    memory_id: str | None = Field(default=None, description="The memory that states it.")


class Neighbours(BaseModel):
    """What surrounds an entity."""

    entity: Mention
    relations: list[RelationEntry]
    entities: list[Mention] = Field(description="Mentioned together with it; `memories`: how many mention both.")
    memories: list[Memory] = Field(description="Those that mention it, newest first.")


class Community(BaseModel):
    """Entities that memories mention together."""

    size: int
    entities: list[Mention] = Field(description="Those that most memories mention first.")
    relations: list[RelationEntry] = Field(description="What is stated between them and true.")


class Communities(BaseModel):
    """The largest first."""

    count: int
    communities: list[Community]


class SplitRequest(ScopeIds):
    """A name in a scope."""

    name: str = Field(examples=["Nana"])


class MergeRequest(SplitRequest):
    """A name, and the one whose entity it means."""

    into: str = Field(examples=["Anna Schmidt"])


class Alias(BaseModel):
    """A name that means another."""

    name: str
    into: str


class Aliases(BaseModel):
    """What a name means now, and all names of the scope that mean another."""

    name: str
    into: str | None
    changed: bool = Field(description="Whether that was new.")
    aliases: list[Alias]


class Step(RelationEntry):
    """From one entity to the next. `relationship` is `mentioned_with` where no relation is known."""

    memory: Memory = Field(description="The memory that says so.")


class PathAnswer(BaseModel):
    """The way from one entity to another."""

    found: bool
    length: int
    entities: list[str]
    steps: list[Step]


BODIES: tuple[type[BaseModel], ...] = (MergeRequest, SplitRequest)
"""What routes read by themselves, so that FastAPI doesn't describe them."""
