"""Remora's own verbs, which Mem0 doesn't have, with Remora's answers."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from remora.connection import Connection, Json, JsonList
from remora.errors import Unavailable
from remora.operation_keys import key_of
from remora.rebuilding import FAILED, reason, rebuilt
from remora.rereading import Told as ToldOfReading
from remora.rereading import reread
from remora.verification import Told, verified


def given(**fields: Any) -> Any:
    """The fields that are not None."""
    return {name: value for name, value in fields.items() if value is not None}


class NativeVerbs(Connection):
    """Pages, batches, operations, the graph, erasing, upkeep and the runtime's state."""

    async def context(
        self,
        query: str,
        *,
        tokens: int | None = None,
        user_id: str | None = None,
        agent_id: str | None = None,
        app_id: str | None = None,
        run_id: str | None = None,
        filters: Json | None = None,
        top_k: int | None = None,
        threshold: float | None = None,
        explain: bool | None = None,
        min_position: int | None = None,
        as_of: int | float | str | None = None,
        as_of_position: int | None = None,
        deadline_s: float | None = None,
    ) -> Json:
        """The best memories that fit into so many tokens (1,000 unless told), as a text to paste into a prompt:
        `{context, tokens, memories: [{id, score, truncated, also}], left_out: {duplicates, budget}, degraded}`.

        `memories` are the sources of its lines, in their order. What nearly says the same is shown once. `as_of`: what
        was known then, as in `list`.
        """
        scope = given(user_id=user_id, agent_id=agent_id, app_id=app_id, run_id=run_id)
        search = given(filters=filters, top_k=top_k, threshold=threshold, explain=explain, min_position=min_position)
        fields = given(tokens=tokens, as_of=as_of, as_of_position=as_of_position, deadline_s=deadline_s)
        return await self._ask(lambda api: api.context(query, **scope, **search, **fields))

    async def list(
        self,
        *,
        user_id: str | None = None,
        agent_id: str | None = None,
        app_id: str | None = None,
        run_id: str | None = None,
        filters: Json | None = None,
        page: int = 1,
        page_size: int = 100,
        include_messages: bool = False,
        include_expired: bool = False,
        as_of: int | float | str | None = None,
        as_of_position: int | None = None,
        deadline_s: float | None = None,
    ) -> Json:
        """A page of memories, newest first: `{count, page, page_size, results}`. `page` counts from 1.

        `as_of`: as they were then, a time like `timestamp`. `as_of_position`: as at a `position` that was answered.
        `include_messages`: with the messages that facts were made of. `include_expired`: with what has expired.
        """
        scope = given(user_id=user_id, agent_id=agent_id, app_id=app_id, run_id=run_id)
        past = given(as_of=as_of, as_of_position=as_of_position, include_messages=include_messages or None)
        past |= given(include_expired=include_expired or None)
        fields = given(filters=filters, page=page, page_size=page_size, deadline_s=deadline_s)
        return await self._ask(lambda api: api.list(**scope, **past, **fields))

    async def rate(
        self, memory_id: str, feedback: str | None, reason: str | None = None, *, deadline_s: float | None = None
    ) -> Json:
        """Keep what somebody thinks of a memory: `POSITIVE`, `NEGATIVE`, `VERY_NEGATIVE`, or None to take it back.

        Answers `{id, feedback, feedback_reason}`. It changes no search. Raises NotFound.
        """
        return await self._ask(lambda api: api.rate(memory_id, feedback, reason, **given(deadline_s=deadline_s)))

    async def feedback(
        self, *, feedback: str | None = None, page: int = 1, page_size: int = 100, deadline_s: float | None = None
    ) -> Json:
        """What is thought of memories, the newest first: `{count, page, page_size, results: [{id, feedback,
        feedback_reason, created_at}]}`. `feedback`: only such."""
        fields = given(feedback=feedback, page=page, page_size=page_size, deadline_s=deadline_s)
        return await self._ask(lambda api: api.feedback(**fields))

    async def entities(self, *, page: int = 1, page_size: int = 100, deadline_s: float | None = None) -> Json:
        """Who has memories: `{count, page, page_size, total_users, …, results: [{id, type, total_memories, …}]}`."""
        fields = given(page=page, page_size=page_size, deadline_s=deadline_s)
        return await self._ask(lambda api: api.entities(**fields))

    async def operation(self, operation_id: str, *, deadline_s: float | None = None) -> Json:
        """How far an accepted write has come: `{id, event_type, status, results, error, …}`.

        `status` is PENDING, RUNNING, SUCCEEDED or FAILED. Raises NotFound.
        """
        return await self._ask(lambda api: api.operation(operation_id, **given(deadline_s=deadline_s)))

    async def operations(
        self,
        *,
        state: str | None = None,
        user_id: str | None = None,
        agent_id: str | None = None,
        app_id: str | None = None,
        run_id: str | None = None,
        page: int = 1,
        page_size: int = 100,
        deadline_s: float | None = None,
    ) -> Json:
        """A page of operations, newest first: `{count, page, page_size, results}`, each as `operation` answers.

        `state`: only PENDING, RUNNING, SUCCEEDED or FAILED ones. With ids: only those whose scope has them all.
        """
        scope = given(user_id=user_id, agent_id=agent_id, app_id=app_id, run_id=run_id)
        fields = given(state=state, page=page, page_size=page_size, deadline_s=deadline_s)
        return await self._ask(lambda api: api.operations(**scope, **fields))

    async def retry(self, operation_id: str, *, wait: bool = True, deadline_s: float | None = None) -> Json:
        """Carry a FAILED operation out again; answers, or raises, what its first sending would.

        One that hasn't failed is left alone, and answered as it stands. `wait` False answers as soon as it is durable
        that it is open again. Raises NotFound.
        """
        return await self._ask(lambda api: api.retry(operation_id, wait=wait, **given(deadline_s=deadline_s)))

    async def purge(
        self,
        memory_id: str | None = None,
        *,
        user_id: str | None = None,
        agent_id: str | None = None,
        app_id: str | None = None,
        run_id: str | None = None,
        idempotency_key: str | None = None,
        operation_id: str | None = None,
        deadline_s: float | None = None,
    ) -> Json:
        """Erase one memory, or every memory that has all the ids, for good: also deleted ones, histories, vectors, and
        what was answered about them. This can't be undone. Answers `{"message", "count", "degraded", …}`.

        `degraded` names those whose files are still being rewritten. Without an id it is refused. Raises NotFound
        for a `memory_id` that never was. Afterwards `get` and `history` raise Purged.
        """
        what = given(memory_id=memory_id, user_id=user_id, agent_id=agent_id, app_id=app_id, run_id=run_id)
        call = given(idempotency_key=key_of(idempotency_key, operation_id), deadline_s=deadline_s)
        return await self._ask(lambda api: api.purge(**what, **call))

    async def reinfer(
        self,
        *,
        user_id: str | None = None,
        agent_id: str | None = None,
        app_id: str | None = None,
        run_id: str | None = None,
        filters: Json | None = None,
        apply: bool = False,
        custom_instructions: str | None = None,
        includes: str | Sequence[str] | None = None,
        excludes: str | Sequence[str] | None = None,
        custom_categories: Json | JsonList | None = None,
        include_verbatim: bool = False,
        cursor: str | None = None,
        told: ToldOfReading | None = None,
        deadline_s: float | None = None,
    ) -> Json:
        """Read stored messages for facts once more, all that are selected, with the model and the wishes of now:
        `{applied, totals, usage, conversations, problems, next}`.

        Nothing is written without `apply`. A conversation (an add) tells its facts `added`, `changed`, `unchanged`,
        `ended` and `left_out`, and the `error` for which all of it is as it was; the first 10,000 are kept. `next`
        isn't None when the model, or a shard, was away for longer: given as `cursor`, the reading goes on there.
        `told` is called with the sum so far. `deadline_s` is for each of the many calls.
        """
        scope = given(user_id=user_id, agent_id=agent_id, app_id=app_id, run_id=run_id, filters=filters)
        wishes = given(
            custom_instructions=custom_instructions,
            includes=includes,
            excludes=excludes,
            custom_categories=custom_categories,
        )
        fields = given(apply=apply, include_verbatim=include_verbatim or None, cursor=cursor, deadline_s=deadline_s)
        asked = {**scope, **wishes, **fields}
        return await reread(lambda **more: self._ask(lambda api: api.reinfer(**more)), told=told, **asked)

    async def verify(self, *, repair: bool = False, told: Told | None = None, deadline_s: float | None = None) -> Json:
        """Compare ledger, vector index and graph row by row, all of them, while everything runs: `{clean, checked,
        total, found, repaired, remaining, differences, problems}`.

        `repair` makes the indexes what the ledger says. `differences` (the first 10,000 of the `found`) are all that
        were met, also those repaired; `problems` are contradictions inside the ledger, which nothing repairs. `told`
        is called with how many memories are done, of how many. `deadline_s` is for each of the many calls.
        """
        fields = given(repair=repair, deadline_s=deadline_s)
        return await verified(lambda **more: self._ask(lambda api: api.verify(**more)), told=told, **fields)

    async def rebuild(
        self, index: str, *, wait: bool = True, told: Told | None = None, deadline_s: float | None = None
    ) -> Json:
        """Build the index `vector` or `graph` anew from the ledger, while reads and writes go on: `{index, state, done,
        total, error, shards}`.

        `wait` False answers as soon as it has begun. `told` is called with how many memories are done, of how many.
        `deadline_s` is for each call; who gives up waiting doesn't stop it. Raises Unavailable when it failed.
        """
        call = given(deadline_s=deadline_s)
        if not wait:
            return await self._ask(lambda api: api.rebuild(index, **call))
        answer = await rebuilt(
            lambda name, **more: self._ask(lambda api: api.rebuild(name, **more)), index, told=told, **call
        )
        if answer["state"] == FAILED:
            raise Unavailable(f"the {index} index wasn't rebuilt: {reason(answer)}", {"index": index})
        return answer

    async def add_batch(self, items: Sequence[Json], *, deadline_s: float | None = None) -> JsonList:
        """Many adds at once, at most 1,000: `[{"messages": …, "user_id": …}, …]`, each with the fields of `add`.

        Answers per item, in order, what `add` would or `{"error": {"code", "message", "details"}}`.
        """
        return await self._ask(lambda api: api.add_batch(items, **given(deadline_s=deadline_s)))

    async def search_batch(self, items: Sequence[Json], *, deadline_s: float | None = None) -> JsonList:
        """Many searches at once, at most 1,000: `[{"query": …, "user_id": …}, …]`, each with the fields of `search`.

        Answers per item, in order, what `search` would or `{"error": {"code", "message", "details"}}`.
        """
        return await self._ask(lambda api: api.search_batch(items, **given(deadline_s=deadline_s)))

    async def graph_entities(
        self,
        *,
        user_id: str | None = None,
        agent_id: str | None = None,
        app_id: str | None = None,
        run_id: str | None = None,
        name: str | None = None,
        at: int | float | str | None = None,
        page: int = 1,
        page_size: int = 100,
        as_of: int | float | str | None = None,
        as_of_position: int | None = None,
        deadline_s: float | None = None,
    ) -> Json:
        """What the memories of a scope mention, most mentioned first: `{count, results: [{name, type, memories}]}`.

        `name`: only those whose name contains it. `at`: a time; memories made later don't count. `as_of`: as it was
        known then, as in `list`.
        """
        scope = given(user_id=user_id, agent_id=agent_id, app_id=app_id, run_id=run_id)
        past = given(as_of=as_of, as_of_position=as_of_position)
        fields = given(name=name, at=at, page=page, page_size=page_size, deadline_s=deadline_s)
        return await self._ask(lambda api: api.graph_entities(**scope, **past, **fields))

    async def neighbours(
        self,
        entity: str,
        *,
        user_id: str | None = None,
        agent_id: str | None = None,
        app_id: str | None = None,
        run_id: str | None = None,
        limit: int | None = None,
        depth: int | None = None,
        at: int | float | str | None = None,
        as_of: int | float | str | None = None,
        as_of_position: int | None = None,
        deadline_s: float | None = None,
    ) -> Json:
        """What surrounds an entity: `{entity, relations, entities, memories}`. Raises NotFound.

        `depth`: up to how many steps away, 1 to 3. `at`: a time; relations that were true then. `as_of`: what was known
        then, as in `list`.
        """
        scope = given(user_id=user_id, agent_id=agent_id, app_id=app_id, run_id=run_id)
        past = given(as_of=as_of, as_of_position=as_of_position)
        fields = given(limit=limit, depth=depth, at=at, deadline_s=deadline_s)
        return await self._ask(lambda api: api.neighbours(entity, **scope, **past, **fields))

    async def path(
        self,
        source: str,
        target: str,
        *,
        user_id: str | None = None,
        agent_id: str | None = None,
        app_id: str | None = None,
        run_id: str | None = None,
        most_steps: int | None = None,
        at: int | float | str | None = None,
        as_of: int | float | str | None = None,
        as_of_position: int | None = None,
        deadline_s: float | None = None,
    ) -> Json:
        """The shortest way from one entity to another: `{found, length, entities, steps}`. Raises NotFound.

        `at`: a time; relations that were true then. `as_of`: what was known then, as in `list`.
        """
        scope = given(user_id=user_id, agent_id=agent_id, app_id=app_id, run_id=run_id)
        past = given(as_of=as_of, as_of_position=as_of_position)
        fields = given(most_steps=most_steps, at=at, deadline_s=deadline_s)
        return await self._ask(lambda api: api.path(source, target, **scope, **past, **fields))

    async def merge_entities(
        self,
        name: str,
        into: str,
        *,
        user_id: str | None = None,
        agent_id: str | None = None,
        app_id: str | None = None,
        run_id: str | None = None,
        deadline_s: float | None = None,
    ) -> Json:
        """Let a name mean the entity of another in a scope, until it is split: `{name, into, changed, aliases}`."""
        scope = given(user_id=user_id, agent_id=agent_id, app_id=app_id, run_id=run_id)
        return await self._ask(lambda api: api.merge_entities(name, into, **scope, **given(deadline_s=deadline_s)))

    async def split_entity(
        self,
        name: str,
        *,
        user_id: str | None = None,
        agent_id: str | None = None,
        app_id: str | None = None,
        run_id: str | None = None,
        deadline_s: float | None = None,
    ) -> Json:
        """Let a name mean what it says again: `{name, into: None, changed, aliases}`."""
        scope = given(user_id=user_id, agent_id=agent_id, app_id=app_id, run_id=run_id)
        return await self._ask(lambda api: api.split_entity(name, **scope, **given(deadline_s=deadline_s)))

    async def communities(
        self,
        *,
        user_id: str | None = None,
        agent_id: str | None = None,
        app_id: str | None = None,
        run_id: str | None = None,
        limit: int | None = None,
        at: int | float | str | None = None,
        as_of: int | float | str | None = None,
        as_of_position: int | None = None,
        deadline_s: float | None = None,
    ) -> Json:
        """Which entities belong together: `{count, communities: [{size, entities, relations}]}`, the largest first."""
        scope = given(user_id=user_id, agent_id=agent_id, app_id=app_id, run_id=run_id)
        past = given(as_of=as_of, as_of_position=as_of_position)
        fields = given(limit=limit, at=at, deadline_s=deadline_s)
        return await self._ask(lambda api: api.communities(**scope, **past, **fields))

    async def embed(self, texts: Sequence[str], *, deadline_s: float | None = None) -> Json:
        """Texts as vectors of Remora's own embedding model: `{model, dimensions, vectors, tokens}`, of unit length, in
        the order of the texts. A text that is longer than the model reads is refused."""
        return await self._ask(lambda api: api.embed(texts, **given(deadline_s=deadline_s)))

    async def preview(
        self,
        messages: str | Json | Sequence[Json],
        *,
        user_id: str | None = None,
        agent_id: str | None = None,
        app_id: str | None = None,
        run_id: str | None = None,
        infer: bool = True,
        memory_type: str | None = None,
        custom_instructions: str | None = None,
        includes: str | Sequence[str] | None = None,
        excludes: str | Sequence[str] | None = None,
        custom_categories: Json | JsonList | None = None,
        timestamp: float | str | None = None,
        deadline_s: float | None = None,
    ) -> Json:
        """What an add of these messages would store now, without storing it: `{results: [{event, memory,
        message_indexes, ends: [{id, memory}], …}], relations, extractor, unread, problems, usage}`.

        `event`: ADD, UPDATE, DELETE or NONE; `ends`: what would hold no more. Raises Unavailable when the
        language model can't be had.
        """
        scope = given(user_id=user_id, agent_id=agent_id, app_id=app_id, run_id=run_id)
        said = given(memory_type=memory_type, timestamp=timestamp, deadline_s=deadline_s)
        wished = given(
            custom_instructions=custom_instructions,
            includes=includes,
            excludes=excludes,
            custom_categories=custom_categories,
        )
        return await self._ask(lambda api: api.preview(messages, infer=infer, **scope, **said, **wished))

    async def inference(self, *, deadline_s: float | None = None) -> Json:
        """What the project wants of the facts that are made of its messages: `{policy, custom_instructions, includes,
        excludes, custom_categories, server}`."""
        return await self._ask(lambda api: api.inference(**given(deadline_s=deadline_s)))

    async def set_inference(
        self,
        *,
        policy: str | None = None,
        custom_instructions: str | None = None,
        includes: str | Sequence[str] | None = None,
        excludes: str | Sequence[str] | None = None,
        custom_categories: Json | JsonList | None = None,
        deadline_s: float | None = None,
    ) -> Json:
        """Want something else of them, durably, from now on; what isn't given is wanted no more. Answers as
        `inference`. What an add names itself wins.

        `policy`: `append`, `rules` or `reconcile`. `custom_instructions`: what matters, in your words. `includes`,
        `excludes`: topics. `custom_categories`: `[{name: what for}]`, the only ones that facts may have.
        """
        wanted = given(
            policy=policy,
            custom_instructions=custom_instructions,
            includes=includes,
            excludes=excludes,
            custom_categories=custom_categories,
        )
        return await self._ask(lambda api: api.set_inference(wanted or None, **given(deadline_s=deadline_s)))

    async def ranking(self, *, deadline_s: float | None = None) -> Json:
        """What single signals count in searches: `{weights, set, server, shipped}`, each `{signal: weight}`: those in
        force, those of the project, of the server's settings, and shipped."""
        return await self._ask(lambda api: api.ranking(**given(deadline_s=deadline_s)))

    async def set_ranking(self, weights: Json | None, *, deadline_s: float | None = None) -> Json:
        """Let single signals count otherwise in the project's searches, from the next one on: `{"tokens": 1.4}`. None:
        as the server's settings say. A search's own `weights` win. Answers as `ranking`."""
        return await self._ask(lambda api: api.set_ranking(weights, **given(deadline_s=deadline_s)))

    async def status(self) -> Json:
        """What runs, and how far it is: `{state, ready, version, extractor, shards, actors}`."""
        return await self._ask(lambda api: api.status())
