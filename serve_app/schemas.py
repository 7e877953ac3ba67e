"""What bodies and answers look like, for the OpenAPI description only: values are checked by the engine, not here."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field
from pydantic.json_schema import models_json_schema

from engine.types import Json
from serve_app.queries import WHOLE_NUMBERS

REF = "#/components/schemas/{model}"
_UUID = "8f3a0c1e-5b7d-8e21-a4c9-0d6f2b913e57"
_TIME = "2026-03-01T09:30:00+00:00"


class Message(BaseModel):
    """What was said."""

    role: str = Field(examples=["user"], description="`system` messages are not kept.")
    content: str = Field(examples=["I moved to Lisbon in May."])
    name: str | None = Field(None, description="Who said it.", examples=["Ana"])
    timestamp: int | float | str | None = Field(None, description="When it was said; wins over the request's.")


class ScopeIds(BaseModel):
    """Who a memory belongs to: at least one of the four."""

    user_id: str | None = Field(None, examples=["ana"])
    agent_id: str | None = None
    app_id: str | None = None
    run_id: str | None = None


class Facts(BaseModel):
    """What is known of messages, and wanted of the facts that are made of them."""

    metadata: Json | None = Field(None, description="Kept with each memory, can be searched by.")
    infer: bool = Field(True, description="Let the language model decide what to keep; without one: every message.")
    memory_type: Literal["procedural_memory"] | None = Field(
        None, description="One record of what an agent did, instead of facts; needs `agent_id`."
    )
    timestamp: int | float | str | None = Field(None, description="When it was said: unix seconds, a date, ISO 8601.")
    expiration_date: str | None = Field(None, description="`YYYY-MM-DD`, the last day on which it is found.")
    custom_instructions: str | None = Field(None, description="What matters, in your words, for facts of this add.")
    includes: str | list[str] | None = Field(None, description="Only facts about these topics.")
    excludes: str | list[str] | None = Field(None, description="No facts about these topics.")
    custom_categories: list[dict[str, str]] | None = Field(
        None, description="Categories that facts may have, each with what it is for.", examples=[[{"home": "Where."}]]
    )


class AddRequest(ScopeIds, Facts):
    """What to keep, and for whom."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [{"messages": [{"role": "user", "content": "I moved to Lisbon in May."}], "user_id": "ana"}]
        }
    )

    messages: str | Message | list[Message] = Field(description="A text alone is one message of the user.")
    wait: bool = Field(True, description="`false`: answer 202 as soon as it is durable.")
    categories: str | list[str] | None = Field(
        None, description="Of what is kept as it was said; only with `infer` false."
    )


class UpdateRequest(BaseModel):
    """What is given is changed."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"text": "Ana lives in Lisbon."}]})

    text: str | None = None
    metadata: Json | None = Field(None, description="Replaces the old.")
    expiration_date: str | None = Field(None, description="`null` clears it.")
    timestamp: int | float | str | None = None


class SearchRequest(ScopeIds):
    """What to find, and whose."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"query": "Where does Ana live?", "filters": {"user_id": "ana"}, "top_k": 5}]}
    )

    query: str
    filters: Json | None = Field(
        None,
        description="Fields with a value or operators, joined by `AND`, `OR`, `NOT`; scope ids beside it are ANDed.",
        examples=[{"AND": [{"user_id": "ana"}, {"created_at": {"gte": "2026-01-01"}}]}],
    )
    top_k: int = Field(10, ge=1, le=1000)
    threshold: float = Field(0.1, ge=0, le=1, description="0.0: no cut-off.")
    explain: bool = Field(False, description="Show the parts of each score.")
    include_messages: bool = Field(False, description="Answer messages too that facts were made of.")
    include_expired: bool = Field(False, description="Answer memories too whose last day is over.")
    rerank: bool = Field(False, description="The best in the order of the cross-encoder that the server has set.")
    collapse: bool | None = Field(None, description="What says the same is one hit, with the others' ids in `also`.")
    diversity: float | None = Field(None, ge=0, le=1, description="0: by score alone. 1: only what differs counts.")
    min_position: int | None = Field(None, description="Answer only from an index that has come so far.")
    as_of: int | float | str | None = Field(
        None, description="What was known then, instead of now.", examples=["2026-05-01T09:30:00Z"]
    )
    as_of_position: int | None = Field(None, description="What was known at this position of the ledger.")
    weights: dict[str, float] | None = Field(
        None, description="What single signals count in this search, 0 to 10.", examples=[{"recency": 0.2, "graph": 0}]
    )


class Doubt(BaseModel):
    """Why a fact may not hold any more."""

    reason: Literal["source_updated", "source_deleted", "sibling_updated", "sibling_deleted"]
    memory_id: str = Field(description="What has changed.")


class Memory(ScopeIds):
    """One memory in its newest version."""

    id: str = Field(examples=[_UUID])
    memory: str = Field(examples=["I moved to Lisbon in May."])
    session_id: str | None = Field(None, description="The same as `run_id`.")
    role: str | None = None
    name: str | None = None
    actor_id: str | None = None
    metadata: Json | None = None
    categories: list[str] | None = None
    hash: str
    version: int
    created_at: str = Field(examples=[_TIME])
    updated_at: str = Field(examples=[_TIME])
    expiration_date: str | None = None
    sources: list[str] | None = Field(None, description="Of a fact: the messages that it is from.")
    flag: Doubt | None = Field(None, description="Of a fact: what makes it doubtful.")


class FoundMemory(Memory):
    """A memory with how well it fits."""

    score: float = Field(ge=0, le=1)
    score_details: Json | None = Field(None, description="With `explain`.")


class AddedText(BaseModel):
    """The text of a new memory."""

    memory: str


class AddResult(BaseModel):
    """What became of one message, or of a part of it."""

    id: str = Field(examples=[_UUID])
    memory: str
    data: AddedText
    event: Literal["ADD", "UPDATE", "DELETE", "NONE"] = Field(description="NONE: it was known already.")
    message_index: int
    role: str | None
    actor_id: str | None
    sources: list[str] | None = Field(None, description="Of a fact: the messages that it is from.")
    flag: Doubt | None = None


class KeptMessage(BaseModel):
    """A message that is kept beside the facts."""

    id: str
    message_index: int


class Usage(BaseModel):
    """What a language model took."""

    calls: int
    prompt_tokens: int
    completion_tokens: int
    ms: float


class Written(BaseModel):
    """What every write tells."""

    status: str = Field(examples=["SUCCEEDED"])
    operation_id: str
    event_id: str = Field(description="The same as `operation_id`.")
    position: int | None = Field(description="Give it to a search as `min_position` to find what was just written.")
    degraded: list[str] = Field(description="Indexes that are behind; they catch up by themselves.")


class Accepted(Written):
    """It is safe and takes effect by itself; ask for the operation to see what became of it."""

    message: str
    results: list[AddResult] = Field(description="Empty, or the messages that are kept while their facts follow.")
    status: Literal["PENDING", "RUNNING"]


class AddAnswer(Written):
    """What an add made."""

    message: str
    results: list[AddResult]
    relations: list[Json]
    extractor: str = Field(description="`verbatim`: every message is kept as it is. `language-model`: facts are made.")
    messages: list[KeptMessage] | None = Field(None, description="With facts: the messages behind them.")
    usage: Usage | None = Field(None, description="With facts: what the language model took.")
    unread: list[int] | None = Field(None, description="Indexes of messages that it could not read, kept as they are.")
    problems: list[str] | None = Field(None, description="What was wrong with its answers.")


class UpdateAnswer(Memory, Written):
    """The memory after the change."""


class DeleteAnswer(Written):
    """A memory is gone."""

    message: str


class DeleteAllAnswer(DeleteAnswer):
    """A scope is empty."""

    count: int


class Searched(BaseModel):
    """How a search went. `degraded` names parts of it that did not answer in time."""

    relations: list[Json]
    degraded: list[str]
    position: int | None


class SearchAnswer(Searched):
    """The best first."""

    results: list[FoundMemory]


class Page(BaseModel):
    """Where in a list this is."""

    count: int = Field(description="Of all pages.")
    page: int
    page_size: int
    next: str | None
    previous: str | None


class MemoryPage(Page):
    """Newest first."""

    results: list[Memory]


class EntityEntry(BaseModel):
    """Somebody or something that has memories."""

    id: str
    name: str
    type: Literal["user", "agent", "app", "run"]
    total_memories: int
    created_at: str
    updated_at: str


class EntityPage(Page):
    """The users, agents, apps and runs that have memories."""

    total_users: int
    total_agents: int
    total_apps: int
    total_runs: int
    results: list[EntityEntry]


class HistoryEntry(BaseModel):
    """One event of a memory."""

    id: str
    memory_id: str
    input: list[Json]
    old_memory: str | None
    new_memory: str | None
    event: Literal["ADD", "UPDATE", "DELETE", "PURGE"]
    user_id: str | None
    agent_id: str | None
    app_id: str | None
    session_id: str | None
    metadata: Json | None
    categories: list[str] | None
    created_at: str
    updated_at: str
    superseded_by: str | None = Field(None, description="Of a DELETE: the memory that holds in its place.")
    position: int | None
    operation_id: str


class Operation(BaseModel):
    """How far an accepted request has come."""

    id: str
    event_type: str
    scope: dict[str, str] | None = Field(description="The ids that it is about; null for what names none.")
    status: Literal["PENDING", "RUNNING", "SUCCEEDED", "FAILED"]
    results: list[Json]
    error: Any
    payload: Json
    metadata: Json | None
    created_at: str
    updated_at: str
    started_at: str | None
    completed_at: str | None
    latency: float | None = Field(description="Milliseconds.")


class Ping(BaseModel):
    """The server is there and knows the key."""

    status: Literal["ok"]
    org_id: str
    project_id: str
    user_email: str | None


class Error(BaseModel):
    """Every error looks like this."""

    detail: str = Field(examples=["query must not be blank"])
    error: str = Field(description="The same as `detail`.")
    code: str = Field(examples=["invalid_input"])
    details: Json
    request_id: str


ACCEPTED: dict[int | str, Json] = {202: {"model": Accepted, "description": "Accepted; it goes on by itself"}}
"""The part of a write's description for an answer before its effect."""

_BODIES: tuple[type[BaseModel], ...] = (AddRequest, UpdateRequest, SearchRequest)


def body_schemas(*more: type[BaseModel]) -> Json:
    """The schemas of the request bodies, by name, as OpenAPI components."""
    _, schema = models_json_schema([(model, "validation") for model in (*_BODIES, *more)], ref_template=REF)
    definitions: Json = schema["$defs"]
    return definitions


def takes(model: type[BaseModel], *, required: bool = True) -> Json:
    """The part of a route's description that says which body it takes, and whether it needs one."""
    content = {"application/json": {"schema": {"$ref": REF.format(model=model.__name__)}}}
    return {"requestBody": {"required": required, "content": content}}


def goes_on(model: type[BaseModel]) -> dict[int | str, Json]:
    """The part of a route's description for work that goes on after the answer."""
    return {202: {"model": model, "description": "It goes on by itself"}}


def parameters(**descriptions: str) -> Json:
    """The part of a route's description that lists query parameters."""
    return {"parameters": [_parameter(name, text) for name, text in descriptions.items()]}


def _parameter(name: str, description: str) -> Json:
    kind = "integer" if name in WHOLE_NUMBERS else "string"
    place: Json = {"name": name, "in": "query", "description": description, "schema": {"type": kind}}
    return place | {"required": True} if name in _REQUIRED else place


def answers(model: Any, *statuses: int) -> dict[int | str, Json]:
    """The part of a route's description that says what it answers; `statuses` are those of its errors."""
    good: dict[int | str, Json] = {200: {"model": model}}
    return good | {status: {"model": Error, "description": _MEANING[status]} for status in (*_ALWAYS, *statuses)}


def created(model: Any, *statuses: int) -> dict[int | str, Json]:
    """As `answers`, with 201 for the good one."""
    found = answers(model, *statuses)
    return {201 if status == 200 else status: told for status, told in found.items()}


_REQUIRED = frozenset({"entity", "source", "target"})
_ALWAYS = (400, 401, 403, 429, 503, 504)
_MEANING = {
    400: "The request is wrong",
    401: "No key, or one that is not known",
    403: "The key may not do this",
    404: "No such thing",
    409: "Contradicts what is stored",
    410: "Its content was erased",
    413: "Over a limit",
    429: "Too much at once; `Retry-After` says when to come back",
    501: "Mem0 has it, and Remora hasn't",
    503: "A part that this needs is down; `Retry-After` says when to come back",
    504: "Took too long",
}
