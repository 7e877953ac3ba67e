"""Random requests to the runtime on Ray and to a memory system in this process: the same answers, the same state."""

from __future__ import annotations

import asyncio
import uuid
from collections import Counter
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, invariant, multiple, rule, run_state_machine_as_test

from actors.handles import OrchestratorHandle
from actors.runtime import Runtime
from engine.api import MemoryApi
from engine.errors import RemoraError
from engine.in_process import in_process
from engine.types import Json

pytestmark = [pytest.mark.slow, pytest.mark.integration, pytest.mark.timeout(600)]

EXAMPLES = 40
STEPS = 30

SCOPES: list[dict[str, str]] = [
    {"user_id": "ann"},
    {"user_id": "ann", "agent_id": "helper"},
    {"user_id": "bob", "run_id": "r1"},
    {"agent_id": "helper"},
]
TEXTS = ["I like green tea.", "Green tea is what I like.", "My train leaves at nine.", "The cello is broken.", "Tea."]

WITHOUT_BACKGROUND = {"context": 0, "tokens": 0}
"""What is computed in the background comes when it comes, in each system at another time."""

scopes = st.sampled_from(SCOPES)
texts = st.sampled_from(TEXTS)
metadata = st.dictionaries(st.sampled_from(["kind", "n"]), st.integers(0, 2) | st.sampled_from(["a", "b"]), max_size=2)


def shape(answer: Any, names: dict[str, str]) -> Any:
    """An answer without what differs between two systems: ids become names, times and positions go."""
    if isinstance(answer, dict):
        return {key: shape(value, names) for key, value in answer.items() if key not in _OWN}
    if isinstance(answer, list):
        return sorted((shape(one, names) for one in answer), key=repr)
    if isinstance(answer, float):
        return round(answer, 4)
    if isinstance(answer, str):
        memory_id, *_ = answer.split(":", 1)  # An event's id is its memory's and the position.
        return names.get(memory_id, answer)
    return answer


_OWN = frozenset(
    {"created_at", "updated_at", "started_at", "completed_at", "latency", "position", "operation_id", "event_id"}
)


class Side:
    """One of the two systems. `names`: what its ids are called in both."""

    def __init__(self, api: MemoryApi, project: str) -> None:
        self.api = api
        self.project = project
        self.names: dict[str, str] = {}

    async def ask(self, verb: str, *args: Any, **fields: Any) -> Json:
        """The answer, or the error as one."""
        try:
            answer = await getattr(self.api, verb)(*args, **fields, project=self.project)
        except RemoraError as error:
            return {"code": error.code, "field": error.details.get("field")}
        return answer if isinstance(answer, dict) else {"list": answer}


class SameState(RuleBasedStateMachine):
    """Every rule asks both and compares. A memory is the pair of its ids."""

    memories = Bundle("memories")
    sendings = Bundle("sendings")

    def __init__(self, runner: asyncio.Runner, real: MemoryApi) -> None:
        super().__init__()
        self._run = runner.run
        self._real = Side(real, f"p{uuid.uuid4().hex}")
        self._memory = in_process()
        self._local = Side(self._memory, self._real.project)
        self._run(self._memory.start())
        self._called = 0

    def teardown(self) -> None:
        self._run(self._memory.close())

    def _both(self, verb: str, *args: tuple[Any, Any], **fields: Any) -> tuple[Json, Json]:
        """Both answers, compared; `args`: what is given to the real one and what to the local one."""

        async def ask() -> tuple[Json, Json]:
            return await asyncio.gather(
                self._real.ask(verb, *[one for one, _ in args], **fields),
                self._local.ask(verb, *[other for _, other in args], **fields),
            )

        real, local = self._run(ask())
        if verb == "add":
            self._name(real, local)
        assert shape(real, self._real.names) == shape(local, self._local.names), (verb, args, fields)
        return real, local

    def _name(self, real: Json, local: Json) -> None:
        """Memories that were made by one request are told apart by where they came from in it."""
        for one, other in zip(_rows(real), _rows(local), strict=True):
            if one["id"] not in self._real.names:
                self._called += 1
                self._real.names[one["id"]] = self._local.names[other["id"]] = f"memory {self._called}"

    @rule(target=memories, scope=scopes, said=st.lists(texts, min_size=1, max_size=3), data=metadata)
    def add(self, scope: Json, said: list[str], data: Json) -> Any:
        messages = [{"role": "user", "content": text} for text in said]
        real, local = self._both("add", (messages, messages), **scope, metadata=data)
        pairs = zip(_rows(real), _rows(local), strict=True)
        return multiple(*[(one["id"], other["id"]) for one, other in pairs])

    @rule(target=sendings, scope=scopes, text=texts)
    def add_with_a_key(self, scope: Json, text: str) -> tuple[str, Json, str]:
        key = uuid.uuid4().hex
        self._both("add", (text, text), **scope, operation_id=key)
        return key, scope, text

    @rule(sending=sendings)
    def send_again(self, sending: tuple[str, Json, str]) -> None:
        key, scope, text = sending
        self._both("add", (text, text), **scope, operation_id=key)

    @rule(sending=sendings, text=texts)
    def send_something_else_with_the_key(self, sending: tuple[str, Json, str], text: str) -> None:
        key, scope, _ = sending
        self._both("add", (f"{text} Or not.", f"{text} Or not."), **scope, idempotency_key=key)

    @rule(memory=memories, text=texts)
    def change_the_text(self, memory: tuple[str, str], text: str) -> None:
        self._both("update", memory, text=text)

    @rule(memory=memories, data=metadata)
    def change_the_metadata(self, memory: tuple[str, str], data: Json) -> None:
        self._both("update", memory, metadata=data)

    @rule(memory=memories)
    def delete(self, memory: tuple[str, str]) -> None:
        self._both("delete", memory)

    @rule(scope=scopes)
    def delete_a_scope(self, scope: Json) -> None:
        self._both("delete_all", **scope)

    @rule(memory=memories)
    def purge(self, memory: tuple[str, str]) -> None:
        async def ask() -> tuple[Json, Json]:
            return await asyncio.gather(
                self._real.ask("purge", memory_id=memory[0]), self._local.ask("purge", memory_id=memory[1])
            )

        real, local = self._run(ask())
        assert shape(real, self._real.names) == shape(local, self._local.names)

    @rule(memory=memories)
    def look_at_one(self, memory: tuple[str, str]) -> None:
        self._both("get", memory)
        self._both("history", memory)

    @rule(scope=scopes, text=texts)
    def search(self, scope: Json, text: str) -> None:
        self._both("search", (text, text), **scope, top_k=50, threshold=0.0, weights=WITHOUT_BACKGROUND)

    @rule(scope=scopes, data=metadata)
    def list_with_a_filter(self, scope: Json, data: Json) -> None:
        wanted = {"AND": [scope, *[{"metadata": {key: value}} for key, value in data.items()]]}
        self._both("list", filters=wanted)

    @rule(state=st.sampled_from(["SUCCEEDED", "FAILED"]), scope=scopes)
    def list_operations(self, state: str, scope: Json) -> None:
        real, local = self._run(self._operations(state, scope))
        assert real == local

    async def _operations(self, state: str, scope: Json) -> tuple[Any, Any]:
        found = [
            await side.ask("operations", state=state, **scope, page_size=1000) for side in (self._real, self._local)
        ]
        return (*[(one["count"], Counter(row["event_type"] for row in one["results"])) for one in found],)  # type: ignore[return-value]

    @invariant()
    def the_same_is_there(self) -> None:
        self._both("list", filters={"OR": [{"user_id": "*"}, {"agent_id": "*"}]}, page_size=1000)
        self._both("entities")


def _rows(answer: Json) -> list[Json]:
    return sorted(answer.get("results", []), key=lambda row: row["message_index"])


def test_random_requests_leave_the_same_state(runtime: Runtime, api: OrchestratorHandle) -> None:
    assert runtime.settings.embed.model == "hashing"
    with asyncio.Runner() as runner:
        run_state_machine_as_test(
            lambda: SameState(runner, api),  # type: ignore[arg-type]
            settings=settings(
                max_examples=EXAMPLES,
                stateful_step_count=STEPS,
                deadline=None,
                phases=[Phase.explicit, Phase.reuse, Phase.generate],  # a step costs too much to shrink by hundreds
                suppress_health_check=list(HealthCheck),
            ),
        )
