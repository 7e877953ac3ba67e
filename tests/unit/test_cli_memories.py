"""The verbs of `remora` over the real HTTP application, its memory in this process: what is shown, asked, refused."""

from __future__ import annotations

import io
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from remora.cli import main
from tests.unit.served import served

UUID = r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}"


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    with served() as url:
        yield url


@pytest.fixture(autouse=True)
def _here(url: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("REMORA_URL", url)
    for name in ("REMORA_API_KEY", "REMORA_ADMIN_KEY"):
        monkeypatch.delenv(name, raising=False)


class Shown:
    """What a command has said, and its exit code."""

    def __init__(self, code: int, out: str, err: str) -> None:
        self.code, self.out, self.err = code, out, err

    @property
    def json(self) -> Any:
        return json.loads(self.out)


@pytest.fixture
def remora(capsys: pytest.CaptureFixture[str]) -> Any:
    def run(*arguments: str) -> Shown:
        with pytest.raises(SystemExit) as stopped:
            main(list(arguments))
        shown = capsys.readouterr()
        return Shown(int(stopped.value.code or 0), shown.out, shown.err)

    return run


@pytest.fixture
def user(request: pytest.FixtureRequest) -> str:
    return f"user of {request.node.name}"


def add(remora: Any, text: str, user: str, *more: str) -> str:
    shown = remora("add", text, "--user-id", user, "--json", *more)
    assert shown.code == 0, shown.err
    return str(shown.json["results"][0]["id"])


def test_a_memory_is_listed_shown_changed_and_deleted(remora: Any, user: str) -> None:
    memory_id = add(remora, "I live in Porto.", user, "--name", "Ana", "--timestamp", "2026-05-01")
    listed = remora("list", "--user-id", user)
    assert listed.out == f"2026-05-01\t{memory_id}\tAna: I live in Porto.\n"

    whole = remora("get", memory_id)
    assert re.search(r"^memory +I live in Porto\.$", whole.out, re.MULTILINE)
    assert re.search(rf"^user_id +{re.escape(user)}$", whole.out, re.MULTILINE)

    changed = remora("update", memory_id, "I live in Lisbon.", "--metadata", '{"source": "call"}')
    assert changed.code == 0
    assert "I live in Lisbon." in changed.out
    assert remora("get", memory_id, "--json").json["metadata"] == {"source": "call"}

    assert remora("delete", memory_id).code == 0
    history = remora("history", memory_id).out.splitlines()
    assert [row.split("\t")[1:] for row in history] == [
        ["ADD", "", "I live in Porto."],
        ["UPDATE", "I live in Porto.", "I live in Lisbon."],
        ["DELETE", "I live in Lisbon.", ""],
    ]
    gone = remora("get", memory_id)
    assert (gone.code, gone.out) == (3, "")


def test_an_expiry_is_set_and_cleared(remora: Any, user: str) -> None:
    memory_id = add(remora, "The offer stands.", user, "--expires", "2999-01-01")
    assert remora("get", memory_id, "--json").json["expiration_date"] == "2999-01-01"
    assert remora("update", memory_id, "--expires", "never").code == 0
    assert remora("get", memory_id, "--json").json["expiration_date"] is None


def test_a_page_says_that_there_is_more(remora: Any, user: str) -> None:
    for number in range(3):
        add(remora, f"Note {number}", user)
    first = remora("list", "--user-id", user, "--page-size", "2")
    assert len(first.out.splitlines()) == 2
    assert "2 of 3" in first.err
    assert len(remora("list", "--user-id", user, "--page", "2", "--page-size", "2").out.splitlines()) == 1


def test_explained_hits_show_the_parts_of_their_score(remora: Any, user: str) -> None:
    add(remora, "The cat is called Momo.", user)
    (row,) = remora("search", "cat Momo", "--user-id", user, "--explain").out.splitlines()
    score, *parts, _, text = row.split("\t")
    assert len(parts) == 4
    assert sum(map(float, parts)) == pytest.approx(float(score), abs=0.02)
    assert text == "The cat is called Momo."


def test_an_add_without_waiting_can_be_followed(remora: Any, user: str) -> None:
    accepted = remora("add", "Later.", "--user-id", user, "--no-wait")
    operation_id = re.search(UUID, accepted.out)
    assert operation_id, accepted.out
    shown = remora("operations", operation_id[0])
    assert re.search(rf"^id +{operation_id[0]}$", shown.out, re.MULTILINE)
    assert remora("operations", operation_id[0], "--json").json["status"] in {"PENDING", "RUNNING", "SUCCEEDED"}


def test_the_same_idempotency_key_adds_once(remora: Any, user: str) -> None:
    first = add(remora, "Once.", user, "--idempotency-key", "k1")
    assert add(remora, "Once.", user, "--idempotency-key", "k1") == first
    other = remora("add", "Twice.", "--user-id", user, "--idempotency-key", "k1")
    assert other.code == 2
    assert "key" in other.err


def test_entities_tell_who_has_memories(remora: Any, user: str) -> None:
    add(remora, "Hello.", user)
    rows = [row.split("\t") for row in remora("entities", "--page-size", "1000").out.splitlines()]
    assert [row[:2] for row in rows if row[-1] == user] == [["user", "1"]]
    names = {one["name"] for one in remora("entities", "--page-size", "1000", "--json").json["results"]}
    assert user in names


# --- delete --all ----------------------------------------------------------------------------------------------------


def test_all_of_a_scope_goes_and_nothing_else(remora: Any, user: str) -> None:
    add(remora, "Mine.", user)
    add(remora, "Another's.", f"{user} too")
    deleted = remora("delete", "--all", "--user-id", user, "--yes", "--json")
    assert (deleted.code, deleted.json["count"]) == (0, 1)
    assert remora("list", "--user-id", user, "--json").json["count"] == 0
    assert remora("list", "--user-id", f"{user} too", "--json").json["count"] == 1


class Terminal(io.StringIO):
    """Standard input with somebody at it, who types this."""

    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize(("typed", "left"), [("n\n", 1), ("y\n", 0)])
def test_whoever_sits_there_is_asked(
    remora: Any, user: str, typed: str, left: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    add(remora, "Mine.", user)
    monkeypatch.setattr("sys.stdin", Terminal(typed))
    asked = remora("delete", "--all", "--user-id", user)
    assert f"Delete 1 memory of user {user}?" in asked.err
    assert asked.code == left
    assert remora("list", "--user-id", user, "--json").json["count"] == left


@pytest.mark.parametrize(
    "arguments",
    [
        (),
        ("--all",),
        ("--all", "--yes"),
        ("an-id", "--all", "--user-id", "u"),
        ("an-id", "--user-id", "u"),
        ("--user-id", "u"),
        ("--all", "--user-id", "u"),  # nobody can be asked, and --yes is missing
    ],
)
def test_a_deletion_that_could_mean_more_is_refused(
    remora: Any, arguments: tuple[str, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO("y\n"))
    add(remora, "Stays.", "u")
    refused = remora("delete", *arguments)
    assert (refused.code, refused.out) == (2, "")
    assert remora("list", "--user-id", "u", "--json").json["count"] == 1


# --- files -----------------------------------------------------------------------------------------------------------

FILES = {
    "notes.txt": "First note\n\nSecond note\n",
    "chat.jsonl": '{"role": "user", "content": "First note"}\n"Second note"\n',
    "chat.json": '[{"content": "First note", "name": "Ana"}, {"messages": "Second note"}]',
    "export.json": '{"messages": [{"content": "First note"}, {"content": "Second note"}]}',
}


@pytest.mark.parametrize("name", FILES)
def test_a_file_of_messages_is_added(remora: Any, user: str, name: str, tmp_path: Path) -> None:
    (tmp_path / name).write_text(FILES[name])
    added = remora("add", "--file", name, "--user-id", user)
    assert (added.code, added.out) == (0, "2 added\n"), added.err
    assert "2 of 2" in added.err
    texts = {one["memory"] for one in remora("list", "--user-id", user, "--json").json["results"]}
    assert texts == {"First note", "Second note"}
    assert remora("add", "--file", name, "--user-id", user).out == "2 known already\n"


def test_many_messages_travel_in_parts_and_come_back_in_order(remora: Any, user: str, tmp_path: Path) -> None:
    said = [f"Note number {number}" for number in range(250)]
    (tmp_path / "notes.txt").write_text("\n".join(said))
    answer = remora("add", "-f", "notes.txt", "--user-id", user, "--json").json
    assert answer["count"] == 250
    assert [one["results"][0]["memory"] for one in answer["results"]] == said


def test_what_is_refused_in_a_file_is_named_and_the_rest_is_kept(remora: Any, user: str, tmp_path: Path) -> None:
    good, bad = {"content": "Good"}, {"messages": [{"role": "user", "content": "Bad"}], "user_id": "x" * 5000}
    (tmp_path / "chat.jsonl").write_text(f"{json.dumps(good)}\n{json.dumps(bad)}\n")
    shown = remora("add", "-f", "chat.jsonl", "--user-id", user)
    assert shown.code == 2
    assert shown.out == "1 added, 1 failed\n"
    assert "entry 2: " in shown.err


@pytest.mark.parametrize(
    ("name", "content", "place"),
    [
        ("chat.jsonl", '{"content": "a"}\n{"content"\n', "line 2"),
        ("chat.jsonl", '{"text": "a"}\n', "line 1"),
        ("chat.json", "[1]", "entry 1"),
        ("chat.json", "{", "chat.json"),
        ("empty.txt", "\n", "empty.txt"),
    ],
)
def test_a_file_that_is_wrong_is_refused_as_a_whole(
    remora: Any, user: str, name: str, content: str, place: str, tmp_path: Path
) -> None:
    (tmp_path / name).write_text(content)
    refused = remora("add", "-f", name, "--user-id", user)
    assert (refused.code, refused.out) == (2, "")
    assert place in refused.err
    assert remora("list", "--user-id", user, "--json").json["count"] == 0


def test_a_file_that_is_missing_is_named(remora: Any) -> None:
    refused = remora("add", "-f", "nowhere.json", "--user-id", "u")
    assert refused.code == 2
    assert "nowhere.json" in refused.err


def test_lines_of_json_come_from_a_pipe(remora: Any, user: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO('{"content": "One"}\n{"content": "Two"}\n'))
    assert remora("add", "-f", "-", "--user-id", user).out == "2 added\n"


# --- wrong calls -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("arguments", "code", "exit_code"),
    [
        (("get", "00000000-0000-8000-8000-000000000000"), "not_found", 3),
        (("get", "no id"), "invalid_input", 2),
        (("operations", "00000000-0000-8000-8000-000000000000"), "not_found", 3),
        (("search", "q"), "invalid_input", 2),
        (("search", "q", "--user-id", "u", "--filters", "{"), "invalid_input", 2),
        (("update", "00000000-0000-8000-8000-000000000000"), "invalid_input", 2),
        (("add", "text"), "invalid_input", 2),
        (("add",), "invalid_input", 2),
        (("add", "text", "--file", "notes.txt"), "invalid_input", 2),
        (("delete", "--all"), "invalid_input", 2),
        (("search",), "invalid_input", 2),
        (("list", "--page", "none"), "invalid_input", 2),
        (("fly",), "invalid_input", 2),
        (("list", "--user-id", "u", "--url", "http://127.0.0.1:1"), "unavailable", 4),
    ],
)
def test_with_json_an_error_is_json_too(remora: Any, arguments: tuple[str, ...], code: str, exit_code: int) -> None:
    refused = remora(*arguments, "--json")
    assert (refused.code, refused.out) == (exit_code, "")
    error = json.loads(refused.err)
    assert error["code"] == code
    assert error["detail"]
    assert set(error) == {"detail", "error", "code", "details", "request_id"}
