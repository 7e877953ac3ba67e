"""`remora import`: what it reads, shows and exits with, over the real HTTP application."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from remora.cli import main
from tests.unit.served import served

FROM = ("import", "--from", "mem0")


@pytest.fixture
def url() -> Iterator[str]:
    with served() as url:
        yield url


@pytest.fixture
def remora(capsys: pytest.CaptureFixture[str]) -> Any:
    def run(*arguments: str) -> tuple[int, str, str]:
        with pytest.raises(SystemExit) as stopped:
            main(list(arguments))
        shown = capsys.readouterr()
        return int(stopped.value.code or 0), shown.out, shown.err

    return run


@pytest.fixture
def export(tmp_path: Path) -> Path:
    rows = [{"id": f"{n}", "memory": f"fact {n}", "user_id": f"u{n % 2}"} for n in range(3)]
    file = tmp_path / "export.jsonl"
    file.write_text("\n".join(json.dumps(one) for one in [*rows, {"id": "9", "memory": "whose?"}]))
    return file


def test_a_file_is_taken_and_the_row_that_cannot_be_is_named(remora: Any, url: str, export: Path) -> None:
    code, out, err = remora(*FROM, "--file", str(export), "--url", url)
    assert (code, out) == (1, "4 rows read, 2 scopes\n3 memories added, 0 known already\n")
    assert "row 4: has none of user_id" in err
    code, out, _ = remora(*FROM, "--file", str(export), "--url", url, "--json")
    assert (code, json.loads(out)) == (
        1,
        {
            "read": 4,
            "scopes": 2,
            "twice": 0,
            "expired": 0,
            "added": 0,
            "known": 3,
            "under_way": 0,
            "bad": [{"row": 4, "reason": "has none of user_id, agent_id, app_id, run_id"}],
        },
    )
    code, out, _ = remora("list", "--user-id", "u0", "--url", url, "--json")
    assert [one["memory"] for one in json.loads(out)["results"]] == ["fact 2", "fact 0"]


def test_a_dry_run_asks_no_remora(remora: Any, export: Path) -> None:
    code, out, err = remora(*FROM, "--file", str(export), "--dry-run", "--url", "http://127.0.0.1:1")
    assert (code, out) == (1, "4 rows read, 2 scopes\n3 memories to import; nothing was stored\n")
    assert "row 4" in err


def test_a_server_is_read_and_taken(remora: Any, url: str, export: Path) -> None:
    remora(*FROM, "--file", str(export), "--url", url)
    code, out, _ = remora(*FROM, "--mem0-url", url, "--mem0-key", "any", "--dry-run", "--json")
    assert (code, json.loads(out)["to_import"]) == (0, 3)
    code, out, _ = remora(*FROM, "--mem0-url", url, "--url", url, "--json")
    assert (code, json.loads(out)["added"], json.loads(out)["known"]) == (0, 0, 3)


@pytest.mark.parametrize(
    "arguments",
    [
        (*FROM,),
        (*FROM, "--file", "a.json", "--mem0-url", "http://127.0.0.1:1"),
        ("import", "--from", "letta", "--file", "a.json"),
        ("import", "--file", "a.json"),
        (*FROM, "--file", "not there.json"),
        (*FROM, "--qdrant", "not there"),
        (*FROM, "--mem0-url", "no address"),
    ],
)
def test_a_call_that_says_too_little_or_too_much_is_wrong(remora: Any, arguments: tuple[str, ...]) -> None:
    code, out, _ = remora(*arguments)
    assert (code, out) == (2, "")
