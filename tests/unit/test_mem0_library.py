"""`remora.Memory` in the place of `mem0.Memory`: its methods, keywords and exceptions, and what is refused."""

from __future__ import annotations

import inspect
import pickle
from collections.abc import Awaitable, Callable, Sequence
from datetime import UTC, date, datetime
from typing import Any

import httpx
import pytest

from remora import AsyncMemory, Memory, errors, exceptions
from remora.errors import InvalidInput, NotFound, RemoraError
from remora.http_answers import outcome
from remora.memory import KEEP
from tests.mem0_library import EXCEPTIONS, METHODS, OF_STATUS, ONLY_ASYNC


class Asked:
    """A memory system that only writes down what it is asked."""

    def __init__(self) -> None:
        self.calls: list[tuple[str, tuple[Any, ...], dict[str, Any]]] = []

    def __getattr__(self, verb: str) -> Callable[..., Awaitable[dict[str, Any]]]:
        async def call(*arguments: Any, **fields: Any) -> dict[str, Any]:
            self.calls.append((verb, arguments, fields))
            return {"results": [], "count": 0}

        return call


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> Asked:
    api = Asked()

    async def answer(_memory: AsyncMemory, call: Callable[[Any], Awaitable[Any]]) -> Any:
        return await call(api)

    monkeypatch.setattr(AsyncMemory, "_ask", answer)
    return api


def spelled(parameters: Sequence[inspect.Parameter]) -> list[str]:
    return [f"*{one.name}" if one.kind is one.KEYWORD_ONLY else one.name for one in parameters if one.name != "self"]


@pytest.mark.parametrize("kind", [Memory, AsyncMemory])
@pytest.mark.parametrize("name", METHODS)
def test_a_method_takes_what_mem0_s_takes_in_the_same_places(kind: type, name: str) -> None:
    ours = spelled(list(inspect.signature(getattr(kind, name)).parameters.values()))
    theirs = METHODS[name] + ONLY_ASYNC.get(name, [])
    by_place = [one for one in theirs if not one.startswith("*")]
    assert ours[: len(by_place)] == by_place
    # One that Mem0 takes by keyword only may be taken by place too.
    assert {one.lstrip("*") for one in theirs} <= {one.lstrip("*") for one in ours}


@pytest.mark.parametrize(
    ("name", "defaults"),
    [
        ("add", {"infer": True, "metadata": None, "memory_type": None, "prompt": None, "llm": None}),
        ("search", {"rerank": False, "explain": False, "reference_date": None, "show_expired": False}),
        ("get_all", {"filters": None, "show_expired": False}),
        ("update", {"text": None, "metadata": None, "data": None, "expiration_date": KEEP}),
        ("delete_all", {"user_id": None, "agent_id": None, "run_id": None}),
    ],
)
def test_what_is_not_given_is_what_mem0_takes_for_it(name: str, defaults: dict[str, Any]) -> None:
    found = inspect.signature(getattr(AsyncMemory, name)).parameters
    assert {one: found[one].default for one in defaults} == defaults


async def test_twenty_are_answered_unless_told(asked: Asked) -> None:
    memory = AsyncMemory("http://127.0.0.1:1")
    await memory.search("tea", filters={"user_id": "ana"})
    await memory.get_all(filters={"user_id": "ana"})
    assert [call[2].get("top_k", call[2].get("page_size")) for call in asked.calls] == [20, 20]


async def test_the_ids_of_a_deletion_come_by_place(asked: Asked) -> None:
    await AsyncMemory("http://127.0.0.1:1").delete_all("ana", "a1", "r1")
    assert asked.calls == [("delete_all", (), {"user_id": "ana", "agent_id": "a1", "run_id": "r1"})]


async def test_the_parts_of_an_update_come_by_place(asked: Asked) -> None:
    await AsyncMemory("http://127.0.0.1:1").update("id", "green tea", {"a": 1}, None)
    assert asked.calls == [("update", ("id",), {"text": "green tea", "metadata": {"a": 1}, "expiration_date": None})]


@pytest.mark.parametrize("day", ["2999-01-02", date(2999, 1, 2), datetime(2999, 1, 2, 3, tzinfo=UTC)])
async def test_a_last_day_may_be_a_date(asked: Asked, day: Any) -> None:
    memory = AsyncMemory("http://127.0.0.1:1")
    await memory.add("tea", user_id="ana", expiration_date=day)
    await memory.update("id", expiration_date=day)
    assert [call[2]["expiration_date"] for call in asked.calls] == ["2999-01-02", "2999-01-02"]


@pytest.mark.parametrize(
    ("name", "arguments", "field", "instead"),
    [
        ("search", {"query": "tea", "reference_date": "2026-01-01"}, "reference_date", "as_of"),
        ("add", {"messages": "tea", "llm": object()}, "llm", "configuration"),
    ],
)
async def test_what_cannot_be_honoured_is_refused_with_what_to_do_instead(
    asked: Asked, name: str, arguments: dict[str, Any], field: str, instead: str
) -> None:
    with pytest.raises(InvalidInput, match=instead) as refused:
        await getattr(AsyncMemory("http://127.0.0.1:1"), name)(**arguments, user_id="ana")
    assert refused.value.details == {"field": field}
    assert asked.calls == []


async def test_chat_is_not_there_either() -> None:
    with pytest.raises(NotImplementedError, match=r"remora\.Remora"):
        await AsyncMemory("http://127.0.0.1:1").chat("hello")


async def test_a_keyword_that_nobody_knows_is_refused_where_mem0_drops_it() -> None:
    with pytest.raises(TypeError, match="versoin"):
        await AsyncMemory("http://127.0.0.1:1").search("tea", user_id="ana", versoin="v2")  # type: ignore[call-arg]


# --- exceptions ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", EXCEPTIONS)
def test_an_exception_of_mem0_has_its_name_and_its_parts(name: str) -> None:
    kind = getattr(exceptions, name)
    assert issubclass(kind, exceptions.MemoryError)
    error = kind("no", "X_1", {"a": 1}, "do that", {"b": 2})
    assert (error.message, error.error_code, error.details, error.suggestion, error.debug_info) == (
        "no", "X_1", {"a": 1}, "do that", {"b": 2},
    )  # fmt: skip
    assert str(error) == "no"
    if (code := EXCEPTIONS[name]) is not None:
        assert kind("no").error_code == code


def test_there_are_no_other_names() -> None:
    ours = {name for name, value in vars(exceptions).items() if isinstance(value, type) and name[0] != "_"}
    assert ours - {"Any", "Mapping"} == set(EXCEPTIONS)


@pytest.mark.parametrize("status", OF_STATUS)
def test_an_answer_s_status_means_the_same_exception(status: int) -> None:
    reply = httpx.Response(status, json={"detail": "no"}, request=httpx.Request("GET", "http://x"))
    with pytest.raises(getattr(exceptions, OF_STATUS[status])):
        outcome(reply)


def test_every_error_of_remora_is_one_of_mem0() -> None:
    kinds = [kind for kind in vars(errors).values() if isinstance(kind, type) and issubclass(kind, RemoraError)]
    assert len(kinds) == 12
    for kind in kinds:
        assert issubclass(kind, exceptions.MemoryError)


def test_an_error_tells_what_mem0_s_tell() -> None:
    error = errors.error_of("overloaded", "full", {"retry_after_s": 3}, "r-1")
    for one in (error, pickle.loads(pickle.dumps(error))):
        assert (one.error_code, one.details) == ("overloaded", {"retry_after_s": 3})
        assert one.debug_info == {"request_id": "r-1", "retry_after": 3}
        assert one.suggestion == "Nothing was stored. Try again in 3 s."
    assert errors.error_of("teapot", "no").error_code == "teapot"


@pytest.mark.parametrize("kind", [InvalidInput, NotFound])
def test_where_mem0_raises_a_value_error_it_is_one(kind: type[RemoraError]) -> None:
    assert issubclass(kind, ValueError)
