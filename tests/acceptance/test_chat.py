"""The chat door of a whole runtime: the real `openai` SDK in front, a scripted model behind, and memory that dies.

The runtime is started once by the real command; what dies is started again by it.
"""

from __future__ import annotations

import asyncio
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import httpx
import openai
import pytest

from remora import Memory
from remora.errors import NotFound, RemoraError
from tests.acceptance.place import START_DEADLINE_S, STOP_DEADLINE_S, Place
from tests.acceptance.readme import lines_for
from tests.acceptance.scripted_model import ScriptedModel
from tests.provider import DONE, Reply, chunk

pytestmark = [pytest.mark.slow, pytest.mark.timeout(400)]

DONE_S = 90.0
MEMORY_S = 1.0
SLOW_S = 8.0
"""A chat that waits for the memory's deadline and the bound at its end takes far less, also on a busy machine."""
STREAM = [chunk("The tram ", role="assistant"), chunk("stops "), chunk("at seven."), chunk(finish="stop"), DONE]
SAID = "The tram stops at seven."


@pytest.fixture(scope="module")
def model() -> Iterator[ScriptedModel]:
    model = ScriptedModel()
    yield model
    model.close()


def prepared(place: Place, model: ScriptedModel) -> Place:
    place.environment |= {
        "REMORA_EMBED_MODEL": "hashing",
        "REMORA_EXTRACT_ENTITIES": "none",
        "REMORA_LLM_BASE_URL": model.url,
        "REMORA_LLM_MODEL": "scripted",
    }
    return place


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory, model: ScriptedModel) -> Iterator[Place]:
    place = prepared(Place(tmp_path_factory.mktemp("chat")), model)
    up = place.run("up", timeout_s=START_DEADLINE_S)
    assert up.returncode == 0, up.stdout + up.stderr
    yield place
    place.run("down", timeout_s=STOP_DEADLINE_S)
    place.close()


@pytest.fixture
def client(running: Place) -> Iterator[openai.OpenAI]:
    with openai.OpenAI(base_url=f"{running.url}/v1", api_key="any", max_retries=0) as client:
        yield client


@pytest.fixture
def http(running: Place) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=running.url, timeout=DONE_S, trust_env=False) as http:
        yield http


@pytest.fixture
def memory(running: Place) -> Iterator[Memory]:
    with Memory(running.url) as memory:
        yield memory


def body(message: dict[str, str], user: str, **more: Any) -> dict[str, Any]:
    return {"model": "m", "messages": [message], "user_id": user, "infer": False, **more}


def remembered(memory: Memory, name: str) -> None:
    """Returns when the turn of that name is carried out; asked for again while the memory is coming back."""
    deadline = time.monotonic() + DONE_S
    while True:
        try:
            status = memory.operation(name)["status"]
        except RemoraError as error:
            status = error.code
        if status == "SUCCEEDED":
            return
        assert status not in {"FAILED", "invalid_input"}, status
        assert time.monotonic() < deadline, f"the turn is not remembered: {status}"


def gather(reply: httpx.Response, said: bytearray) -> None:
    """All that comes, into `said`: what came before it broke counts too."""
    for piece in reply.iter_raw():
        said += piece


def texts(memory: Memory, user: str) -> list[str]:
    return sorted(one["memory"] for one in memory.list(user_id=user)["results"])


# --- what passes through ---------------------------------------------------------------------------------------------


def test_what_one_chat_says_another_knows(model: ScriptedModel, client: openai.OpenAI, memory: Memory) -> None:
    told: Any = model.answers("My boat is called Aurora.", Reply("A fine name."))
    first = client.chat.completions.with_raw_response.create(
        model="m", messages=[told], extra_body={"user_id": "ana", "infer": False}
    )
    remembered(memory, first.headers["x-remora-operation"])
    asked: Any = model.answers("What is my boat called?", Reply("Aurora."))
    second = client.chat.completions.with_raw_response.create(
        model="m", messages=[asked], user="ana", extra_body={"infer": False}
    )
    assert second.parse().choices[0].message.content == "Aurora."
    assert int(second.headers["x-remora-memories"]) >= 1
    assert "My boat is called Aurora." in model.asked[-1]["messages"][0]["content"]


def test_a_stream_is_not_held_up_on_its_way(model: ScriptedModel, client: openai.OpenAI, memory: Memory) -> None:
    """The first piece is here before the second may be sent."""
    gate = model.gate()
    message: Any = model.answers("When does it stop?", Reply(stream=STREAM, gates={1: gate}))
    with client.chat.completions.create(
        model="m", messages=[message], stream=True, extra_body={"user_id": "bob", "infer": False}
    ) as stream:
        parts = iter(stream)
        assert next(parts).choices[0].delta.content == "The tram "
        model.open(gate)
        assert [part.choices[0].delta.content for part in parts] == ["stops ", "at seven.", None]
        name = stream.response.headers["x-remora-operation"]
    remembered(memory, name)
    assert texts(memory, "bob") == [SAID, "When does it stop?"]
    assert memory.search("tram", user_id="bob", threshold=0.0)["results"]


def test_the_bytes_of_a_stream_are_the_model_s(model: ScriptedModel, http: httpx.Client) -> None:
    raw = b": hello\r\n\r\n" + b"".join(STREAM).replace(b"\n\n", b"\r\n\r\n")
    message = model.answers("Bytes?", Reply(stream=[raw[at : at + 11] for at in range(0, len(raw), 11)]))
    reply = http.post("/v1/chat/completions", json=body(message, "bytes", stream=True))
    assert reply.content == raw
    assert reply.headers["content-type"].startswith("text/event-stream")


def test_tools_pass_through(model: ScriptedModel, client: openai.OpenAI) -> None:
    call = {"id": "1", "type": "function", "function": {"name": "warmth", "arguments": "{}"}}
    choice = {
        "index": 0,
        "message": {"role": "assistant", "content": None, "tool_calls": [call]},
        "finish_reason": "tool_calls",
    }
    made = {"id": "1", "object": "chat.completion", "created": 1, "model": "m", "choices": [choice]}
    message: Any = model.answers("How warm is it?", Reply(body=json.dumps(made)))
    tools: Any = [{"type": "function", "function": {"name": "warmth", "parameters": {"type": "object"}}}]
    answer = client.chat.completions.create(model="m", messages=[message], tools=tools, user="tools")
    assert answer.choices[0].message.tool_calls
    assert model.asked[-1]["tools"] == tools


@pytest.mark.parametrize(
    ("status", "raised"),
    [(400, openai.BadRequestError), (429, openai.RateLimitError), (500, openai.InternalServerError)],
)
async def test_errors_of_the_model_pass_through_to_the_asynchronous_sdk(
    model: ScriptedModel, running: Place, status: int, raised: type[openai.APIStatusError]
) -> None:
    message: Any = model.answers(f"Fail with {status}", Reply(status=status, error="as told"))
    async with openai.AsyncOpenAI(base_url=f"{running.url}/v1", api_key="any", max_retries=0) as client:
        with pytest.raises(raised) as error:
            await client.chat.completions.create(model="m", messages=[message], user="errors")
        assert error.value.body == {"message": "as told", "type": "test", "code": None, "param": None}
        good: Any = model.answers("Say it piece by piece", Reply(stream=STREAM))
        stream = await client.chat.completions.create(model="m", messages=[good], stream=True, user="errors")
        said = [part.choices[0].delta.content async for part in stream]
    assert "".join(filter(None, said)) == SAID


def test_models_and_vectors(client: openai.OpenAI) -> None:
    assert [one.id for one in client.models.list()] == ["org/scripted", "hashing-384"]
    assert len(client.embeddings.create(model="any", input=["tea"]).data[0].embedding) == 384


def test_a_stream_that_breaks_off_ends_broken(model: ScriptedModel, http: httpx.Client, memory: Memory) -> None:
    message = model.answers("Break off", Reply(stream=STREAM[:2], breaks=True))
    said = bytearray()
    with http.stream("POST", "/v1/chat/completions", json=body(message, "broken", stream=True)) as reply:
        with pytest.raises(httpx.HTTPError):
            gather(reply, said)
        name = reply.headers["x-remora-operation"]
    assert said == b"".join(STREAM[:2])
    remembered(memory, name)
    assert texts(memory, "broken") == ["Break off", "The tram stops"]


def test_a_client_that_hangs_up_ends_the_call(model: ScriptedModel, http: httpx.Client, memory: Memory) -> None:
    message = model.answers("Hang up", Reply(stream=STREAM, gates={2: model.gate()}))
    with http.stream("POST", "/v1/chat/completions", json=body(message, "gone", stream=True)) as reply:
        said, pieces = b"", reply.iter_raw()
        while len(said) < len(STREAM[0] + STREAM[1]):
            said += next(pieces)
        name = reply.headers["x-remora-operation"]
    model.saw_hang_up()
    remembered(memory, name)
    assert texts(memory, "gone") == ["Hang up", "The tram stops"]


def test_many_long_chats_keep_no_other_request_out(model: ScriptedModel, http: httpx.Client, running: Place) -> None:
    gate = model.gate()
    message = model.answers("Wait for it", Reply(stream=STREAM, gates={1: gate}))

    async def chats() -> None:
        async with httpx.AsyncClient(base_url=running.url, timeout=DONE_S, trust_env=False) as client:
            asking = [
                client.stream("POST", "/v1/chat/completions", json=body(message, f"long-{n}", stream=True))
                for n in range(40)
            ]
            replies = [await one.__aenter__() for one in asking]
            assert {reply.status_code for reply in replies} == {200}
            assert (await client.get("/v1/memories/", params={"user_id": "ana"})).status_code == 200
            model.open(gate)
            contents = [await reply.aread() for reply in replies]
            assert set(contents) == {b"".join(STREAM)}
            for one in asking:
                await one.__aexit__(None, None, None)

    asyncio.run(chats())


# --- the memory side dies --------------------------------------------------------------------------------------------


def process_of(place: Place, actor: str) -> int:
    status = json.loads(place.run("status", "--json").stdout)
    return next(int(one["pid"]) for one in status["actors"] if one["name"] == actor)


@contextmanager
def halted(*pids: int) -> Iterator[None]:
    for pid in pids:
        os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        for pid in pids:
            os.kill(pid, signal.SIGCONT)


@pytest.mark.parametrize("actor", ["orchestrator-0", "ledger-0"])
def test_a_part_of_the_memory_is_killed_in_the_middle_of_a_chat(
    model: ScriptedModel, running: Place, http: httpx.Client, memory: Memory, actor: str
) -> None:
    gate, user = model.gate(), f"killed-{actor}"
    message = model.answers(f"Kill {actor}", Reply(stream=STREAM, gates={1: gate}))
    pid = process_of(running, actor)
    with http.stream("POST", "/v1/chat/completions", json=body(message, user, stream=True)) as reply:
        pieces = reply.iter_raw()
        said = next(pieces)
        os.kill(pid, signal.SIGKILL)
        model.open(gate)
        began = time.monotonic()
        said += b"".join(pieces)
        took_s = time.monotonic() - began
    assert said == b"".join(STREAM)
    assert took_s < SLOW_S
    began = time.monotonic()
    again = http.post("/v1/chat/completions", json=body(message, user))
    assert (again.status_code, time.monotonic() - began < SLOW_S) == (200, True)
    for one in (reply, again):
        remembered(memory, one.headers["x-remora-operation"])
    assert texts(memory, user) == [f"Kill {actor}", SAID]


def test_a_memory_that_hangs_holds_no_chat(
    model: ScriptedModel, running: Place, http: httpx.Client, memory: Memory
) -> None:
    message = model.answers("Does it hang?", Reply(SAID))
    with halted(process_of(running, "orchestrator-0")):
        began = time.monotonic()
        reply = http.post("/v1/chat/completions", json=body(message, "hung"))
        took_s = time.monotonic() - began
    assert (reply.status_code, reply.headers["x-remora-memories"]) == (200, "unavailable")
    assert MEMORY_S <= took_s < SLOW_S
    remembered(memory, reply.headers["x-remora-operation"])
    assert texts(memory, "hung") == ["Does it hang?", SAID]


def test_what_was_answered_is_safe_though_everything_dies(place: Place, model: ScriptedModel) -> None:
    """The embedder is halted, so that nothing is further than the ledger when all is killed."""
    prepared(place, model).start("serve").wait_for("Ctrl-C stops it")
    message = model.answers("Is it safe?", Reply(SAID))
    streamed = model.answers("Is it safe piece by piece?", Reply(stream=STREAM))
    with httpx.Client(base_url=place.url, timeout=DONE_S, trust_env=False) as http:
        os.kill(process_of(place, "embedder-0"), signal.SIGSTOP)
        whole = http.post("/v1/chat/completions", json=body(message, "safe"))
        with http.stream("POST", "/v1/chat/completions", json=body(streamed, "safe-too", stream=True)) as pieces:
            for piece in pieces.iter_raw():
                if piece.endswith(DONE):
                    break
            place.kill()
    assert whole.json()["choices"][0]["message"]["content"] == SAID
    place.wait_until_unlocked()

    serving = place.start("serve")
    serving.wait_for("Ctrl-C stops it")
    with Memory(place.url) as memory:
        for reply in (whole, pieces):
            try:
                memory.operation(reply.headers["x-remora-operation"])
            except NotFound:
                raise AssertionError("a turn that was answered is lost") from None
            remembered(memory, reply.headers["x-remora-operation"])
        assert texts(memory, "safe") == ["Is it safe?", SAID]
        assert texts(memory, "safe-too") == ["Is it safe piece by piece?", SAID]
    serving.stop()


def test_the_readme_s_lines(running: Place, model: ScriptedModel) -> None:
    model.answers("I moved to Lisbon in May.", Reply("How is Lisbon?"))
    lines = lines_for("OpenAI's SDK", running.url)
    done = subprocess.run([sys.executable, "-c", lines], capture_output=True, text=True, timeout=DONE_S, check=False)
    assert done.stdout == "How is Lisbon?\n", done.stderr
