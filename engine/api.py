"""The verbs that users see, in plain values: what every face (HTTP, handles, command line, Python) offers and calls.

Everything in and out is JSON-like: dicts, lists, strings, numbers. Errors are those of `engine.errors`.
Times go out as ISO 8601 with offset and come in as unix seconds, dates or ISO 8601.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Protocol, TypedDict, Unpack

from engine.types import Json, JsonList


class ScopeFields(TypedDict, total=False):
    """The four ids; at least one is needed wherever a scope is."""

    user_id: str | None
    agent_id: str | None
    app_id: str | None
    run_id: str | None


class CallFields(TypedDict, total=False):
    """What every call takes. `deadline_s`: how long the caller waits, at most the server's own limit."""

    project: str
    deadline_s: float | None


class WriteFields(CallFields, total=False):
    """What every changing call takes. The same `idempotency_key` again has one effect and the same answer.

    `operation_id` is another name for it, for callers who name their operations themselves.
    """

    idempotency_key: str | None
    operation_id: str | None


class PreviewFields(ScopeFields, CallFields, total=False):
    """`timestamp`: when it was said (a message's own wins).

    With a language model, and unless `infer` is False, facts are made of the messages: `custom_instructions` say in own
    words what matters, `includes` and `excludes` which topics, `custom_categories` (`[{name: what for}]`) which
    categories facts may have. They are laid over those of the project. `memory_type` `procedural_memory`: no facts, but
    one record of what an agent did; it needs `agent_id`.
    """

    metadata: Json | None
    infer: bool
    memory_type: str | None
    timestamp: int | float | str | None
    expiration_date: str | None
    custom_instructions: str | None
    includes: str | Sequence[str] | None
    excludes: str | Sequence[str] | None
    custom_categories: Json | JsonList | None


class AddFields(PreviewFields, WriteFields, total=False):
    """What an add takes. `wait` False: answer as soon as it is durable. `categories`: of what is kept as it was said;
    only with `infer` False."""

    wait: bool
    categories: str | Sequence[str] | None


class UpdateFields(WriteFields, total=False):
    """What is given is changed; `expiration_date` None clears it. `metadata` replaces the old."""

    text: str
    metadata: Json | None
    expiration_date: str | None
    timestamp: int | float | str | None


class PastFields(TypedDict, total=False):
    """What was known then, instead of now. `as_of`: a time as in `timestamp`, not in the future. `as_of_position`: a
    position of the ledger, as changes and searches answer it; only where a single shard answers. One of the two.

    What has been purged since stays away. What expired later is there: days are those of then.
    """

    as_of: int | float | str | None
    as_of_position: int | None


class SearchFields(ScopeFields, CallFields, PastFields, total=False):
    """`filters`: the grammar of `engine.filters`; scope ids beside it are ANDed to it. `threshold`: a memory whose
    score is below it is left out; 0.0: no cut-off.

    `include_messages`: messages that facts were made of are answered as they are, beside the facts; otherwise they only
    help to find these. `include_expired`: memories whose last day is over are found too; what they state isn't walked
    along in the graph. `min_position`: answer only from an index that has come so far (read your writes). `weights`:
    what single signals count in this search, `{signal: 0..10}`; the signals are those of `engine.ranking.signals`.

    `rerank`: the cross-encoder of the settings orders the best, and its score is theirs (`threshold` is held against
    the score before). `collapse`: of hits that say the same the best is answered, with the others' ids as `also`.
    `diversity`: from 0 (by score alone) to 1 (only what differs counts).
    """

    filters: Json | None
    top_k: int | None
    threshold: float | None
    explain: bool
    min_position: int | None
    include_messages: bool
    include_expired: bool
    rerank: bool
    collapse: bool | None
    diversity: float | None
    weights: Mapping[str, float] | None


class ContextFields(SearchFields, total=False):
    """The fields of a search, and `tokens`: the budget, 1,000 unless told, 100,000 at most. Without `top_k` as many
    hits are looked at as may fit.
    """

    tokens: int | None


class GetFields(CallFields, PastFields, total=False):
    """What a call by id takes."""


class ListFields(ScopeFields, CallFields, PastFields, total=False):
    """`page` from 1. `include_messages`: with the messages in which facts were looked for. `include_expired`: with
    memories whose last day is over.
    """

    filters: Json | None
    include_messages: bool
    include_expired: bool
    page: int
    page_size: int


class PageFields(CallFields, total=False):
    """`page` from 1."""

    page: int
    page_size: int


class FeedbackFields(PageFields, total=False):
    """`feedback`: only such, as `rate` takes it."""

    feedback: str | None


class ExportFields(ScopeFields, CallFields, total=False):
    """`filters`: of which memories, in the grammar of a search; scope ids beside it are ANDed to it."""

    filters: Json | None


class DeleteAllFields(ScopeFields, WriteFields, total=False):
    """All given ids must match."""


class PurgeFields(ScopeFields, WriteFields, total=False):
    """Either `memory_id`, or a scope of which all given ids must match."""

    memory_id: str | None


class OperationsFields(ScopeFields, PageFields, total=False):
    """`state`: PENDING, RUNNING, SUCCEEDED or FAILED; None: all. With ids: only operations whose scope has them all."""

    state: str | None


class RetryFields(CallFields, total=False):
    """`wait` False: answer as soon as it is durable that the operation is open again."""

    wait: bool


class ReinferFields(ScopeFields, CallFields, total=False):
    """Which messages, in what wishes, and what is done about it.

    `filters`: as in lists; an add is read whole if one of its messages is selected. `custom_instructions`, `includes`,
    `excludes`, `custom_categories`: in place of those that an add came with; empty: without them. `apply`: write the
    difference. `include_verbatim`: also messages that were never read for facts. `cursor`: the `next` of the answer
    before; None: from the start. `limit`: so many adds, 10 unless told, 100 at most.
    """

    filters: Json | None
    apply: bool
    custom_instructions: str | None
    includes: str | Sequence[str] | None
    excludes: str | Sequence[str] | None
    custom_categories: Json | JsonList | None
    include_verbatim: bool
    cursor: str | None
    limit: int


class VerifyFields(TypedDict, total=False):
    """`cursor`: the `next` of the answer before; None: from the start. `limit`: so many memories, at most 5,000.

    `repair`: make the indexes what the ledger says.
    """

    cursor: str | None
    limit: int
    repair: bool
    deadline_s: float | None


class RebuildFields(TypedDict, total=False):
    """`start` False: only say how far it is."""

    start: bool
    deadline_s: float | None


class GraphEntitiesFields(ScopeFields, PageFields, PastFields, total=False):
    """`name`: only entities whose name contains it, whatever the case. `at`: as `NeighboursFields`."""

    name: str | None
    at: int | float | str | None


class NeighboursFields(ScopeFields, CallFields, PastFields, total=False):
    """`limit`: how many memories, how many entities and how many relations at most; 20 unless told. `depth`: how many
    steps away entities and relations may be; 1 unless told, 3 at most.

    `at`: a time: relations that were true then; memories made later don't count. What was *known* then is `as_of`.
    """

    limit: int
    depth: int
    at: int | float | str | None


class PathFields(ScopeFields, CallFields, PastFields, total=False):
    """`most_steps`: longer paths are not looked for; 4 unless told, 10 at most. `at`: as `NeighboursFields`."""

    most_steps: int
    at: int | float | str | None


class CommunitiesFields(ScopeFields, CallFields, PastFields, total=False):
    """`limit`: how many communities, and of each how many entities and relations at most; 20 unless told. `at`: as
    `NeighboursFields`."""

    limit: int
    at: int | float | str | None


class AliasFields(ScopeFields, CallFields, total=False):
    """For memories with all these ids, whatever other ids they have; at least one is needed."""


class MemoryApi(Protocol):
    """One memory system.

    memory: `{id, memory, user_id, agent_id, app_id, run_id, session_id, role, name, actor_id, metadata, categories,
    hash, version, created_at, updated_at, expiration_date}`, in search also `score` and, explained, `score_details`.
    """

    async def add(self, messages: str | Json | Sequence[Json], **fields: Unpack[AddFields]) -> Json:
        """Keep what was said: `{results: [{id, memory, data: {memory}, event, message_index, role, actor_id}],
        relations: [{source, relationship, target}], status, operation_id, event_id, position, extractor, degraded}`.

        `status` is SUCCEEDED, or PENDING (then `results` is empty and the operation goes on by itself), or RUNNING: the
        messages are kept and can be found, and `results` are they; their facts follow, see `operation`. A fact has
        `sources`: the ids of the messages that it is from. `messages`: `[{id, message_index}]`, what is kept of
        them beside the facts. `usage`: what the language model took; `unread`: indexes of
        messages that it could not read, which stay as they are; `problems`: what was wrong. `relations` are
        those among the entities of each memory, `mentioned_with` where no model has read it; the first 20.
        """
        ...

    async def search(self, query: str, **fields: Unpack[SearchFields]) -> Json:
        """`{results: [memory + score], relations, degraded: [leg], position}`, best first."""
        ...

    async def context(self, query: str, **fields: Unpack[ContextFields]) -> Json:
        """The best memories that fit into a budget of tokens, as a text to paste into a prompt: `{context, tokens,
        memories: [{id, score, truncated, also: [id]}], left_out: {duplicates, budget}, degraded, position}`.

        One line a memory, in the order of `memories`, under the day and the conversation it is from; the group with
        the best memory comes first, in a group the oldest line. Of memories that say the same the best is shown, and
        `also` names the others. Tokens are counted by the embedding model's tokenizer; without it (`degraded` names
        `tokens`) each byte counts as one. `left_out`: hits that say what another says, or had no room.
        """
        ...

    async def get(self, memory_id: str, **fields: Unpack[GetFields]) -> Json:
        """The memory. Raises NotFound."""
        ...

    async def list(self, **fields: Unpack[ListFields]) -> Json:
        """`{count, page, page_size, results: [memory]}`, newest first, stable over pages."""
        ...

    async def update(self, memory_id: str, **fields: Unpack[UpdateFields]) -> Json:
        """A new version; answers the whole memory with `operation_id`, `position` and `degraded`."""
        ...

    async def delete(self, memory_id: str, **fields: Unpack[WriteFields]) -> Json:
        """`{message, operation_id, position, degraded}`. Raises NotFound."""
        ...

    async def delete_all(self, **fields: Unpack[DeleteAllFields]) -> Json:
        """Everything of a scope: `{message, count, operation_id, event_id, position, degraded}`."""
        ...

    async def history(self, memory_id: str, **fields: Unpack[CallFields]) -> JsonList:
        """Oldest first: `[{id, memory_id, input, old_memory, new_memory, event, user_id, agent_id, app_id,
        session_id, metadata, categories, created_at, updated_at, position, operation_id}]`."""
        ...

    async def rate(
        self, memory_id: str, feedback: str | None, reason: str | None = None, **fields: Unpack[CallFields]
    ) -> Json:
        """Keep what somebody thinks of a memory, durably and in place of what was thought of it before: `POSITIVE`,
        `NEGATIVE`, `VERY_NEGATIVE`, or None for nothing. Answers `{id, feedback, feedback_reason}`.

        It changes no search; it goes when the memory is purged. `reason`: 4,000 characters at most. Raises NotFound.
        """
        ...

    async def feedback(self, **fields: Unpack[FeedbackFields]) -> Json:
        """What is thought of a project's memories, the newest first: `{count, page, page_size, results: [{id, feedback,
        feedback_reason, created_at}]}`. Pages lead through the newest 10,000."""
        ...

    async def make_export(self, schema: Any, **fields: Unpack[ExportFields]) -> Json:
        """Ask for memories in the shape of a JSON Schema (2020-12, without patterns and outer references): `{id}`.

        What is asked for is kept durably, the newest 100 of a project; no memory is: they are read when the export is
        fetched.
        """
        ...

    async def export(self, export_id: str | None = None, **fields: Unpack[ExportFields]) -> Json:
        """An export by its id, or the newest with equal `filters`: `{id, schema, filters}` and the ids that it was
        asked for with. Raises NotFound, also when it was asked for with other ids beside the filters."""
        ...

    async def entities(self, **fields: Unpack[PageFields]) -> Json:
        """The users, agents, apps and runs that have memories: `{count, page, page_size, total_users, total_agents,
        total_apps, total_runs, results: [{id, name, type, total_memories, created_at, updated_at}]}`."""
        ...

    async def add_batch(self, items: Sequence[Json], **fields: Unpack[CallFields]) -> JsonList:
        """Many adds at once, at most 1,000, each with its own effect. An item is `{messages, …}` with the fields of
        `add`. Per item, in order, the answer of `add` or `{error: {code, message, details}}`.

        Items of one routing key take effect in their order.
        """
        ...

    async def search_batch(self, items: Sequence[Json], **fields: Unpack[CallFields]) -> JsonList:
        """Many searches at once, at most 1,000. An item is `{query, …}` with the fields of `search`; per item the
        answer of `search` or `{error: {code, message, details}}`."""
        ...

    async def graph_entities(self, **fields: Unpack[GraphEntitiesFields]) -> Json:
        """What the memories of a scope mention, most mentioned first: `{count, page, page_size, results: [{name, type,
        memories}]}` (`type` as person, org, gpe, …, other; `memories`: how many mention it)."""
        ...

    async def neighbours(self, entity: str, **fields: Unpack[NeighboursFields]) -> Json:
        """What surrounds an entity: `{entity: {name, type, memories}, relations: [{source, relationship, target,
        valid_at, invalid_at, memory_id}], entities: [{name, type, memories}], memories: [memory]}`.

        `entities` are those mentioned together with it, with the number of memories that mention both, most first;
        `memories` mention it, newest first. Of `relations` those that are true now (or `at`), each with the memory that
        states it; `mentioned_with`, without times, where nothing is stated. With a `depth` over 1 `entities` have their
        `distance`, and the nearer come first. A name is matched whatever its case. Raises NotFound.
        """
        ...

    async def path(self, source: str, target: str, **fields: Unpack[PathFields]) -> Json:
        """The shortest way from one entity to another over relations and common memories: `{found, length, entities:
        [name], steps: [{source, relationship, target, memory}]}`; `memory` (a memory object) is what says so, and
        `relationship` is `mentioned_with` where no relation is known. `found` False: no steps. Raises NotFound for an
        entity that nothing mentions."""
        ...

    async def communities(self, **fields: Unpack[CommunitiesFields]) -> Json:
        """Which entities belong together, since memories mention them together: `{count, communities: [{size, entities:
        [{name, type, memories}], relations}]}`, the largest first; `relations` are those stated inside. Of the 1,000
        entities that most memories mention. The same memories give the same communities."""
        ...

    async def merge_entities(self, name: str, into: str, **fields: Unpack[AliasFields]) -> Json:
        """Let a name mean the entity of another in the graph of a scope, for every question from now on: `{name, into,
        changed, aliases: [{name, into}]}`. Nothing in the memories changes; `split_entity` restores what was.

        `aliases`: all of the scope. The same again changes nothing. Raises Conflict when `into` means `name` already.
        """
        ...

    async def split_entity(self, name: str, **fields: Unpack[AliasFields]) -> Json:
        """Let a name mean what it says again: `{name, into: None, changed, aliases}`; see `merge_entities`."""
        ...

    async def embed(self, texts: Sequence[str], **fields: Unpack[CallFields]) -> Json:
        """Texts as vectors of the embedding model: `{model, dimensions, vectors: [[number]], tokens}`, of unit length,
        in the order of the texts; `tokens`: how many they have together. Without texts: which model it is.

        Raises InvalidInput for a text that is longer than the model reads.
        """
        ...

    async def ranking(self, **fields: Unpack[CallFields]) -> Json:
        """What single signals count in the searches of the project: `{weights, set, server, shipped}`, each `{signal:
        weight}`: those in force, those that the project has set, those of the server's settings, those shipped."""
        ...

    async def set_ranking(self, weights: Json | None, **fields: Unpack[CallFields]) -> Json:
        """Let single signals count otherwise in the searches of the project, durably, from the next search on; None or
        empty: as the server's settings say. Answers as `ranking`. A search's own `weights` win.

        Sent again it has the same effect.
        """
        ...

    async def preview(self, messages: str | Json | Sequence[Json], **fields: Unpack[PreviewFields]) -> Json:
        """What an add of these messages would store now; nothing is stored: `{results: [{event, memory,
        message_indexes, role, actor_id, categories, relations, created_at, ends: [{id, memory}], same_as}], relations,
        extractor, unread, problems, usage}`.

        `event`: ADD, UPDATE, DELETE or NONE, of what is known. `ends`: what would hold no more. Without a language
        model, or with `infer` False, the memories that would be kept word for word. Raises Unavailable when the
        model can't be had, where an add would wait for it.
        """
        ...

    async def inference(self, **fields: Unpack[CallFields]) -> Json:
        """What the project wants of the facts that are made of its messages: `{policy, custom_instructions, includes,
        excludes, custom_categories: [{name: what for}], server: {policy, custom_instructions}}`. `policy`: the one in
        force; `server`: what holds where the project sets nothing."""
        ...

    async def set_inference(self, inference: Json | None, **fields: Unpack[CallFields]) -> Json:
        """Want something else of them, durably, for all facts that are made from now on: `{policy, custom_instructions,
        includes, excludes, custom_categories}`; what isn't named is wanted no more, None: nothing. Answers as
        `inference`. What an add names itself wins. Sent again it has the same effect.
        """
        ...

    async def operation(self, operation_id: str, **fields: Unpack[CallFields]) -> Json:
        """`{id, event_type, scope, status, results, error, payload, metadata, created_at, updated_at, started_at,
        completed_at, latency}`, by its id or by the `idempotency_key` that its caller gave it. Raises NotFound."""
        ...

    async def operations(self, **fields: Unpack[OperationsFields]) -> Json:
        """A page of operations, newest first: `{count, page, page_size, results: [as operation answers]}`."""
        ...

    async def retry(self, operation_id: str, **fields: Unpack[RetryFields]) -> Json:
        """Carry a FAILED operation out again, as if it were sent now; answers what the first sending would.

        One that has not failed is left alone, and answered as it stands. Raises NotFound.
        """
        ...

    async def purge(self, **fields: Unpack[PurgeFields]) -> Json:
        """Erase content for good, of live and of deleted memories, from the ledger and from every index file:
        `{message, count, operation_id, event_id, position, degraded}`.

        `degraded` names indexes whose files are still being rewritten; that goes on by itself. Afterwards `get` and
        `history` of such a memory, and a key that made or changed it, raise Purged. Raises NotFound for a `memory_id`
        that never was.
        """
        ...

    async def reinfer(self, **fields: Unpack[ReinferFields]) -> Json:
        """Read stored messages for facts once more, with the model and the wishes of now, in the order in which they
        came; show what differs, and write it if it is to be applied: `{applied, conversations: [{operation_id,
        created_at, messages: [id], added, changed, unchanged, ended, left_out, usage, problems, error, reinfer_id,
        status}], totals, usage, under_way, problems, next}`.

        A conversation is an add. Its facts have `id` (None: not written), `memory`, `categories` and `sources`; a
        changed one `previous_id` and `previous_memory`; one that ends `superseded_by`; one that is `left_out` says why
        in `because`: `superseded` (something later, or a person, says otherwise), `ended` (since it was said first), or
        `repeated`. `error`: why all of a conversation is as it was. Each one is written at once or not at all, as an
        operation of its own (`reinfer_id`); applied again, the same reading changes nothing.

        `next` None: that was the last stretch. `under_way`: the model needs longer than the caller waits; the same call
        with `next` hears what came of it. `problems`: shards that could not be asked. Raises Unavailable where no
        language model is set.
        """
        ...

    async def verify(self, **fields: Unpack[VerifyFields]) -> Json:
        """Compare a stretch of the ledger with both indexes, row by row, while everything runs:
        `{checked, total, differences: [{shard, index, memory_id, problem, expected, found}], problems: [text],
        repaired, next}`.

        `problem`: `missing`, `stale`, `different` or `unknown` (the index holds what the ledger has not). `problems`:
        what contradicts itself in the ledger; only in the first stretch of a shard. `repaired`: how many differences
        are gone. `next` None: that was the last. Of all projects.
        """
        ...

    async def rebuild(self, index: str, **fields: Unpack[RebuildFields]) -> Json:
        """Build the index `vector` or `graph` anew from the ledger, while reads and writes go on. Answers at once:
        `{index, state, done, total, error, shards: [{shard, state, done, total, error}]}`.

        `state`: NONE, RUNNING, DONE or FAILED, of the latest one; one that runs is joined, not begun again.
        """
        ...

    async def status(self) -> dict[str, Any]:
        """What runs and how far it is: `{state, ready, extractor, shards: [{shard, state, ready, ledger, vector, graph,
        writes, searches, …}], actors: [{name, pid, ready, restarts, loop_lag_ms, rss_bytes, queues, …}]}`."""
        ...
