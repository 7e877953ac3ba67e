"""Mem0's own clients, unmodified, over real HTTP against a whole runtime: its Python SDK, sync and async, its npm
client, and both of its command lines.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import httpx
import pytest

from remora import Memory
from remora.errors import Forbidden, Unauthorized
from tests.acceptance.faces.face import Refused
from tests.acceptance.mem0_clients import places
from tests.acceptance.place import START_DEADLINE_S, STOP_DEADLINE_S, Place
from tests.acceptance.readme import lines_for

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]

KEY = "the-key"
SAID = "I moved to Lisbon in May."
REVOKED_S = 10.0
"""It is a second, on a machine that isn't busy."""
NOBODY = "00000000-0000-8000-8000-000000000000"


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    place = Place(tmp_path_factory.mktemp("mem0"))
    place.environment |= {
        "REMORA_EMBED_MODEL": "hashing",
        "REMORA_EXTRACT_ENTITIES": "none",
        "REMORA_ADMIN_KEY": KEY,
    }
    up = place.run("up", timeout_s=START_DEADLINE_S)
    assert up.returncode == 0, up.stdout + up.stderr
    yield place
    place.run("down", timeout_s=STOP_DEADLINE_S)
    place.close()


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("home")


@pytest.fixture
def user() -> str:
    """Somebody whom no other test knows."""
    return f"ana-{uuid.uuid4().hex[:8]}/b c@x"


# --- the Python SDK --------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module", params=["sync", "async"])
def sdk(request: pytest.FixtureRequest, running: Place, home: Path) -> Iterator[places.Sdk]:
    sdk = places.Sdk(request.param, home)
    sdk.call("connect", api_key=KEY, host=f"{running.url}/" if request.param == "async" else running.url)
    yield sdk
    sdk.close()


def raised(sdk: places.Sdk, method: str, *arguments: Any, **fields: Any) -> tuple[str, str]:
    """The class and the message of what a call raises."""
    with pytest.raises(Refused) as caught:
        sdk.call(method, *arguments, **fields)
    return caught.value.code, caught.value.message


def kept(sdk: places.Sdk, *texts: str, **fields: Any) -> list[str]:
    """The ids of what was kept of these texts."""
    answer = sdk.call("add", [{"role": "user", "content": text} for text in texts], infer=False, **fields)
    assert answer["status"] == "SUCCEEDED"
    return [row["id"] for row in answer["results"]]


def texts(sdk: places.Sdk, **filters: Any) -> list[str]:
    return sorted(row["memory"] for row in sdk.call("get_all", filters=filters)["results"])


def test_a_wrong_key_is_noticed_when_the_client_is_made(running: Place, home: Path) -> None:
    for kind in ("sync", "async"):
        sdk = places.Sdk(kind, home)
        assert raised(sdk, "connect", api_key="wrong", host=running.url) == (
            "ValueError",
            "Error: this key is not known, or has ended",
        )
        sdk.close()


@pytest.mark.parametrize("messages", ["I like green tea", {"role": "user", "content": "I like green tea"}])
def test_what_is_added_is_found_listed_and_read(sdk: places.Sdk, user: str, messages: Any) -> None:
    answer = sdk.call("add", messages, user_id=user, metadata={"someKey": {"innerKey": 1}})
    [row] = answer["results"]
    assert (answer["status"], row["event"], row["memory"]) == ("SUCCEEDED", "ADD", "I like green tea")
    [found] = sdk.call("search", "  green tea ", filters={"user_id": user}, top_k=3, threshold=0.3)["results"]
    assert (found["id"], 0.3 <= found["score"] <= 1) == (row["id"], True)
    page = sdk.call("get_all", filters={"AND": [{"user_id": user}]}, page=1, page_size=50)
    assert (page["count"], page["next"], page["previous"], page["results"][0]["id"]) == (1, None, None, row["id"])
    memory = sdk.call("get", row["id"])
    assert (memory["memory"], memory["user_id"], memory["metadata"]) == (
        "I like green tea", user, {"someKey": {"innerKey": 1}}
    )  # fmt: skip


def test_options_carry_the_scope_in_filters(sdk: places.Sdk, user: str) -> None:
    [one] = kept(sdk, "one", options=["AddMemoryOptions", {"filters": {"user_id": user}}])
    other = f"{user}-2"
    kept(sdk, "two", options=["AddMemoryOptions", {"filters": {"user_id": other, "run_id": "5"}}])
    asked = ["SearchMemoryOptions", {"filters": {"user_id": user}, "threshold": 0.0, "fields": ["memory"]}]
    assert [row["memory"] for row in sdk.call("search", "one", options=asked)["results"]] == ["one"]
    assert sdk.call("get_all", options=["GetAllMemoryOptions", {"filters": {"user_id": user}}])["count"] == 1
    assert sdk.call("update", one, options=["UpdateMemoryOptions", {"text": "eins"}])["memory"] == "eins"
    sdk.call("delete_all", options=["DeleteAllMemoryOptions", {"filters": {"user_id": user}}])
    assert (texts(sdk, user_id=user), texts(sdk, user_id=other)) == ([], ["two"])


def test_pages_lead_through_everything(sdk: places.Sdk, user: str) -> None:
    kept(sdk, *(f"note {number}" for number in range(5)), user_id=user)
    seen: list[str] = []
    for page in (1, 2, 3):
        answer = sdk.call("get_all", filters={"user_id": user}, page=page, page_size=2)
        assert (answer["count"], answer["next"] is None, answer["previous"] is None) == (5, page == 3, page == 1)
        seen += [row["memory"] for row in answer["results"]]
    assert sorted(seen) == [f"note {number}" for number in range(5)]


def test_a_memory_changes_and_its_history_tells_it_all(sdk: places.Sdk, user: str) -> None:
    [one] = kept(sdk, "tea", user_id=user, expiration_date="2099-01-31")
    changed = sdk.call("update", one, text="coffee", metadata={"k": 1})
    assert (changed["memory"], changed["metadata"], changed["expiration_date"]) == ("coffee", {"k": 1}, "2099-01-31")
    assert sdk.call("update", one, expiration_date=None)["expiration_date"] is None
    rated = sdk.call("feedback", one, feedback="NEGATIVE", feedback_reason="It was tea.")
    assert rated == {"id": one, "feedback": "NEGATIVE", "feedback_reason": "It was tea."}
    assert sdk.call("delete", one, delete_linked=True)["message"] == "Memory deleted successfully!"
    told = [(entry["event"], entry["old_memory"], entry["new_memory"]) for entry in sdk.call("history", one)]
    assert [told[0], told[-1]] == [("ADD", None, "tea"), ("DELETE", "coffee", None)]
    assert ("UPDATE", "tea", "coffee") in told
    assert raised(sdk, "get", one)[0] == "MemoryNotFoundError"


def test_batches_change_and_delete(sdk: places.Sdk, user: str) -> None:
    one, two, three = kept(sdk, "one", "two", "three", user_id=user)
    changes = [{"memory_id": one, "text": "eins"}, {"memory_id": two, "text": "zwei"}]
    assert sdk.call("batch_update", changes)["message"] == "Successfully updated 2 memories"
    named = [{"memory_id": one}, {"memory_id": three}]
    assert sdk.call("batch_delete", named)["message"] == "Successfully deleted 2 memories"
    assert texts(sdk, user_id=user) == ["zwei"]
    assert raised(sdk, "batch_delete", [{"memory_id": {"memory_id": two}}])[0] == "ValidationError"


def test_a_deletion_without_a_filter_or_with_one_that_is_not_understood_deletes_nothing(
    sdk: places.Sdk, user: str
) -> None:
    kept(sdk, "tea", user_id=user, metadata={"k": "v"})
    for fields in ({}, {"user_id": user, "metadata": {"k": "v"}}, {"filters": {"user_id": user, "metadata": {"k": 1}}}):
        assert raised(sdk, "delete_all", **fields)[0] == "ValidationError", fields
    assert texts(sdk, user_id=user) == ["tea"]
    sdk.call("delete_all", user_id=user)
    assert texts(sdk, user_id=user) == []


def test_entities_are_listed_and_deleted_by_their_names(sdk: places.Sdk, user: str) -> None:
    kept(sdk, "tea", user_id=user)
    kept(sdk, "coffee", user_id=5)
    named = {(one["type"], one["name"], one["total_memories"]) for one in sdk.call("users")["results"]}
    assert {("user", user, 1), ("user", "5", 1)} <= named
    assert sdk.call("delete_users", user_id=user) == {"message": "Entity deleted successfully."}
    sdk.call("delete_users", user_id="5")
    left = {(one["type"], one["name"]) for one in sdk.call("users")["results"]}
    assert not {("user", user), ("user", "5")} & left


def test_errors_are_the_sdk_s_own_and_say_what_the_server_said(sdk: places.Sdk, user: str) -> None:
    assert raised(sdk, "get", NOBODY) == ("MemoryNotFoundError", "Memory not found!")
    kind, message = raised(sdk, "get", "nonsense")
    assert (kind, "valid UUID" in message) == ("ValidationError", True)
    kind, message = raised(sdk, "search", "tea", filters={"user_id": user, "colour": "red"})
    assert (kind, "colour" in message) == ("ValidationError", True)
    assert raised(sdk, "get_all")[0] == raised(sdk, "add", "tea")[0] == "ValidationError"
    kind, message = raised(sdk, "get_webhooks", "p")
    assert (kind, "docs/compatibility.md" in message) == ("MemoryError", True)


def test_memories_are_exported_and_summed_up(sdk: places.Sdk, user: str) -> None:
    kept(sdk, "I like tea", "I live in Rome", user_id=user)
    schema = {"type": "object", "properties": {"facts": {"type": "array", "items": {"type": "string"}}}}
    made = sdk.call("create_memory_export", json.dumps(schema), filters={"user_id": user})
    for wanted in ({"memory_export_id": made["id"]}, {"filters": {"user_id": user}}):
        assert sorted(sdk.call("get_memory_export", **wanted)["facts"]) == ["I like tea", "I live in Rome"]
    assert raised(sdk, "get_memory_export", memory_export_id=NOBODY)[0] == "MemoryNotFoundError"
    assert sdk.call("get_summary", {"user_id": user})["count"] == 2


def test_a_project_s_settings_are_read_and_set(sdk: places.Sdk) -> None:
    wanted = {"custom_instructions": "Prices matter.", "custom_categories": [{"home": "Where somebody lives."}]}
    sdk.call("project.update", **wanted)
    assert sdk.call("project.get", fields=[*wanted]) == wanted
    assert raised(sdk, "project.get_members")[0] == "MemoryError"


def test_a_reset_leaves_nothing(sdk: places.Sdk, user: str) -> None:
    kept(sdk, "tea", user_id=user, agent_id="bot")
    kept(sdk, "coffee", app_id="the app")
    sdk.call("reset")
    assert sdk.call("users")["count"] == 0
    kept(sdk, "tea", user_id=user, agent_id="bot")
    sdk.call("delete_all", user_id="*", agent_id="*", app_id="*", run_id="*")
    assert sdk.call("users")["count"] == 0


# --- the npm client --------------------------------------------------------------------------------------------------


def test_the_npm_client_does_the_same(running: Place, home: Path, user: str) -> None:
    npm = places.Sdk("npm", home)
    npm.call("connect", {"apiKey": KEY, "host": f"{running.url}/"})
    said = [{"role": "user", "content": "I like green tea"}]
    added = npm.call("add", said, {"userId": user, "infer": False, "metadata": {"some_key": 1}})
    [row] = added["results"]
    assert (added["status"], bool(added["eventId"]), row["event"]) == ("SUCCEEDED", True, "ADD")
    [found] = npm.call("search", "green tea", {"filters": {"userId": user}})["results"]
    assert (found["id"], found["metadata"], found["userId"]) == (row["id"], {"some_key": 1}, user)
    page = npm.call("getAll", {"filters": {"user_id": user}, "page": 1, "pageSize": 10})
    assert (page["count"], page["results"][0]["id"]) == (1, row["id"])
    assert npm.call("update", row["id"], {"text": "I like coffee"})["memory"] == "I like coffee"
    assert npm.call("get", row["id"])["memory"] == "I like coffee"
    assert [entry["event"] for entry in npm.call("history", row["id"])] == ["ADD", "UPDATE"]
    assert user in {one["name"] for one in npm.call("users", {"page": 1, "pageSize": 100})["results"]}
    npm.call("batchUpdate", [{"memoryId": row["id"], "text": "I like water"}])
    assert raised(npm, "batchDelete", [{"memory_id": row["id"]}])[0] == "ValidationError"
    assert npm.call("get", row["id"])["memory"] == "I like water"
    npm.call("batchDelete", [row["id"]])
    assert raised(npm, "get", row["id"])[0] == "MemoryNotFoundError"
    npm.call("add", said, {"userId": user, "infer": False})
    npm.call("deleteAll", {"userId": user})
    assert npm.call("getAll", {"filters": {"user_id": user}})["count"] == 0
    npm.close()


# --- the command lines -----------------------------------------------------------------------------------------------


@pytest.fixture(scope="module", params=["python", "npm"])
def mem0(request: pytest.FixtureRequest, running: Place, home: Path) -> Callable[..., Any]:
    """A command line: its answer to a command, or an exit code and an error."""
    script = (
        str(places.python().parent / "mem0")
        if request.param == "python"
        else str(places.npm() / "node_modules" / ".bin" / "mem0")
    )
    variables = {"MEM0_BASE_URL": running.url, "MEM0_API_KEY": KEY}

    def call(*arguments: str, fails: bool = False) -> Any:
        done = places.run([script, "--json", *arguments], home, variables)
        assert (done.returncode == 1) is fails, done.stdout + done.stderr
        answer = json.loads(done.stdout or done.stderr)
        assert answer["status"] == ("error" if fails else "success")
        return answer["error"] if fails else answer["data"]

    return call


def test_a_command_line_keeps_finds_and_deletes(mem0: Callable[..., Any], user: str) -> None:
    assert mem0("status")["connected"] is True
    [added] = mem0("add", "I like green tea", "--user-id", user)
    assert (added["memory"], added["event"]) == ("I like green tea", "ADD")
    mem0("add", "word for word", "--user-id", user, "--no-infer")
    assert [row["id"] for row in mem0("search", "green tea", "--user-id", user)] == [added["id"]]
    assert len(mem0("list", "--user-id", user)) == 2
    assert mem0("get", added["id"])["memory"] == "I like green tea"
    assert mem0("update", added["id"], "I like coffee")["memory"] == "I like coffee"
    assert {"type": "user", "name": user} in mem0("entity", "list", "users")
    newest = mem0("event", "list")[0]
    assert mem0("event", "status", newest["id"])["status"] == "SUCCEEDED"
    mem0("delete", added["id"], "--force")
    mem0("delete", "--all", "--user-id", user, "--force")
    assert mem0("list", "--user-id", user) == []
    mem0("add", "tea", "--user-id", user)
    mem0("entity", "delete", "--user-id", user, "--force")
    assert mem0("list", "--user-id", user) == []


def test_a_command_line_shows_what_the_server_says(mem0: Callable[..., Any]) -> None:
    assert "filters are needed" in mem0("list", fails=True)
    mem0("get", NOBODY, fails=True)


def test_a_command_line_can_empty_the_project(mem0: Callable[..., Any], user: str) -> None:
    mem0("add", "tea", "--user-id", user)
    mem0("add", "coffee", "--agent-id", "bot")
    mem0("delete", "--all", "--project", "--force")
    assert mem0("entity", "list", "users") == mem0("entity", "list", "agents") == []


# --- keys ------------------------------------------------------------------------------------------------------------


def test_a_bound_key_is_made_used_and_revoked_while_the_server_runs(running: Place, user: str) -> None:
    made = json.loads(running.run("keys", "create", "phone", "--user-id", user, "--json").stdout)
    with Memory(running.url, api_key=made["key"]) as memory:
        memory.add("I like green tea")
        assert [row["user_id"] for row in memory.list()["results"]] == [user]
        with pytest.raises(Forbidden):
            memory.add("I like tea", user_id="somebody else")
        with pytest.raises(Forbidden):
            memory.entities()
        assert running.run("keys", "revoke", made["id"]).returncode == 0
        with pytest.raises(Unauthorized):
            list_until(memory, time.monotonic() + REVOKED_S)


def list_until(memory: Memory, deadline_s: float) -> None:
    while time.monotonic() < deadline_s:
        memory.list()


# --- curl, for the self-hosted server ---------------------------------------------------------------------------------


def curled(running: Place, path: str, *arguments: str) -> Any:
    """What curl gets."""
    command = ["curl", "-sS", "--noproxy", "*", "-H", f"X-API-Key: {KEY}", *arguments, f"{running.url}{path}"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=True)
    return json.loads(done.stdout)


def test_curl_uses_the_self_hosted_server_s_paths(running: Place, user: str) -> None:
    named = urlencode({"user_id": user})
    said = {"messages": [{"role": "user", "content": "I like green tea"}], "user_id": user, "metadata": {"kind": "x"}}
    [row] = curled(running, "/memories", "--json", json.dumps(said))["results"]
    assert (row["memory"], row["event"]) == ("I like green tea", "ADD")
    query = {"query": "green tea", "filters": {"user_id": user, "kind": "x"}}
    assert [hit["id"] for hit in curled(running, "/search", "--json", json.dumps(query))["results"]] == [row["id"]]
    assert [one["id"] for one in curled(running, f"/memories?{named}")["results"]] == [row["id"]]
    assert curled(running, f"/memories/{NOBODY}") is None
    changed = curled(running, f"/memories/{row['id']}", "-X", "PUT", "--json", '{"text": "I like coffee"}')
    assert changed == {"message": "Memory updated successfully!"}
    assert user in {one["id"] for one in curled(running, "/entities")}
    assert isinstance(curled(running, "/memories", "-X", "DELETE")["detail"], str)
    assert curled(running, f"/memories?{named}", "-X", "DELETE") == {"message": "All relevant memories deleted"}
    assert [one["event"] for one in curled(running, f"/memories/{row['id']}/history")] == ["ADD", "UPDATE", "DELETE"]


def test_the_readme_s_lines_for_curl(running: Place) -> None:
    lines = lines_for("Mem0's self-hosted server", running.url)
    with Memory(running.url, api_key=KEY) as memory:
        memory.add(SAID, user_id="ana")
        done = subprocess.run(["/bin/sh", "-ec", lines], capture_output=True, text=True, timeout=60, check=True)
        memory.delete_all(user_id="ana")
    assert SAID in done.stdout


def test_a_connection_may_idle(running: Place) -> None:
    """Longer than uvicorn lets it by default: five seconds."""
    patient = httpx.Limits(keepalive_expiry=60)
    with httpx.Client(base_url=running.url, headers={"X-API-Key": KEY}, trust_env=False, limits=patient) as http:
        first = http.get("/v1/ping/").extensions["network_stream"].get_extra_info("client_addr")
        time.sleep(7)
        assert http.get("/v1/ping/").extensions["network_stream"].get_extra_info("client_addr") == first


# --- the README's lines ----------------------------------------------------------------------------------------------


def shown(command: list[str], home: Path, running: Place) -> str:
    """What a program that finds the commands prints."""
    found = f"{places.python().parent}{os.pathsep}{os.environ['PATH']}"
    done = places.run(command, home, {"PATH": found})
    assert done.returncode == 0, done.stdout + done.stderr
    with Memory(running.url, api_key=KEY) as memory:
        assert memory.delete_all(user_id="ana")["count"] == 1
    return done.stdout


def test_the_readme_s_lines_for_python(running: Place, home: Path) -> None:
    lines = lines_for("Mem0's Python SDK", running.url)
    assert SAID in shown([str(places.python()), "-c", lines], home, running)


def test_the_readme_s_lines_for_npm(running: Place, home: Path, tmp_path: Path) -> None:
    (tmp_path / "node_modules").symlink_to(places.npm() / "node_modules")
    script = tmp_path / "lines.mjs"
    script.write_text(lines_for("Mem0's npm client", running.url))
    assert SAID in shown(["node", str(script)], home, running)


def test_the_readme_s_lines_for_the_command_line(running: Place, home: Path) -> None:
    lines = lines_for("Mem0's command lines", running.url)
    assert lines.count(SAID) == 1
    assert shown(["/bin/sh", "-ec", lines], home, running).count(SAID) == 2  # kept, and found


def test_the_readme_s_lines_for_the_library(running: Place, home: Path) -> None:
    lines = lines_for("Mem0's library", running.url)
    code = f"import os; os.environ['REMORA_API_KEY'] = {KEY!r}\n{lines}"
    assert SAID in shown([sys.executable, "-c", code], home, running)
