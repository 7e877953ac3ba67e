"""What the weights of signals look like, for the OpenAPI description only."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field

_HELP = "By signal, from 0 to 10."


class RankingRequest(BaseModel):
    """What single signals shall count."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"weights": {"tokens": 1.4, "recency": 0.1}}]})

    weights: dict[str, float] = Field(description=_HELP)


class Ranking(BaseModel):
    """How searches of a project are ranked."""

    weights: dict[str, float] = Field(description="In force.")
    set: dict[str, float] = Field(description="By the project.")
    server: dict[str, float] = Field(description="Those of the server's settings.")
    shipped: dict[str, float]


BODIES: tuple[type[BaseModel], ...] = (RankingRequest,)
"""The request bodies among these."""
