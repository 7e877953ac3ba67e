"""`AsyncMemory`: the memory as a Python object, with the calls of Mem0's class of that name."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from datetime import date
from typing import Any, Final, NoReturn

from remora import mem0_words
from remora.connection import Json, JsonList
from remora.errors import InvalidInput, NotFound, Unavailable
from remora.native_verbs import NativeVerbs, given
from remora.operation_keys import key_of

_TOP_K = 20
_PAGE = 1000
_RESET_AT_ONCE = 16
_RESET_S = 300.0


class _Keep:
    """The default of what an update leaves as it is, where None has a meaning."""

    def __repr__(self) -> str:
        return "KEEP"


KEEP: Final[Any] = _Keep()


class AsyncMemory(NativeVerbs):
    """A long-term memory for agents: tell it what was said, find it again when it matters.

    Example:
        async with AsyncMemory() as memory:
            await memory.add("I moved to Lisbon in May.", user_id="ana")
            found = await memory.search("Where does Ana live?", user_id="ana")
            print(found["results"][0]["memory"])

    Concurrent calls are merged: `asyncio.gather` over a thousand adds is a few requests. Errors are those of
    `remora.errors`. Use it on one event loop. It connects when it is first used; `await memory.open()`,
    `await AsyncMemory(…)` or `async with` do it at once.

    Args:
        url: where Remora answers, as http://127.0.0.1:8000. Or Mem0's configuration, as `config`.
        config: Mem0's configuration, for a runtime of this process. What Remora can't honour is refused.
        api_key: for `url`; without it REMORA_API_KEY counts.
        address: the Ray cluster that Remora runs in, "auto" or host:port; the actors are called without HTTP.
        data_dir: where a runtime of this process keeps its memories; the settings' one if it isn't given.
        timeout_s: how long a call waits for its answer, at most.

    Without `url` and `address` a runtime is started for this process (takes seconds, progress goes to stderr) and
    stopped with it; if one runs on the data directory already, it is used and left running.
    """

    async def add(
        self,
        messages: str | Json | Sequence[Json],
        *,
        user_id: str | None = None,
        agent_id: str | None = None,
        app_id: str | None = None,
        run_id: str | None = None,
        metadata: Json | None = None,
        infer: bool = True,
        memory_type: str | None = None,
        prompt: str | None = None,
        custom_instructions: str | None = None,
        includes: str | Sequence[str] | None = None,
        excludes: str | Sequence[str] | None = None,
        custom_categories: Json | JsonList | None = None,
        timestamp: float | str | None = None,
        expiration_date: date | str | None = None,
        categories: str | Sequence[str] | None = None,
        llm: None = None,
        wait: bool = True,
        idempotency_key: str | None = None,
        operation_id: str | None = None,
        deadline_s: float | None = None,
    ) -> Json:
        """Keep what was said: a text, a message `{role, content}`, or a list of messages.

        At least one of the four ids is needed. Answers `{"results": [{"id", "memory", "event", …}], "relations",
        "status", "operation_id", …}`; event NONE: it was known. It is durable when it answers.

        `timestamp`: when it was said, as unix seconds or ISO 8601. `expiration_date`: the last day on which it is
        found, as YYYY-MM-DD or a date. `wait` False answers as soon as it is durable, before it can be found; `results`
        is empty then. `idempotency_key`: the same key again has one effect and the same answer; `operation_id` is
        another name for it.

        Where a language model makes facts of it: `custom_instructions` (or `prompt`) say what matters, `includes` and
        `excludes` which topics, `custom_categories` (`[{name: what for}]`) which categories. `memory_type`
        "procedural_memory": one record of what an agent did instead; needs `agent_id`. `categories`: of what is kept as
        it was said; only with `infer` False. `llm`, a model of Mem0's for one add, is refused.
        """
        mem0_words.refuse_model(llm)
        scope = given(user_id=user_id, agent_id=agent_id, app_id=app_id, run_id=run_id)
        last_day = mem0_words.day_of(expiration_date)
        said = given(metadata=metadata, timestamp=timestamp, expiration_date=last_day, memory_type=memory_type)
        wished = given(
            custom_instructions=prompt if custom_instructions is None else custom_instructions,
            includes=includes,
            excludes=excludes,
            custom_categories=custom_categories,
        )
        call = given(
            idempotency_key=key_of(idempotency_key, operation_id), deadline_s=deadline_s, categories=categories
        )
        return await self._ask(lambda api: api.add(messages, infer=infer, wait=wait, **scope, **said, **wished, **call))

    async def search(
        self,
        query: str,
        *,
        user_id: str | None = None,
        agent_id: str | None = None,
        app_id: str | None = None,
        run_id: str | None = None,
        filters: Json | None = None,
        top_k: int | None = None,
        limit: int | None = None,
        threshold: float | None = None,
        rerank: bool = False,
        weights: Json | None = None,
        collapse: bool | None = None,
        diversity: float | None = None,
        explain: bool = False,
        include_messages: bool = False,
        min_position: int | None = None,
        as_of: int | float | str | None = None,
        as_of_position: int | None = None,
        reference_date: None = None,
        show_expired: bool = False,
        deadline_s: float | None = None,
    ) -> Json:
        """Memories for a query, best first: `{"results": [memory + "score"], "relations", "degraded", "position"}`.

        Needs a scope: ids, or `filters` as `{"user_id": "ana"}`; "*" stands for any.

        `top_k`: how many at most, 20 if nothing is said; `limit` is its older name. `threshold`: the least that must
        speak for a memory, 0 to 1; 0.1 if nothing is said. `rerank` orders the best by the cross-encoder that the
        server has set; without one the order stays, as in Mem0. `explain` shows the parts of each score as
        `score_details`. `min_position`: the `position` of a write, which the answer then includes. `weights`: what
        single signals count here, as `{"tokens": 1.4}`. `collapse`: what says the same is one hit, with the ids of the
        others as `also`. `diversity`: from 0, by score alone, to 1, where only what differs counts. `as_of`: what was
        known then, a time like `timestamp`. `as_of_position`: what was known at a `position` that was answered.
        `include_messages`: messages that facts were made of are answered too; otherwise they only help to find these.
        `show_expired`: what has expired is answered too. `reference_date` is Mem0's, and refused.
        """
        mem0_words.refuse_reference_date(reference_date)
        scope = given(user_id=user_id, agent_id=agent_id, app_id=app_id, run_id=run_id)
        fields = given(filters=filters, threshold=threshold, min_position=min_position, deadline_s=deadline_s)
        fields |= given(rerank=rerank or None, weights=weights, collapse=collapse, diversity=diversity)
        fields |= given(as_of=as_of, as_of_position=as_of_position, include_messages=include_messages or None)
        fields |= given(include_expired=show_expired or None)
        most = _most(top_k, limit)
        return await self._ask(lambda api: api.search(query, top_k=most, explain=explain, **scope, **fields))

    async def get(
        self,
        memory_id: str,
        *,
        as_of: int | float | str | None = None,
        as_of_position: int | None = None,
        deadline_s: float | None = None,
    ) -> Json | None:
        """The memory of that id; None if there is none (any more).

        `as_of`: as it was then, a time like `timestamp`. `as_of_position`: as it was at a `position` that was answered.
        """
        fields = given(as_of=as_of, as_of_position=as_of_position, deadline_s=deadline_s)
        try:
            return await self._ask(lambda api: api.get(memory_id, **fields))
        except NotFound as error:
            if "memory_id" not in error.details:  # Whoever answers at a wrong address has nothing either.
                raise
            return None

    async def get_all(
        self,
        *,
        user_id: str | None = None,
        agent_id: str | None = None,
        app_id: str | None = None,
        run_id: str | None = None,
        filters: Json | None = None,
        top_k: int | None = None,
        limit: int | None = None,
        as_of: int | float | str | None = None,
        as_of_position: int | None = None,
        show_expired: bool = False,
        deadline_s: float | None = None,
    ) -> Json:
        """The newest memories of a scope: `{"results": [memory], "count"}`; 20 of them if nothing is said.

        `limit` is the older name of `top_k`. For page after page, `list` is the better call. `as_of`,
        `as_of_position`: as they were then. `show_expired`: with what has expired.
        """
        most = _most(top_k, limit)
        if isinstance(most, bool) or not isinstance(most, int) or most < 1:
            raise InvalidInput("top_k should be a whole number above 0", {"field": "top_k"})
        scope = given(user_id=user_id, agent_id=agent_id, app_id=app_id, run_id=run_id)
        fields = given(filters=filters, as_of=as_of, as_of_position=as_of_position, deadline_s=deadline_s)
        fields |= given(include_expired=show_expired or None)
        size = min(most, _PAGE)
        results: JsonList = []
        page = 1
        while True:
            answer = await self._page(page, size, scope | fields)
            results += answer["results"]
            if len(results) >= min(most, answer["count"]) or not answer["results"]:
                return {"results": results[:most], "count": answer["count"]}
            page += 1

    async def _page(self, page: int, size: int, fields: Json) -> Json:
        return await self._ask(lambda api: api.list(page=page, page_size=size, **given(**fields)))

    async def update(
        self,
        memory_id: str,
        text: str | None = None,
        metadata: Json | None = None,
        expiration_date: date | str | None = KEEP,
        data: str | None = None,
        *,
        timestamp: float | str | None = None,
        idempotency_key: str | None = None,
        operation_id: str | None = None,
        deadline_s: float | None = None,
    ) -> Json:
        """Change a memory; the old version stays in its history. Answers the memory with a `message`.

        `text`: what it says from now on; `data` is the older name. `metadata` replaces the old. `expiration_date` as in
        `add`; None clears it.

        Raises NotFound; Conflict if another memory of the same scope says the same.
        """
        if text is not None and data is not None:
            raise InvalidInput("text and data are the same; give one of them", {"field": "data"})
        changes = given(text=data if text is None else text, metadata=metadata, timestamp=timestamp)
        if expiration_date is not KEEP:
            changes["expiration_date"] = mem0_words.day_of(expiration_date)
        call = given(idempotency_key=key_of(idempotency_key, operation_id), deadline_s=deadline_s)
        return await self._ask(lambda api: api.update(memory_id, **changes, **call))

    async def delete(
        self,
        memory_id: str,
        *,
        idempotency_key: str | None = None,
        operation_id: str | None = None,
        deadline_s: float | None = None,
    ) -> Json:
        """Delete a memory: it is found no more, its history stays. Answers `{"message", …}`. Raises NotFound."""
        call = given(idempotency_key=key_of(idempotency_key, operation_id), deadline_s=deadline_s)
        return await self._ask(lambda api: api.delete(memory_id, **call))

    async def delete_all(
        self,
        user_id: str | None = None,
        agent_id: str | None = None,
        run_id: str | None = None,
        *,
        app_id: str | None = None,
        idempotency_key: str | None = None,
        operation_id: str | None = None,
        deadline_s: float | None = None,
    ) -> Json:
        """Delete every memory that has all the ids: `{"message", "count", …}`. Without an id it is refused."""
        scope = given(user_id=user_id, agent_id=agent_id, app_id=app_id, run_id=run_id)
        call = given(idempotency_key=key_of(idempotency_key, operation_id), deadline_s=deadline_s)
        return await self._ask(lambda api: api.delete_all(**scope, **call))

    async def history(self, memory_id: str, *, deadline_s: float | None = None) -> JsonList:
        """What happened to a memory, oldest first: `[{"event", "old_memory", "new_memory", "is_deleted", …}]`."""
        return await self._ask(lambda api: api.history(memory_id, **given(deadline_s=deadline_s)))

    async def chat(self, query: str) -> NoReturn:
        """Mem0 has the name and nothing behind it; so it is here."""
        raise NotImplementedError("chat isn't there, as in Mem0: `remora.Remora` is a chat that remembers")

    async def reset(self) -> None:
        """Delete every memory of the project. Histories stay; nothing is found any more."""
        limit = asyncio.timeout(_RESET_S)
        try:
            async with limit:
                while owners := (await self._ask(lambda api: api.entities(page_size=_PAGE)))["results"]:
                    for start in range(0, len(owners), _RESET_AT_ONCE):
                        await asyncio.gather(*[self._clear(one) for one in owners[start : start + _RESET_AT_ONCE]])
        except TimeoutError as error:
            if not limit.expired():
                raise
            raise Unavailable(f"not everything was deleted within {_RESET_S:g} s; call it again") from error

    async def _clear(self, owner: Json) -> None:
        scope = given(**{f"{owner['type']}_id": owner["id"]})
        await self._ask(lambda api: api.delete_all(**scope))


def _most(top_k: int | None, limit: int | None) -> Any:
    """The one that is given, unchecked."""
    if top_k is not None and limit is not None:
        raise InvalidInput("top_k and limit are the same; give one of them", {"field": "limit"})
    return next((one for one in (top_k, limit) if one is not None), _TOP_K)
