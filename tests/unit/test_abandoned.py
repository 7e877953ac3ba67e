"""What a killed runtime has left in a Ray that it had joined, where that Ray is gone too. The rest: integration."""

from __future__ import annotations

import socket
from pathlib import Path

from actors import runtime
from actors.run_directory import Record, RunDirectory
from engine.config import load


def test_down_forgets_actors_that_went_with_their_ray(tmp_path: Path) -> None:
    with socket.socket() as nobody:
        nobody.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{nobody.getsockname()[1]}"
    directory = RunDirectory(tmp_path)
    directory.path.mkdir()
    directory.write(
        Record(version="1", state="ready", mode="remora up", pid=1, started_s=0.0, address=address, joined=True)
    )

    assert runtime.stop(load(data_dir=tmp_path)) is False
    assert directory.read() is None
    assert not directory.locked()
