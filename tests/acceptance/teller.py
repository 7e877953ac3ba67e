"""A caller over HTTP that changes one user's memories, and knows what of it was acknowledged."""

from __future__ import annotations

import random
import threading
import uuid
from collections import Counter
from dataclasses import dataclass, field
from typing import Any

import httpx

_CALL_S = 60.0
_PAUSE_S = 0.05
_MOST_TRIES = 600


@dataclass(frozen=True)
class Change:
    """One request with its key: sent any number of times, it has one effect."""

    verb: str
    text: str = ""
    memory_id: str = ""
    key: str = field(default_factory=lambda: uuid.uuid4().hex)


@dataclass
class Fate:
    """What has become of a memory: its text (None: deleted) and what its history has to be."""

    text: str | None
    events: list[str]


class Teller:
    """One change after another, each a different text; `doubt` is the one whose outcome isn't known."""

    def __init__(self, url: str, user: str, seed: int) -> None:
        self.user = user
        self.known: dict[str, Fate] = {}
        self.unseen: dict[str, str] = {}
        """Adds that were accepted without waiting: the text, and the operation's id."""
        self.doubt: Change | None = None
        self._http = httpx.Client(base_url=url, timeout=_CALL_S)
        self._random = random.Random(seed)
        self._said = 0

    def close(self) -> None:
        self._http.close()

    def tell(self, killed: threading.Event, acknowledged: threading.Semaphore) -> None:
        """Change one thing after the other until everything is killed; what gets no clear answer is sent again."""
        while not killed.is_set():
            self.doubt = self.doubt or self._next()
            if self._sent():
                acknowledged.release()
            else:
                killed.wait(_PAUSE_S)

    def settle(self) -> None:
        """Send what is in doubt again until it is acknowledged."""
        pause = threading.Event()
        for _ in range(_MOST_TRIES):
            if self.doubt is None or self._sent():
                return
            pause.wait(_PAUSE_S)
        raise AssertionError(f"{self.doubt} is never acknowledged")

    def all_before_is_done(self) -> None:
        """An add that is answered: what the user's lane accepted before has taken effect by then."""
        assert self.doubt is None
        self.doubt = Change("add", self._text("is here again"))
        self.settle()

    def listed(self) -> dict[str, str]:
        """The user's memories as the server lists them."""
        found: dict[str, str] = {}
        page = 1
        while True:
            answer = self._get("/v1/memories/", user_id=self.user, page=page, page_size=500)
            found |= {one["id"]: one["memory"] for one in answer["results"]}
            if page * 500 >= answer["count"]:
                assert len(found) == answer["count"]
                return found
            page += 1

    def expected(self, *, doubt: bool) -> Counter[str]:
        """The texts that should be listed, with or without the effect of what is in doubt."""
        texts = Counter([fate.text for fate in self.known.values() if fate.text is not None] + list(self.unseen))
        change = self.doubt if doubt else None
        if change is not None:
            if change.memory_id:
                texts -= Counter([self.known[change.memory_id].text or ""])
            if change.text:
                texts[change.text] += 1
        return texts

    def check_everything(self) -> None:
        """Every acknowledged change has its effect exactly once: in the list, by id, and in the history."""
        listed = self.listed()
        found, expected = Counter(listed.values()), self.expected(doubt=False)
        assert found == expected, f"{self.user}: lost {expected - found}, doubled or foreign {found - expected}"
        for memory_id, fate in self.known.items():
            assert listed.get(memory_id) == fate.text, f"{self.user}: {memory_id} should be {fate}"
            events = self._events(memory_id)
            assert events == fate.events, f"{self.user}: the history of {memory_id} is {events}, not {fate.events}"
            answer = self._http.get(f"/v1/memories/{memory_id}/")
            assert answer.status_code == (404 if fate.text is None else 200)
        for memory_id in listed.keys() - self.known.keys():
            assert self._events(memory_id) == ["ADD"]
        for operation_id in self.unseen.values():
            assert self._get(f"/v1/operations/{operation_id}/")["status"] == "SUCCEEDED"

    def search(self, text: str) -> list[str]:
        """The texts that a search finds."""
        answer = self._http.post("/v1/memories/search/", json={"query": text, "user_id": self.user, "top_k": 5})
        assert answer.status_code == 200, answer.text
        return [one["memory"] for one in answer.json()["results"]]

    def _next(self) -> Change:
        alive = [memory_id for memory_id, fate in self.known.items() if fate.text is not None]
        kind = self._random.random()
        if not alive or kind < 0.45:
            return Change("add", self._text("has seen"))
        if kind < 0.65:
            return Change("add without waiting", self._text("has heard of"))
        victim = self._random.choice(alive)
        return Change("delete", "", victim) if kind > 0.85 else Change("update", self._text("now knows"), victim)

    def _text(self, what: str) -> str:
        self._said += 1
        return f"{self.user} {what} lighthouse number {self._said}."

    def _sent(self) -> bool:
        """Whether what is in doubt is acknowledged now."""
        change = self.doubt
        assert change is not None
        try:
            answer = self._send(change)
        except httpx.HTTPError:
            return False
        if answer.status_code in (429, 500, 502, 503, 504):
            return False
        assert answer.status_code in (200, 202), f"{change}: {answer.status_code} {answer.text}"
        self._note(change, answer.json())
        self.doubt = None
        return True

    def _send(self, change: Change) -> httpx.Response:
        headers = {"Idempotency-Key": change.key}
        if change.verb == "update":
            return self._http.put(f"/v1/memories/{change.memory_id}/", json={"text": change.text}, headers=headers)
        if change.verb == "delete":
            return self._http.delete(f"/v1/memories/{change.memory_id}/", headers=headers)
        body = {
            "messages": [{"role": "user", "content": change.text}],
            "user_id": self.user,
            "wait": change.verb == "add",
        }
        return self._http.post("/v1/memories/", json=body, headers=headers)

    def _note(self, change: Change, answer: Any) -> None:
        match change.verb:
            case "update":
                self.known[change.memory_id].text = change.text
                self.known[change.memory_id].events.append("UPDATE")
            case "delete":
                self.known[change.memory_id].text = None
                self.known[change.memory_id].events.append("DELETE")
            case _ if answer.get("results"):
                (row,) = answer["results"]
                assert (row["event"], row["memory"]) == ("ADD", change.text)
                assert row["id"] not in self.known
                self.known[row["id"]] = Fate(change.text, ["ADD"])
            case _:
                self.unseen[change.text] = answer["operation_id"]

    def _events(self, memory_id: str) -> list[str]:
        return [one["event"] for one in self._get(f"/v1/memories/{memory_id}/history/")]

    def _get(self, path: str, **fields: Any) -> Any:
        answer = self._http.get(path, params=fields)
        assert answer.status_code == 200, f"{path}: {answer.status_code} {answer.text}"
        return answer.json()
