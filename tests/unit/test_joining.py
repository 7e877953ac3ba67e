"""Which Ray an address means, whether anybody listens there, and who is shown a token unasked."""

from __future__ import annotations

import socket
from pathlib import Path
from types import SimpleNamespace

import pytest

from actors import joining
from engine.errors import Unavailable


@pytest.fixture(autouse=True)
def _no_variables(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in ("RAY_ADDRESS", "RAY_AUTH_MODE", "RAY_AUTH_TOKEN", "RAY_AUTH_TOKEN_PATH"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(joining, "_TOKEN_FILE", tmp_path / "auth_token")


@pytest.mark.parametrize(
    ("given", "meant"),
    [
        ("10.0.0.7:6379", "10.0.0.7:6379"),
        ("127.0.0.1:6379", "0.0.0.0:6379"),
        ("localhost:6379", "0.0.0.0:6379"),
        ("ray://head:10001", "ray://head:10001"),
    ],
)
def test_an_address_of_this_machine_is_one_that_ray_doesn_t_take_for_another(given: str, meant: str) -> None:
    assert joining.found(given) == meant


def test_auto_is_what_the_variable_says(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ray.is_initialized", lambda: False)
    monkeypatch.setenv("RAY_ADDRESS", "10.0.0.7:6379")
    assert joining.found("auto") == "10.0.0.7:6379"


def test_auto_is_first_of_all_the_ray_that_this_process_is_connected_to(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RAY_ADDRESS", "10.0.0.7:6379")
    monkeypatch.setattr("ray.is_initialized", lambda: True)
    monkeypatch.setattr("ray.get_runtime_context", lambda: SimpleNamespace(gcs_address="127.0.0.1:4711"))
    assert joining.found("auto") == "0.0.0.0:4711"


def test_nobody_there_is_told_at_once() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
        joining.check_listens(f"0.0.0.0:{port}")
    with pytest.raises(Unavailable, match="no Ray answers"):
        joining.check_listens(f"0.0.0.0:{port}")
    joining.check_listens("ray://head:10001")


def test_a_token_is_shown_unasked_to_this_machine_s_ray_only(monkeypatch: pytest.MonkeyPatch) -> None:
    assert joining.auth_mode("0.0.0.0:6379") is None
    joining._TOKEN_FILE.write_text("t")
    assert joining.auth_mode("0.0.0.0:6379") == "token"
    assert joining.auth_mode("10.0.0.7:6379") is None
    monkeypatch.setenv("RAY_AUTH_MODE", "disabled")
    assert joining.auth_mode("0.0.0.0:6379") is None
