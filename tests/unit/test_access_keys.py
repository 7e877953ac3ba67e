"""Keys: what is kept of them, how long they hold, who may make which, and that every verb has its rule."""

from __future__ import annotations

import inspect
from pathlib import Path
from typing import Any

import httpx
import pytest
from fastapi import FastAPI
from pydantic import SecretStr

from engine.access.guarded import RULES, guarded
from engine.access.key_file import KeyFile
from engine.access.keys import Principal, Role, found
from engine.access.making import issued, ordered, revoked, rotated
from engine.api import MemoryApi
from engine.config import AccessSettings, Settings
from engine.errors import Forbidden, InvalidInput, NotFound, TooLarge, Unavailable
from engine.types import Scope
from serve_app.application import create_app
from tests.unit.test_http_auth import Ready

NOW_S = 1_800_000_000.0


class Clock:
    def __init__(self) -> None:
        self.now_s = 0.0

    def __call__(self) -> float:
        return self.now_s


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def file(tmp_path: Path, clock: Clock) -> KeyFile:
    return KeyFile(tmp_path / "keys.json", clock)


def new(file: KeyFile, who: Principal | None = None, **asked: Any) -> dict[str, Any]:
    return issued(file, {"name": "app", **asked}, who, "default", NOW_S)


def opens(file: KeyFile, key: str, now_s: float = NOW_S) -> bool:
    return found(file.read(), key, now_s) is not None


def test_every_verb_has_a_rule_and_one_without_is_refused() -> None:
    verbs = {name for name, _ in inspect.getmembers(MemoryApi, inspect.isfunction) if not name.startswith("_")}
    assert set(RULES) == verbs


async def test_what_no_rule_knows_is_refused() -> None:
    api: Any = guarded(Ready(), Principal("k", "default", Role.ADMIN, Scope()))  # type: ignore[arg-type]
    with pytest.raises(Forbidden):
        await api.close()


def test_a_key_is_shown_once_and_only_its_hash_is_kept(file: KeyFile, tmp_path: Path) -> None:
    made = new(file)
    assert opens(file, made["key"])
    kept = (tmp_path / "keys.json").read_text()
    assert made["key"] not in kept
    assert made["key"].rsplit("_", 1)[1] not in kept
    assert (tmp_path / "keys.json").stat().st_mode & 0o777 == 0o600
    [listed] = ordered(file, None, NOW_S)
    assert "key" not in listed
    assert (listed["name"], listed["role"], listed["state"]) == ("app", "write", "active")


@pytest.mark.parametrize("change", [lambda key: key[:-1] + "!", lambda key: key[:-2], lambda key: f"{key}a", str.upper])
def test_what_is_nearly_a_key_opens_nothing(file: KeyFile, change: Any) -> None:
    key = new(file)["key"]
    assert opens(file, key)
    assert not opens(file, change(key))
    assert not opens(file, key[:16] + "x" * 43)


def test_a_key_ends_when_it_is_to(file: KeyFile) -> None:
    key = new(file, expires_in_s=60)["key"]
    assert opens(file, key, NOW_S + 59)
    assert not opens(file, key, NOW_S + 60)
    assert [one["state"] for one in ordered(file, None, NOW_S + 61)] == ["expired"]


def test_a_revoked_key_opens_nothing_and_is_still_listed(file: KeyFile) -> None:
    made = new(file)
    assert revoked(file, made["id"], None, NOW_S + 1)["state"] == "revoked"
    assert not opens(file, made["key"])
    assert revoked(file, made["id"], None, NOW_S + 9)["revoked_s"] == NOW_S + 1
    with pytest.raises(NotFound):
        rotated(file, made["id"], None, None, NOW_S + 2)


def test_the_old_secret_holds_for_a_while_beside_the_new_one(file: KeyFile) -> None:
    made = new(file)
    second = rotated(file, made["id"], 60, None, NOW_S)
    assert [opens(file, one["key"], NOW_S + 59) for one in (made, second)] == [True, True]
    assert [opens(file, one["key"], NOW_S + 60) for one in (made, second)] == [False, True]
    third = rotated(file, made["id"], 0, None, NOW_S + 10)
    assert [opens(file, one["key"], NOW_S + 11) for one in (made, second, third)] == [False, False, True]


def test_what_another_process_changes_takes_hold_within_a_second(file: KeyFile, tmp_path: Path, clock: Clock) -> None:
    made = new(file)
    other = KeyFile(tmp_path / "keys.json", clock)
    assert opens(other, made["key"])
    revoked(file, made["id"], None, NOW_S)
    clock.now_s += 1.0
    assert not opens(other, made["key"])
    (tmp_path / "keys.json").unlink()
    clock.now_s += 1.0
    assert other.read() == {}


def test_a_file_that_is_none_of_keys_opens_nothing(file: KeyFile, tmp_path: Path) -> None:
    (tmp_path / "keys.json").write_text('{"version": 2, "keys": []}')
    with pytest.raises(Unavailable, match=r"keys\.json"):
        file.read()
    with pytest.raises(Unavailable):
        new(file)


@pytest.mark.parametrize(
    "asked",
    [
        {"name": ""},
        {"name": "x" * 101},
        {"name": 5},
        {"role": "owner"},
        {"project": "two words"},
        {"user_id": " "},
        {"user_id": 5},
        {"expires_in_s": 0},
        {"expires_in_s": "soon"},
        {"expires_in_s": float("inf")},
        {"users": ["ana"]},
    ],
)
def test_a_key_that_cannot_be_is_not_made(file: KeyFile, asked: dict[str, Any]) -> None:
    with pytest.raises((InvalidInput, TooLarge)):
        new(file, **asked)
    assert file.read() == {}


ADMIN = Principal("a", "mine", Role.ADMIN, Scope())
ANNS = Principal("b", "mine", Role.ADMIN, Scope(user_id="ann"))


@pytest.mark.parametrize(
    ("who", "asked", "may"),
    [
        (ADMIN, {"role": "admin"}, True),
        (ADMIN, {"project": "theirs"}, False),
        (ANNS, {"user_id": "ann"}, True),
        (ANNS, {"user_id": "ann", "run_id": "r"}, True),
        (ANNS, {}, False),
        (ANNS, {"user_id": "ben"}, False),
    ],
)
def test_a_key_makes_none_that_opens_more(file: KeyFile, who: Principal, asked: dict[str, Any], *, may: bool) -> None:
    if may:
        assert new(file, who, **asked)["project"] == "mine"
        return
    with pytest.raises(Forbidden):
        new(file, who, **asked)
    assert file.read() == {}


def test_keys_of_others_are_neither_seen_nor_ended(file: KeyFile) -> None:
    theirs = new(file, project="theirs")
    mine = new(file, ADMIN)
    assert [one["id"] for one in ordered(file, ADMIN, NOW_S)] == [mine["id"]]
    with pytest.raises(NotFound):
        revoked(file, theirs["id"], ADMIN, NOW_S)
    with pytest.raises(NotFound):
        rotated(file, theirs["id"], 0, ADMIN, NOW_S)
    assert opens(file, theirs["key"])
    assert revoked(file, mine["id"], ADMIN, NOW_S)["state"] == "revoked"


def app_over(tmp_path: Path) -> FastAPI:
    memory: Any = Ready()
    settings = Settings(admin_key=SecretStr("root"), access=AccessSettings(keys_file=tmp_path / "keys.json"))
    return create_app(memory, settings)


async def test_over_http_a_key_is_made_used_rotated_and_revoked(tmp_path: Path) -> None:
    app = app_over(tmp_path)
    transport = httpx.ASGITransport(app, client=("127.0.0.1", 5))
    async with httpx.AsyncClient(transport=transport, base_url="http://remora.test") as http:
        own = {"x-api-key": "root"}
        made = (await http.post("/v1/keys/", json={"name": "app", "user_id": "ana"}, headers=own)).json()
        for header in ({"authorization": f"Token {made['key']}"}, {"authorization": f"Bearer {made['key']}"}):
            assert (await http.get("/v1/memories/", headers=header)).status_code == 200
        mine = {"x-api-key": made["key"]}
        assert (await http.get("/v1/keys/", headers=mine)).status_code == 403
        again = (await http.post(f"/v1/keys/{made['id']}/rotate/", headers=own)).json()
        assert (again["id"], again["key"] != made["key"]) == (made["id"], True)
        assert (await http.get("/v1/memories/", headers={"x-api-key": again["key"]})).status_code == 200
        assert [one["id"] for one in (await http.get("/v1/keys/", headers=own)).json()["results"]] == [made["id"]]
        assert (await http.delete(f"/v1/keys/{made['id']}/", headers=own)).json()["state"] == "revoked"
        for key in (made["key"], again["key"]):
            reply = await http.get("/v1/memories/", headers={"x-api-key": key})
            assert (reply.status_code, "not known" in reply.json()["detail"]) == (401, True)
        assert (await http.delete("/v1/keys/0123456789ab/", headers=own)).status_code == 404
        assert (await http.post("/v1/keys/", json={"name": "x", "role": "king"}, headers=own)).status_code == 400
