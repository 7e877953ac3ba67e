"""What every face is asked, in order: one conversation that is kept, found, changed and forgotten.

Each face has people of its own, so that all can be asked on one runtime; their answers have to be the same.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any

from tests.acceptance.faces.face import Face, Refused
from tests.acceptance.faces.normal import Normal

MOVED = "Clara Nilsson moved to Lisbon in May."
BERLIN = "Siemens sent Jonas Weber to Berlin."
PEANUTS = "I am allergic to peanuts."
SUMMER = "Jonas Weber visited Lisbon last summer."
TRAM = "The tram to Belem leaves at seven."
LATER_TRAM = "The tram to Belem leaves at eight."
SOON = "The violin lesson is on Tuesday."
BEES = "The bees live behind the shed."
HONEY = "The honey is sold in Porto."
NOBODY = "00000000-0000-8000-8000-000000000000"

_DAY_S = 86_400
_FIRST_S = 1_704_103_200  # 2024-01-01T10:00:00Z
_DONE_S = 30.0


def said_on(day: int) -> int:
    """When something was said: the morning of the nth day of 2024, in unix seconds."""
    return _FIRST_S + (day - 1) * _DAY_S


class Story:
    """What a face answered, step by step, in comparable form; `refused` what it refused."""

    def __init__(self, face: Face) -> None:
        self.face = face
        self.steps: dict[str, Any] = {}
        self.ended = False
        self.prefix = f"{face.name}-"
        self._normal = Normal(self.prefix)

    def tell(self) -> None:
        """All of it."""
        for chapter in (
            self._keep,
            self._find,
            self._look,
            self._graph,
            self._many,
            self._change,
            self._forget,
            self._erase,
        ):
            chapter()
        self.ended = True

    def _who(self, **ids: str) -> dict[str, str]:
        return {name: f"{self.prefix}{value}" for name, value in ids.items()}

    def _do(self, step: str, verb: str, *arguments: Any, **fields: Any) -> Any:
        if verb in self.face.lacks:
            return None
        try:
            answer = self.face.call(verb, *arguments, **fields)
        except Refused as refused:
            self.steps[step] = refused.code
            return None
        self.steps[step] = self._normal(answer)
        return answer

    def _id(self, text: str) -> str:
        return self._normal.id_of(text)

    def _keep(self) -> None:
        ana, shared = self._who(user_id="ana"), self._who(user_id="ana", agent_id="guide")
        letter = {"source": "letter", "pages": 2}
        self._do("add", "add", MOVED, **ana, timestamp=said_on(1), metadata=letter, idempotency_key=f"{self.prefix}1")
        again = {"timestamp": said_on(1), "metadata": letter, "idempotency_key": f"{self.prefix}1"}
        self._do("the same key again", "add", MOVED, **ana, **again)
        self._do("the key for something else", "add", BERLIN, **ana, **again)
        self._do("the same text again", "add", MOVED, **ana)
        spoken = [
            {"role": "user", "content": BERLIN, "name": "Clara", "timestamp": said_on(2)},
            {"role": "assistant", "content": TRAM, "timestamp": said_on(3)},
        ]
        self._do("add two messages", "add", spoken, **ana)
        self._do("add with an end", "add", PEANUTS, **shared, timestamp=said_on(4), expiration_date="2999-12-31")
        self._do("add for another", "add", SUMMER, **self._who(user_id="ben", agent_id="guide"), timestamp=said_on(5))
        pending = self._do("add without waiting", "add", SOON, **ana, timestamp=said_on(6), wait=False)
        self._await(pending["operation_id"])

    def _await(self, operation_id: str) -> None:
        deadline = time.monotonic() + _DONE_S
        while self.face.call("operation", operation_id)["status"] in {"PENDING", "RUNNING"}:
            assert time.monotonic() < deadline, "the operation never ended"
        self._do("operation", "operation", operation_id)

    def _find(self) -> None:
        ana, guide = self._who(user_id="ana"), self._who(agent_id="guide")
        whoever: Mapping[str, Any] = {"OR": [{"user_id": one} for one in (f"{self.prefix}ana", f"{self.prefix}ben")]}
        self._do("search", "search", "Where did Clara Nilsson move?", **ana)
        self._do("search the best", "search", "When does the tram leave?", **ana, top_k=1)
        self._do("search by agent", "search", "Lisbon and peanuts", **guide, threshold=0.0)
        # Asked of the whole index, in which how rare a word is depends on the other faces' memories: the best, and all.
        wide = self.face.call("search", "Where was Jonas Weber last summer?", filters=whoever, threshold=0.0)
        first, *others = [hit["memory"] for hit in wide["results"]]
        self.steps["search several users"] = [first, *sorted(others)]
        self._do("search metadata", "search", "Lisbon", **ana, filters={"metadata": {"source": "letter"}})
        dated = {"AND": [{"created_at": {"gte": "2024-01-02"}}, {"created_at": {"lt": "2024-01-04"}}]}
        self._do("search by date", "search", "Who goes where?", **ana, filters=dated, threshold=0.0)
        self._do("search explained", "search", "Where did Clara Nilsson move?", **ana, top_k=1, explain=True)
        self._do("search for nothing like it", "search", "quantum chromodynamics", **ana, threshold=0.9)
        self._do("context", "context", "Where did Clara Nilsson move?", **ana, tokens=30)
        self._do("context of nobody", "context", "Lisbon", **self._who(user_id="nobody"))
        self._do("search nobody", "search", "Lisbon", **self._who(user_id="nobody"))

    def _look(self) -> None:
        ana = self._who(user_id="ana")
        self._do("get", "get", self._id(MOVED))
        self._do("list", "list", **ana)
        for page in (1, 2, 3, 4):
            self._do(f"list page {page}", "list", **ana, page=page, page_size=2)
        self._do("list by agent", "list", **self._who(agent_id="guide"))
        self._do("list filtered", "list", **ana, filters={"created_at": {"gte": "2024-01-04"}})
        self.steps["people"] = self._people()

    def _people(self) -> list[Any]:
        """This face's own of all whom `entities` lists, over its pages."""
        found: list[Any] = []
        page = 1
        while True:
            answer = self.face.call("entities", page=page, page_size=10)
            found += answer["results"]
            if page * 10 >= answer["count"]:
                break
            page += 1
        own = [self._normal(one) for one in found if one["id"].startswith(self.prefix)]
        return sorted(own, key=lambda one: (one["type"], one["name"]))

    def _graph(self) -> None:
        ana, guide = self._who(user_id="ana"), self._who(agent_id="guide")
        self._do("graph entities", "graph_entities", **ana)
        self._do("graph entities by name", "graph_entities", **ana, name="LIS")
        self._do("graph entities by agent", "graph_entities", **guide, page_size=1)
        self._do("neighbours", "neighbours", "jonas weber", **ana)
        self._do("neighbours by agent", "neighbours", "Lisbon", **guide)
        self._do("neighbours of nothing", "neighbours", "Atlantis", **ana)
        self._do("path", "path", "Siemens", "Berlin", **ana)
        self._do("communities", "communities", **ana)
        self._do("merge", "merge_entities", "Siemens", "Berlin", **ana)
        self._do("split", "split_entity", "Siemens", **ana)
        self._do("no path", "path", "Clara Nilsson", "Berlin", **ana)
        self._do("path to nothing", "path", "Clara Nilsson", "Atlantis", **ana)

    def _many(self) -> None:
        cleo = self._who(user_id="cleo")
        items = [
            {"messages": BEES, **cleo, "timestamp": said_on(7)},
            {"messages": "nobody's"},
            {"messages": HONEY, **cleo, "timestamp": said_on(8)},
        ]
        self._do("add many", "add_batch", items)
        questions = [
            {"query": "Where do the bees live?", **cleo, "top_k": 1},
            {"query": " ", **cleo},
            {"query": "Where is honey sold?", **cleo, "top_k": 1},
        ]
        self._do("search many", "search_batch", questions)

    def _change(self) -> None:
        ana, tram = self._who(user_id="ana"), self._id(TRAM)
        self._do("update", "update", tram, text=LATER_TRAM, metadata={"source": "timetable"})
        self._do("search the new text", "search", "tram at eight", **ana, top_k=1)
        self._do("update to a text that exists", "update", self._id(SOON), text=MOVED)
        self._do("update the end", "update", self._id(PEANUTS), expiration_date="2023-01-01")
        self._do("list without the ended", "list", **ana, page_size=1)
        self._do("history", "history", tram)
        self._do("delete", "delete", tram)
        for verb in ("get", "delete", "history"):
            self._do(f"{verb} what is deleted", verb, tram)
        self._do("search after deletion", "search", "tram to Belem", **ana)

    def _forget(self) -> None:
        self._do("delete all by agent", "delete_all", **self._who(agent_id="guide"))
        self._do("list by agent, empty", "list", **self._who(agent_id="guide"))
        self._do("delete all by user", "delete_all", **self._who(user_id="ana"))
        self._do("delete all again", "delete_all", **self._who(user_id="ana"))
        self._do("list by user, empty", "list", **self._who(user_id="ana"))
        self._do("graph entities, empty", "graph_entities", **self._who(user_id="ana"))
        self.steps["people at the end"] = self._people()

    def _erase(self) -> None:
        ana, cleo = self._who(user_id="ana"), self._who(user_id="cleo")
        failed = self._do("failed operations", "operations", **ana, state="FAILED")
        self._do("retry", "retry", failed["results"][0]["id"])
        self.steps["operations"] = self._operations(**cleo)
        self._do("purge", "purge", memory_id=self._id(BEES))
        for verb in ("get", "history"):
            self._do(f"{verb} what is purged", verb, self._id(BEES))
        self._do("delete what is purged", "delete", self._id(BEES))
        self._do("list what is left", "list", **cleo)
        self._do("purge by user", "purge", **cleo)
        self._do("purge again", "purge", **cleo)
        self.steps["operations, erased"] = self._operations(**cleo)

    def _operations(self, **scope: str) -> list[Any]:
        """Of a scope: what they were, and what became of it. Two of a batch are as good as at the same time."""
        listed = self.face.call("operations", **scope)
        assert listed["count"] == len(listed["results"])
        told = [
            (one["event_type"], one["status"], [row["memory"] for row in one["results"]]) for one in listed["results"]
        ]
        return sorted(told)
