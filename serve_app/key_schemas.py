"""What keys look like, for the OpenAPI description only."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from serve_app.schemas import Page, ScopeIds

_ROLE = Literal["read", "write", "admin"]


class NewKey(ScopeIds):
    """A key to make. Ids bind it: it sees and changes nothing that hasn't all of them."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"name": "the app of ana", "role": "write"}]})

    name: str
    role: _ROLE = "write"
    project: str | None = Field(None, description="That of the key that makes it, unless the server's own does.")
    expires_in_s: float | None = Field(None, gt=0, description="In so many seconds; null: never.")


class KeyObject(ScopeIds):
    """A key, without its secret."""

    id: str
    name: str
    project: str
    role: _ROLE
    state: Literal["active", "expired", "revoked"]
    created_s: float = Field(description="Unix seconds.")
    expires_s: float | None
    revoked_s: float | None


class KeyAnswer(KeyObject):
    """A key with its secret, which is shown this once."""

    key: str = Field(examples=["rk_0123456789ab_…"])


class KeyList(BaseModel):
    """The oldest first."""

    results: list[KeyObject]


class Rotation(BaseModel):
    """How long the old secret holds beside the new one."""

    overlap_s: float | None = Field(None, ge=0, description="Seconds; 86,400 unless told.")


class AuditEntry(BaseModel):
    """Who did what; beside it what was named: ids and names, never the words of a memory."""

    model_config = ConfigDict(extra="allow")

    at: str
    who: str = Field(description="A key's id, `server` for its own, `local` where none is set or at a terminal.")
    action: str
    project: str | None
    outcome: str = Field(description="`ok`, or the code of the error.")


class AuditPage(Page):
    """The newest first."""

    results: list[AuditEntry]


BODIES: tuple[type[BaseModel], ...] = (NewKey, Rotation)
"""The request bodies among these."""
