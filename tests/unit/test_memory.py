"""`AsyncMemory` and `Memory` over HTTP in this process: Mem0's calls and shapes, and how they are opened and closed."""

from __future__ import annotations

import asyncio
import functools
import gc
import inspect
import os
import pickle
import signal
import sys
import threading
import uuid
import warnings
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any

import httpx
import pytest
from fastapi import FastAPI

import remora
from engine.config import Settings
from engine.errors import Overloaded as EngineOverloaded
from engine.in_process import in_process
from remora import AsyncMemory, Memory
from remora.blocking import _restored
from remora.connection import restored
from remora.errors import Conflict, InvalidInput, NotFound, Overloaded, Unavailable
from remora.merging_api import MergingHttpApi
from remora.targets import AtUrl, InCluster, Link, Own, target_of
from serve_app.application import create_app

URL = "http://127.0.0.1:8000"


@functools.cache
def application() -> FastAPI:
    """Built once: declaring the routes takes longer than most tests here."""
    return create_app(in_process(Settings()), Settings())


@dataclass
class OverHttp:
    """An engine in this process behind the HTTP application; counts how often it was opened, closed and asked."""

    opened: int = 0
    closed: int = 0
    paths: list[str] = field(default_factory=list)

    async def open(self) -> Link:
        self.opened += 1
        engine = in_process(Settings())
        await engine.start()
        app = application()
        app.state.api = engine
        asgi = httpx.ASGITransport(app)

        class Watched(httpx.AsyncBaseTransport):
            async def handle_async_request(this, request: httpx.Request) -> httpx.Response:  # noqa: N805
                self.paths.append(request.url.path)
                return await asgi.handle_async_request(request)

        api = MergingHttpApi(URL, transport=Watched())

        async def close() -> None:
            await api.aclose()
            await engine.close()
            self.closed += 1

        return Link(api, close)


@dataclass
class Over:
    """Any memory system, for tests of the way to it."""

    api: Any
    closed: int = 0

    async def open(self) -> Link:
        return Link(self.api, self._close)

    async def _close(self) -> None:
        self.closed += 1


@pytest.fixture
def target() -> OverHttp:
    return OverHttp()


@pytest.fixture
async def memory(target: OverHttp) -> AsyncIterator[AsyncMemory]:
    async with restored(AsyncMemory, target) as memory:
        yield memory


@pytest.fixture
def blocking(target: OverHttp) -> Iterator[Memory]:
    with _restored(Memory, target) as memory:
        yield memory


# --- Mem0's calls ----------------------------------------------------------------------------------------------------


async def test_add_answers_what_mem0_answers_and_more(memory: AsyncMemory) -> None:
    added = await memory.add([{"role": "user", "content": "I like green tea"}], user_id="ana", metadata={"n": 1})
    (row,) = added["results"]
    assert (row["memory"], row["event"]) == ("I like green tea", "ADD")
    assert str(uuid.UUID(row["id"])) == row["id"]
    assert added["status"] == "SUCCEEDED"
    again = await memory.add("I like green tea", user_id="ana")
    assert [(row["event"], row["id"]) for row in again["results"]] == [("NONE", row["id"])]


@pytest.mark.parametrize(
    "how",
    [
        {"user_id": "ana", "limit": 1},
        {"user_id": "ana", "top_k": 1},
        {"filters": {"user_id": "ana"}, "top_k": 1},
        {"filters": {"AND": [{"user_id": "ana"}]}, "limit": 1, "rerank": True},
    ],
)
async def test_search_takes_the_scope_and_the_number_as_mem0_1_and_2_do(memory: AsyncMemory, how: Any) -> None:
    await memory.add("I like green tea", user_id="ana")
    await memory.add("I like green apples", user_id="ana")
    await memory.add("I like green tea too", user_id="bob")
    found = await memory.search("green tea", threshold=0.0, **how)
    assert [hit["memory"] for hit in found["results"]] == ["I like green tea"]
    hit = found["results"][0]
    assert hit["user_id"] == "ana"
    assert hit["metadata"] is None
    assert 0 < hit["score"] <= 1
    assert {"id", "hash", "created_at", "updated_at", "role", "actor_id", "expiration_date"} <= set(hit)


async def test_what_is_kept_as_it_was_said_has_the_categories_that_it_is_given(memory: AsyncMemory) -> None:
    added = await memory.add("I like green tea", user_id="ana", infer=False, categories=["food", "taste"])
    await memory.add("I like apples", user_id="ana", infer=False)
    found = await memory.list(user_id="ana", filters={"categories": {"in": ["taste"]}})
    assert [(one["memory"], one["categories"]) for one in found["results"]] == [("I like green tea", ["food", "taste"])]
    (event,) = await memory.history(added["results"][0]["id"])
    assert event["categories"] == ["food", "taste"]
    with pytest.raises(InvalidInput, match="infer"):
        await memory.add("I like milk", user_id="ana", categories=["food"])


async def test_explain_shows_the_parts_of_a_score(memory: AsyncMemory) -> None:
    await memory.add("I like green tea", user_id="ana")
    found = await memory.search("green tea", user_id="ana", explain=True)
    assert found["results"][0]["score_details"]


async def test_get_all_gives_the_newest_and_pages_by_itself(
    memory: AsyncMemory, target: OverHttp, monkeypatch: pytest.MonkeyPatch
) -> None:
    for n in range(5):
        await memory.add(f"number {n}", user_id="ana")
    monkeypatch.setattr("remora.memory._PAGE", 2)
    newest = await memory.get_all(user_id="ana", limit=3)
    assert [one["memory"] for one in newest["results"]] == ["number 4", "number 3", "number 2"]
    every = await memory.get_all(filters={"user_id": "ana"}, top_k=50)
    assert [one["memory"] for one in every["results"]] == [f"number {n}" for n in (4, 3, 2, 1, 0)]
    assert every["count"] == 5
    assert (await memory.get_all(user_id="nobody"))["results"] == []


async def test_get_gives_the_memory_or_none(memory: AsyncMemory) -> None:
    added = await memory.add("I like green tea", user_id="ana")
    found = await memory.get(added["results"][0]["id"])
    assert found is not None
    assert found["memory"] == "I like green tea"
    assert await memory.get(str(uuid.uuid4())) is None


@pytest.mark.parametrize("how", [{"text": "I like coffee"}, {"data": "I like coffee"}])
async def test_update_says_so_and_history_tells_it(memory: AsyncMemory, how: Any) -> None:
    memory_id = (await memory.add("I like tea", user_id="ana"))["results"][0]["id"]
    updated = await memory.update(memory_id, **how)
    assert (updated["message"], updated["memory"]) == ("Memory updated successfully!", "I like coffee")
    deleted = await memory.delete(memory_id)
    assert deleted["message"] == "Memory deleted successfully!"
    history = await memory.history(memory_id)
    assert [(one["event"], one["old_memory"], one["new_memory"], one["is_deleted"]) for one in history] == [
        ("ADD", None, "I like tea", False),
        ("UPDATE", "I like tea", "I like coffee", False),
        ("DELETE", "I like coffee", None, True),
    ]
    assert {"id", "memory_id", "created_at", "updated_at", "actor_id", "role"} <= set(history[0])


async def test_an_update_leaves_what_it_does_not_name_and_clears_what_it_names(memory: AsyncMemory) -> None:
    added = await memory.add("I like tea", user_id="ana", metadata={"a": 1}, expiration_date="2999-01-01")
    memory_id = added["results"][0]["id"]
    kept = await memory.update(memory_id, "I like coffee")
    assert (kept["metadata"], kept["expiration_date"]) == ({"a": 1}, "2999-01-01")
    cleared = await memory.update(memory_id, metadata={}, expiration_date=None)
    assert (cleared["metadata"], cleared["expiration_date"]) == (None, None)


async def test_delete_all_needs_a_scope(memory: AsyncMemory) -> None:
    await memory.add("I like tea", user_id="ana")
    with pytest.raises(ValueError, match="required"):
        await memory.delete_all()
    deleted = await memory.delete_all(user_id="ana")
    assert deleted["message"] == "Memories deleted successfully!"
    assert (await memory.get_all(user_id="ana"))["results"] == []


async def test_reset_leaves_nothing(memory: AsyncMemory) -> None:
    scopes: list[Any] = [{"user_id": "ana"}, {"agent_id": "a1"}, {"user_id": "ana", "run_id": "r"}, {"app_id": "app"}]
    for scope in scopes:
        await memory.add("I like tea", **scope)
    assert await memory.reset() is None  # type: ignore[func-returns-value]
    assert (await memory.entities())["count"] == 0


async def test_native_verbs_answer_over_http(memory: AsyncMemory) -> None:
    outcomes = await memory.add_batch([{"messages": "a", "user_id": "ana"}, {"messages": "", "user_id": "ana"}])
    assert outcomes[0]["results"][0]["memory"] == "a"
    assert outcomes[1]["error"]["code"] == "invalid_input"
    found = await memory.search_batch([{"query": "a", "user_id": "ana", "threshold": 0.0}])
    assert [hit["memory"] for hit in found[0]["results"]] == ["a"]
    assert (await memory.list(user_id="ana", page=1, page_size=10))["count"] == 1
    assert (await memory.operation(outcomes[0]["operation_id"]))["status"] == "SUCCEEDED"
    assert (await memory.status())["ready"] is True
    assert (await memory.graph_entities(user_id="ana"))["results"] == []
    with pytest.raises(NotFound):
        await memory.neighbours("Nobody", user_id="ana")
    with pytest.raises(NotFound):
        await memory.path("Nobody", "No one", user_id="ana")


async def test_without_waiting_an_add_is_accepted_and_its_operation_tells_the_rest(memory: AsyncMemory) -> None:
    accepted = await memory.add("I like tea", user_id="ana", wait=False)
    assert accepted["status"] in {"PENDING", "RUNNING", "SUCCEEDED"}
    while (await memory.operation(accepted["operation_id"]))["status"] != "SUCCEEDED":
        await asyncio.sleep(0)
    assert len((await memory.get_all(user_id="ana"))["results"]) == 1


Call = Callable[[AsyncMemory], Awaitable[Any]]


@pytest.mark.parametrize(
    "call",
    [
        lambda memory: memory.add("x"),
        lambda memory: memory.add("x", user_id=""),
        lambda memory: memory.add("x", user_id="ana", memory_type="procedural_memory"),
        lambda memory: memory.add("x", user_id="ana", prompt=5),
        lambda memory: memory.search("x"),
        lambda memory: memory.search("", user_id="ana"),
        lambda memory: memory.search("x", user_id="ana", top_k=5, limit=5),
        lambda memory: memory.search("x", user_id="ana", top_k=0),
        lambda memory: memory.search("x", user_id="ana", threshold=2),
        lambda memory: memory.get_all(),
        lambda memory: memory.get_all(user_id="ana", top_k=0),
        lambda memory: memory.get_all(user_id="ana", limit="many"),
        lambda memory: memory.get("not-an-id"),
        lambda memory: memory.update(str(uuid.uuid4())),
        lambda memory: memory.update(str(uuid.uuid4()), "a", data="b"),
    ],
)
async def test_bad_input_is_invalid_input_and_a_value_error(memory: AsyncMemory, call: Call) -> None:
    with pytest.raises(InvalidInput) as refused:
        await call(memory)
    assert isinstance(refused.value, ValueError)
    assert (await memory.entities())["count"] == 0


async def test_a_thousand_calls_at_once_are_a_few_requests(memory: AsyncMemory, target: OverHttp) -> None:
    await asyncio.gather(*[memory.add(f"number {n}", user_id=f"u{n % 7}") for n in range(300)])
    found = await asyncio.gather(*[memory.search(f"number {n}", user_id=f"u{n % 7}") for n in range(300)])
    assert [one["results"][0]["memory"] for one in found] == [f"number {n}" for n in range(300)]
    assert len(target.paths) < 30


# --- opening and closing ---------------------------------------------------------------------------------------------


async def test_it_opens_when_first_used_once_for_all_who_come(target: OverHttp) -> None:
    memory = restored(AsyncMemory, target)
    assert target.opened == 0
    await asyncio.gather(memory.entities(), memory.entities(), memory.open())
    assert target.opened == 1
    await memory.close()
    await memory.close()
    assert target.closed == 1


async def test_it_can_be_awaited(target: OverHttp) -> None:
    memory = await restored(AsyncMemory, target)
    assert target.opened == 1
    await memory.close()


async def test_after_closing_a_call_says_so(target: OverHttp) -> None:
    memory = restored(AsyncMemory, target)
    await memory.close()
    with pytest.raises(InvalidInput, match="closed"):
        await memory.entities()


async def test_closing_ends_the_calls_that_nobody_will_answer_any_more() -> None:
    asked = asyncio.Event()

    class Silent:
        async def search(self, query: str, **_: object) -> None:
            asked.set()
            await asyncio.Event().wait()

    memory = await restored(AsyncMemory, Over(Silent()))
    under_way = asyncio.create_task(memory.search("tea", user_id="ana"))
    await asked.wait()
    await memory.close()
    with pytest.raises(Unavailable, match="closed while"):
        await asyncio.wait_for(under_way, 10)


async def test_an_opening_given_up_is_begun_again_by_the_next_call() -> None:
    class Slow(OverHttp):
        async def open(self) -> Link:
            if self.opened == 0:
                self.opened += 1
                await asyncio.Event().wait()
            return await super().open()

    target = Slow()
    memory = restored(AsyncMemory, target)
    first = asyncio.create_task(memory.entities())
    while not target.opened:
        await asyncio.sleep(0)
    first.cancel()
    assert (await memory.entities())["count"] == 0
    assert first.cancelled()
    await memory.close()


def test_one_loop_s_memory_is_not_another_s(target: OverHttp) -> None:
    memory = restored(AsyncMemory, Over(api=None))
    asyncio.run(_opened(memory))
    with pytest.raises(InvalidInput, match="another event loop"):
        asyncio.run(_opened(memory))


async def _opened(memory: AsyncMemory) -> None:
    await memory.open()


async def test_errors_of_handles_become_those_of_the_library() -> None:
    class Full:
        async def search(self, query: str, **fields: Any) -> Any:
            raise EngineOverloaded("full", {"retry_after_s": 3})

    async with restored(AsyncMemory, Over(Full())) as memory:
        with pytest.raises(Overloaded) as caught:
            await memory.search("q", user_id="ana")
    assert (caught.value.code, caught.value.message, caught.value.details) == (
        "overloaded",
        "full",
        {"retry_after_s": 3},
    )


# --- the face that blocks --------------------------------------------------------------------------------------------


def test_every_verb_of_one_is_a_verb_of_the_other_with_the_same_signature_and_description() -> None:
    verbs = [name for name, verb in inspect.getmembers(AsyncMemory, inspect.iscoroutinefunction) if name[0] != "_"]
    assert set(verbs) - {"open"} == {name for name in dir(Memory) if name[0] != "_"} - {"from_config"}
    for name in set(verbs) - {"open"}:
        theirs, ours = getattr(AsyncMemory, name), getattr(Memory, name)
        assert inspect.signature(ours) == inspect.signature(theirs)
        assert ours.__doc__ == theirs.__doc__


def test_it_blocks_and_answers(blocking: Memory) -> None:
    blocking.add("I like green tea", user_id="ana")
    assert blocking.search("green tea", user_id="ana")["results"][0]["memory"] == "I like green tea"
    with pytest.raises(ValueError, match="required"):
        blocking.delete_all()


def test_threads_share_it_and_their_calls_are_merged(blocking: Memory, target: OverHttp) -> None:
    with ThreadPoolExecutor(16) as pool:
        list(pool.map(lambda n: blocking.add(f"number {n}", user_id="ana"), range(200)))
    assert blocking.list(user_id="ana")["count"] == 200
    assert len(target.paths) < 150


async def test_it_works_inside_a_running_loop(blocking: Memory) -> None:
    assert blocking.entities()["count"] == 0


def test_closing_twice_is_harmless_and_a_call_afterwards_says_so(target: OverHttp) -> None:
    memory = _restored(Memory, target)
    memory.close()
    memory.close()
    assert target.closed == 1
    with pytest.raises(InvalidInput, match="closed"):
        memory.entities()


def test_one_that_is_dropped_closes_itself(target: OverHttp) -> None:
    memory = _restored(Memory, target)
    thread = memory._loop._thread
    del memory
    gc.collect()
    thread.join(30)
    assert not thread.is_alive()
    assert target.closed == 1


def test_one_that_cannot_be_opened_leaves_no_thread() -> None:
    class Broken:
        async def open(self) -> Link:
            raise Conflict("no")

    with pytest.raises(Conflict):
        _restored(Memory, Broken())
    assert [one for one in threading.enumerate() if one.name == "remora-memory"] == []


class Stuck:
    """Answers nothing; tells when it was asked."""

    def __init__(self) -> None:
        self.asked = threading.Event()
        self.cancelled = threading.Event()

    async def status(self) -> Any:
        self.asked.set()
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            self.cancelled.set()
            raise


def test_ctrl_c_ends_a_call_that_waits() -> None:
    api = Stuck()
    with _restored(Memory, Over(api)) as memory:
        caller = threading.get_ident()

        def interrupt() -> None:
            api.asked.wait(30)
            while sys._current_frames()[caller].f_code.co_name != "wait":  # Until it waits for the answer.
                threading.Event().wait(0.001)
            os.kill(os.getpid(), signal.SIGINT)

        interrupting = threading.Thread(target=interrupt)
        interrupting.start()
        with pytest.raises(KeyboardInterrupt):
            memory.status()
        interrupting.join()
        assert api.cancelled.wait(30)


def test_closing_while_another_thread_calls_ends_that_call() -> None:
    api = Stuck()
    memory = _restored(Memory, Over(api))
    with ThreadPoolExecutor(1) as pool:
        call = pool.submit(memory.status)
        assert api.asked.wait(30)
        memory.close()
        with pytest.raises(Unavailable, match="closed while"):
            call.result(30)


def test_a_forked_child_is_told_to_make_its_own(blocking: Memory) -> None:
    said, say = os.pipe()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # Forking with threads is what this is about.
        child = os.fork()
    if child == 0:
        try:
            blocking.entities()
        except InvalidInput as error:
            os.write(say, str(error).encode())
        finally:
            os._exit(0)
    os.close(say)
    with os.fdopen(said) as heard:
        assert "forked" in heard.read()
    os.waitpid(child, 0)


# --- what the arguments mean -----------------------------------------------------------------------------------------


def test_arguments_name_one_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("REMORA_API_KEY", raising=False)
    assert target_of(URL) == AtUrl(URL, None, 60.0)
    assert target_of(URL, api_key="k", timeout_s=5) == AtUrl(URL, "k", 5)
    assert target_of(None, address="auto") == InCluster("auto", {})
    assert target_of(None) == Own({})
    assert target_of(None, data_dir="/x", timeout_s=5) == Own({"runtime": {"deadline_s": 5}, "data_dir": "/x"})
    config = {"vector_store": {"provider": "milvus", "config": {"url": "./m.db"}}}
    assert target_of(config) == target_of(None, config=config) == Own({"vector": {"uri": "./m.db"}}, exact=True)
    monkeypatch.setenv("REMORA_API_KEY", "from outside")
    assert target_of(URL) == AtUrl(URL, "from outside", 60.0)


@pytest.mark.parametrize(
    "arguments",
    [
        {"url": URL, "address": "auto"},
        {"url": URL, "config": {}},
        {"address": "auto", "config": {}},
        {"url": {}, "config": {}},
        {"url": URL, "data_dir": "/x"},
        {"address": "auto", "api_key": "k"},
        {"api_key": "k"},
        {"url": 5},
        {"address": ""},
        {"url": {"embedder": {"provider": "openai"}}},
        {"timeout_s": 0},
    ],
)
def test_arguments_that_contradict_are_refused(arguments: Any) -> None:
    for kind in (AsyncMemory, Memory):
        with pytest.raises(InvalidInput):
            kind(**arguments)


async def test_a_server_without_remora_is_no_memory_that_is_missing() -> None:
    api = MergingHttpApi(URL, transport=httpx.MockTransport(lambda _: httpx.Response(404, text="no such page")))
    async with restored(AsyncMemory, Over(api)) as memory:
        with pytest.raises(NotFound, match="unexpected answer 404"):
            await memory.get(str(uuid.uuid4()))
    await api.aclose()


def test_an_address_that_is_none_is_refused() -> None:
    with pytest.raises(InvalidInput, match="no address"):
        Memory("127.0.0.1:8000")


def test_one_with_an_address_can_be_sent_to_another_process_and_one_of_this_process_cannot() -> None:
    with Memory(URL, api_key="k") as memory, pickle.loads(pickle.dumps(memory)) as copy:
        assert copy._memory._target == AtUrl(URL, "k", 60.0)
    there = pickle.loads(pickle.dumps(AsyncMemory(address="auto")))
    assert there._target == InCluster("auto", {})
    with pytest.raises(TypeError, match="another"):
        pickle.dumps(AsyncMemory())


def test_the_package_offers_both_and_nothing_else() -> None:
    assert (remora.Memory, remora.AsyncMemory) == (Memory, AsyncMemory)
    assert {"Memory", "AsyncMemory"} <= set(remora.__all__)
    with pytest.raises(AttributeError):
        remora.Nothing  # noqa: B018
