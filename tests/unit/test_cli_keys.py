"""`remora keys`, on the file of a data directory."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any

import pytest

from engine.access.key_file import KeyFile
from engine.access.keys import Key, found
from remora.cli import main


@pytest.fixture
def remora(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> Any:
    def run(*arguments: str) -> tuple[int, str, str]:
        code: Any = 0
        try:
            main(["keys", *arguments, "--data-dir", str(tmp_path)])
        except SystemExit as stopped:
            code = stopped.code or 0
        shown = capsys.readouterr()
        return code, shown.out, shown.err

    return run


def opened(tmp_path: Path, key: str) -> Key | None:
    return found(KeyFile(tmp_path / "keys.json", time.monotonic).read(), key, time.time())


def test_a_key_is_made_listed_rotated_and_revoked(remora: Any, tmp_path: Path) -> None:
    code, out, err = remora("create", "ana's phone", "--role", "read", "--user-id", "ana", "--days", "30")
    key = out.strip()
    known = opened(tmp_path, key)
    assert (code, known is not None and known.role.value, "not shown again" in err) == (0, "read", True)
    assert known is not None
    code, out, _ = remora("list")
    assert all(word in out for word in (known.key_id, "ana's phone", "read", "user_id=ana", "active"))
    assert key not in out
    code, out, _ = remora("rotate", known.key_id, "--overlap-hours", "0", "--json")
    second = json.loads(out)["key"]
    assert (opened(tmp_path, key), opened(tmp_path, second) is not None) == (None, True)
    assert remora("revoke", known.key_id)[0] == 0
    assert opened(tmp_path, second) is None
    entries = json.loads(remora("log", "--json")[1])["results"]
    assert [(one["action"], one["who"], one["id"]) for one in entries] == [
        (action, "local", known.key_id) for action in ("revoke_key", "rotate_key", "create_key")
    ]
    assert "rotate_key" in remora("log")[1]


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("create", "x", "--role", "king"), "role should be one of"),
        (("create", " "), "name"),
        (("revoke", "0123456789ab"), "no key"),
        (("rotate", "0123456789ab"), "no key"),
    ],
)
def test_what_cannot_be_says_why(remora: Any, arguments: tuple[str, ...], says: str) -> None:
    code, _, err = remora(*arguments)
    assert code != 0
    assert says in err
