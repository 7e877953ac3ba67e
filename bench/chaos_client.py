"""One caller of a chaos run: what it sends next, how it sends it until it knows, and what it then expects. No kills."""

from __future__ import annotations

import asyncio
import itertools
import random
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import httpx

from bench.chaos_model import Findings, Maybe, ScopeModel, Wrong, check_same, marker
from engine.types import Json

SHARED = "shared"
SHARED_FACTS = tuple(f"The shared fact number {number} is known to everybody." for number in range(20))
PATIENCE_S = 180.0
"""A request that gets no answer that settles it for so long counts as refused."""
_CALL_S = 40.0
_PAUSE_S = 0.25
_LONGEST_PAUSE_S = 5.0
_NO_ANSWER = (httpx.TransportError, ValueError)
_LATER = frozenset({429, 502, 503, 504})
_PAGE = 500
_SUBJECTS = ("Ana", "Bob", "Carla", "Dmitri", "Emeka", "Fatima")
_THINGS = ("the harbour", "a red bicycle", "cold tea", "the night train", "old maps", "her cello", "the blue door")


@dataclass(slots=True)
class Tally:
    """What all callers have done. `answered`: when a write and a read were last answered, for the longest gaps.

    `unfinished`: per part, how many purges said that erasing goes on in it; `unsaid` if nothing was said of it.
    """

    done: Counter[str] = field(default_factory=Counter)
    unfinished: Counter[str] = field(default_factory=Counter)
    sent: int = 0
    refused: int = 0
    gaps_s: dict[str, float] = field(default_factory=lambda: {"write": 0.0, "read": 0.0})
    answered_s: dict[str, float] = field(default_factory=dict)
    read_s: list[float] = field(default_factory=list)

    @property
    def operations(self) -> int:
        """Requests of the workload that are over."""
        return self.done.total()

    def answered(self, kind: str) -> None:
        """A good answer: the gap since the one before it counts, whoever got that one."""
        now_s = time.monotonic()
        self.gaps_s[kind] = max(self.gaps_s[kind], now_s - self.answered_s.get(kind, now_s))
        self.answered_s[kind] = now_s


class Unanswered(Exception):
    """It isn't known whether the request took effect."""


class Caller:
    """A client with scopes of its own, which it writes one request at a time.

    Args:
        http: to the server, shared with nobody.
        seed: of the run.
        number: which client it is.
        scopes: how many users it has.
        tally: counts of all callers.
        findings: what is wrong, of all callers.
        shared: per shared fact, the ids that any caller was told.
    """

    def __init__(
        self,
        http: httpx.AsyncClient,
        *,
        seed: int,
        number: int,
        scopes: int,
        tally: Tally,
        findings: Findings,
        shared: dict[str, set[str]],
    ) -> None:
        self._http = http
        self._random = random.Random(f"{seed}/{number}")
        self._seed = seed
        self._number = number
        self._tally = tally
        self._findings = findings
        self._shared = shared
        self._numbers = itertools.count()
        self._sent_texts: dict[str, list[str]] = {}
        self.models = [ScopeModel(f"u{seed}-{number}-{which}") for which in range(scopes)]
        self._choices = {
            self._add: 40,
            self._add_unkeyed: 8,
            self._add_later: 8,
            self._add_shared: 4,
            self._update: 12,
            self._delete: 6,
            self._delete_all: 1.5,
            self._purge: 0.5,
            self._search: 16,
            self._look: 4,
        }

    async def run(self, most: int) -> None:
        """Work until all callers together have done `most` operations."""
        while self._tally.operations < most:
            work = self._random.choices([*self._choices], [*self._choices.values()])[0]
            model = self._random.choice(self.models)
            try:
                await work(model)
            except Unanswered as error:
                self._findings.add(Wrong.REFUSED, str(error))
            self._tally.done[work.__name__.strip("_")] += 1

    def _text(self, model: ScopeModel) -> str:
        pick = self._random
        word = marker(self._seed, self._number, next(self._numbers))
        text = f"{pick.choice(_SUBJECTS)} told {pick.choice(_SUBJECTS)} about {pick.choice(_THINGS)} ({word})."
        self._sent_texts.setdefault(model.user_id, []).append(text)
        return text

    def _key(self) -> str:
        return f"chaos-{self._seed}-{self._number}-{next(self._numbers)}"

    async def _add(self, model: ScopeModel) -> None:
        texts = [self._text(model) for _ in range(self._random.choice((1, 1, 1, 2, 3)))]
        answer = await self._changed("POST", "/v1/memories/", json=_said(texts, model.user_id))
        model.added(texts, answer, self._findings)

    async def _add_unkeyed(self, model: ScopeModel) -> None:
        """Without a key it can be sent once only; what became of it may stay unknown."""
        texts = (self._text(model), self._text(model))
        try:
            answer = await self._once("POST", "/v1/memories/", json=_said(texts, model.user_id))
        except Unanswered:
            model.maybe[self._key()] = Maybe(texts)
            return
        if answer["status"] == "PENDING":
            model.maybe[answer["operation_id"]] = Maybe(texts, must=True)
        else:
            model.added(texts, answer, self._findings)

    async def _add_later(self, model: ScopeModel) -> None:
        """Answered as soon as it is durable; what it did is asked for later."""
        texts = (self._text(model),)
        body = {**_said(texts, model.user_id), "wait": False}
        answer = await self._sent("POST", "/v1/memories/", json=body, headers={"idempotency-key": self._key()})
        if answer["status"] == "SUCCEEDED":
            model.added(texts, answer, self._findings)
        else:
            model.maybe[answer["operation_id"]] = Maybe(texts, must=True)

    async def _add_shared(self, _model: ScopeModel) -> None:
        text = self._random.choice(SHARED_FACTS)
        answer = await self._changed("POST", "/v1/memories/", json=_said([text], SHARED))
        for row in answer["results"]:
            self._shared.setdefault(text, set()).add(row["id"])

    async def _update(self, model: ScopeModel) -> None:
        if (memory_id := self._any(model)) is not None:
            text = self._text(model)
            answer = await self._changed("PUT", f"/v1/memories/{memory_id}/", json={"text": text})
            model.updated(memory_id, text, answer)

    async def _delete(self, model: ScopeModel) -> None:
        if (memory_id := self._any(model)) is not None:
            answer = await self._changed("DELETE", f"/v1/memories/{memory_id}/")
            model.deleted(memory_id, answer)

    async def _delete_all(self, model: ScopeModel) -> None:
        if await self._settled(model):
            answer = await self._changed("DELETE", "/v1/memories/", params={"user_id": model.user_id})
            model.deleted_all(answer, self._findings)

    async def _purge(self, model: ScopeModel) -> None:
        if await self._settled(model):
            answer = await self._changed("POST", "/v1/purge/", json={"user_id": model.user_id})
            # An operation that was waited for says nothing about it.
            going_on = answer.get("degraded", ["unsaid"])
            self._tally.unfinished.update(going_on)
            model.purged_all(self._sent_texts.pop(model.user_id, ()), whole=not going_on)

    async def _search(self, model: ScopeModel) -> None:
        if (memory_id := self._any(model)) is not None:
            began_s = time.monotonic()
            body = {"query": model.live[memory_id].text, "user_id": model.user_id, "top_k": 5}
            answer = await self._sent("POST", "/v1/memories/search/", json=body)
            self._tally.read_s.append(time.monotonic() - began_s)
            model.check_search(memory_id, answer, self._findings)

    async def _look(self, model: ScopeModel) -> None:
        await self._settled(model)
        model.check_list(await self._list(model.user_id), self._findings)

    def _any(self, model: ScopeModel) -> str | None:
        return self._random.choice([*model.live]) if model.live else None

    async def _settled(self, model: ScopeModel) -> bool:
        """Ask what became of what was accepted; whether everything is known now."""
        for operation_id, maybe in list(model.maybe.items()):
            if maybe.must:
                done = await self._finished(operation_id)
                del model.maybe[operation_id]
                model.added(maybe.texts, done, self._findings)
        return model.settled

    async def _finished(self, operation_id: str) -> Json:
        """The operation, once it is over."""
        until_s, found = time.monotonic() + PATIENCE_S, Json()
        while time.monotonic() < until_s:
            found = await self._sent("GET", f"/v1/operations/{operation_id}/")
            if found["status"] == "SUCCEEDED":
                return found
            if found["status"] == "FAILED":
                break
            await asyncio.sleep(_PAUSE_S)
        raise Unanswered(f"operation {operation_id} ended as {found}")

    async def _list(self, user_id: str) -> list[Json]:
        memories: list[Json] = []
        for page in itertools.count(1):
            params = {"user_id": user_id, "page": str(page), "page_size": str(_PAGE)}
            answer = await self._sent("GET", "/v1/memories/", params=params)
            memories += answer["results"]
            if len(memories) >= answer["count"] or not answer["results"]:
                return memories
        raise AssertionError

    async def _changed(self, method: str, path: str, **request: Any) -> Json:
        """The answer to a change with a key, when it has taken effect; now and then it is sent thrice at once."""
        headers = {"idempotency-key": self._key()}
        times = 3 if self._random.random() < 0.1 else 1
        answers = await asyncio.gather(*[self._sent(method, path, headers=headers, **request) for _ in range(times)])
        check_same(answers, self._findings)
        answer = next((one for one in answers if one["status"] == "SUCCEEDED"), answers[0])
        if answer["status"] == "SUCCEEDED":
            return answer
        return await self._finished(answer["operation_id"])

    async def _sent(self, method: str, path: str, **request: Any) -> Json:
        """The answer to a request that may be sent again, however often that takes."""
        until_s = time.monotonic() + PATIENCE_S
        told = "nothing"
        while time.monotonic() < until_s:
            try:
                reply = await self._call(method, path, **request)
            except _NO_ANSWER as error:
                told = f"{type(error).__name__}: {error}"
                await asyncio.sleep(_PAUSE_S)
                continue
            if reply.is_success:
                return self._good(method, path, reply)
            told = f"{reply.status_code} {reply.text[:300]}"
            if reply.status_code not in _LATER and not _nobody_there(reply):
                break
            await asyncio.sleep(_pause_s(reply))
        raise Unanswered(f"{method} {path} {request.get('json') or request.get('params') or ''}: {told}")

    async def _once(self, method: str, path: str, **request: Any) -> Json:
        """The answer to a request that may not be sent again, but when it was refused for want of room."""
        while True:
            try:
                reply = await self._call(method, path, **request)
            except _NO_ANSWER as error:
                raise Unanswered(str(error)) from error
            if reply.is_success:
                return self._good(method, path, reply)
            if reply.status_code != httpx.codes.TOO_MANY_REQUESTS:
                raise Unanswered(f"{reply.status_code} {reply.text[:300]}")
            await asyncio.sleep(_pause_s(reply))

    async def _call(self, method: str, path: str, **request: Any) -> httpx.Response:
        self._tally.sent += 1
        reply = await self._http.request(method, path, timeout=_CALL_S, **request)
        self._tally.refused += reply.status_code == httpx.codes.TOO_MANY_REQUESTS
        return reply

    def _good(self, method: str, path: str, reply: httpx.Response) -> Json:
        reading = method == "GET" or path.endswith("/search/")
        self._tally.answered("read" if reading else "write")
        answer: Json = reply.json()
        return answer

    async def check(self) -> None:
        """Compare all that there is with what must be, when everything is over."""
        for model in self.models:
            try:
                await self._check(model)
            except Unanswered as error:
                self._findings.add(Wrong.REFUSED, f"{model.user_id}, at the end: {error}")

    async def _check(self, model: ScopeModel) -> None:
        await self._settled(model)
        model.check_list(await self._list(model.user_id), self._findings, final=True)
        for memory_id in (*model.live, *model.ended):
            events: Any = await self._sent("GET", f"/v1/memories/{memory_id}/history/")
            model.check_history(memory_id, events, self._findings)
        for memory_id in model.purged:
            reply = await self._call("GET", f"/v1/memories/{memory_id}/history/")
            if reply.status_code != httpx.codes.GONE:
                self._findings.add(Wrong.LEAKED, f"{model.user_id}: purged {memory_id} answers {reply.status_code}")
        for memory_id in self._random.sample([*model.live], min(3, len(model.live))):
            body = {"query": model.live[memory_id].text, "user_id": model.user_id, "top_k": 5}
            model.check_search(memory_id, await self._sent("POST", "/v1/memories/search/", json=body), self._findings)

    async def shared_memories(self) -> list[Json]:
        """What lies in the shared scope."""
        return await self._list(SHARED)

    @property
    def erased(self) -> set[str]:
        """All texts that were purged."""
        return {text for model in self.models for text in model.erased}

    @property
    def gone(self) -> set[str]:
        """Those of which an answer said that no file holds them any more."""
        return {text for model in self.models for text in model.gone}


def _said(texts: Sequence[str], user_id: str) -> Json:
    return {"messages": [{"role": "user", "content": text} for text in texts], "user_id": user_id, "infer": False}


def _nobody_there(reply: httpx.Response) -> bool:
    """Whether it is what the front says while no replica lives, and not the application's own 500."""
    ours = reply.headers.get("content-type", "").startswith("application/json")
    return reply.status_code == httpx.codes.INTERNAL_SERVER_ERROR and not ours


def _pause_s(reply: httpx.Response) -> float:
    try:
        return min(_LONGEST_PAUSE_S, float(reply.headers.get("retry-after", _PAUSE_S)))
    except ValueError:
        return _PAUSE_S
