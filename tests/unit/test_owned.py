"""The runtimes of this process: who shares one, and what is refused before anything is started. Nothing is started."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from actors import owned
from engine.config import Settings, load
from engine.errors import Conflict


class Running:
    """A runtime that only counts how often it is stopped."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.stopped = 0

    def stop(self) -> None:
        self.stopped += 1


def test_however_a_directory_is_named_it_has_one_runtime_that_the_last_user_stops(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    entered: list[Running] = []

    def enter(settings: Settings, *_: object, **__: object) -> Any:
        entered.append(Running(settings))
        running: Any = entered[-1]
        return owned._Entry(settings, running, ours=True, connected=False)

    monkeypatch.setattr(owned, "_entered", enter)
    (tmp_path / "other-name").symlink_to(tmp_path / "memories")
    monkeypatch.chdir(tmp_path)
    names = ["memories", tmp_path / "x" / ".." / "memories", "other-name"]

    leases = [owned.take(load(data_dir=name)) for name in names]
    assert len(entered) == 1
    for lease in leases[:-1]:
        lease.give_back()
        lease.give_back()
    assert entered[0].stopped == 0
    leases[-1].give_back()
    assert entered[0].stopped == 1


def test_a_process_with_a_ray_of_its_own_is_told_so_before_another_is_started(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def start(*_: object, **__: object) -> Any:
        raise AssertionError("started")

    monkeypatch.setattr("actors.runtime.start", start)
    monkeypatch.setattr("ray.is_initialized", lambda: True)
    monkeypatch.setattr("ray.get_runtime_context", lambda: SimpleNamespace(gcs_address="127.0.0.1:4711"))

    with pytest.raises(Conflict, match=r"connected to the Ray at 127\.0\.0\.1:4711"):
        owned.take(load(data_dir=tmp_path))
