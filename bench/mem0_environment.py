"""An environment for mem0 that has nothing to do with Remora's: made once, kept in the user's cache."""

from __future__ import annotations

import os
import subprocess
import venv
from collections.abc import Sequence
from importlib.metadata import version
from pathlib import Path

MEM0 = "mem0ai==2.2.1"
_SAME = ("torch", "transformers", "tokenizers", "sentence-transformers", "numpy")
"""Packages that must not differ between the two: what runs the model."""

_LIMIT_S = 1800


MILVUS = ("pymilvus", "milvus-lite")
"""What mem0 needs to keep vectors in Milvus Lite. Its local Qdrant comes with it."""


def requirements(more: Sequence[str] = ()) -> list[str]:
    """mem0 at the compared version, with Remora's own versions of what runs the model, and of `more`. torch is named
    first, so that no other package decides which build of it comes."""
    return [*(f"{name}=={_plain(version(name))}" for name in (*_SAME, *more)), MEM0]


def default_directory(name: str = "bench-mem0") -> Path:
    """Where the environment is kept."""
    cache = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(cache) / "remora" / name


def ensure(directory: Path, more: Sequence[str] = ()) -> Path:
    """The Python of the environment, which is made, or brought to the versions wanted, if it has to be.

    Args:
        directory: where it is.
        more: packages that it has beyond mem0, in the versions that Remora has of them.

    Raises:
        RuntimeError: pip could not install what is needed; the message holds its last lines.
    """
    return installed(directory, requirements(more))


def installed(directory: Path, wanted: Sequence[str]) -> Path:
    """The Python of an environment with these packages; otherwise as `ensure`. The first comes before all others."""
    python = directory / "bin" / "python"
    stamp = directory / "installed.txt"
    if python.exists() and stamp.exists() and stamp.read_text().split() == [*wanted]:
        return python
    venv.create(directory, with_pip=True, clear=True)
    _pip(python, [wanted[0]])
    _pip(python, [*wanted])
    stamp.write_text("\n".join(wanted))
    return python


def variables(path: Path) -> dict[str, str]:
    """The environment variables of a mem0 process that works in `path`: no telemetry, no network, no Remora."""
    inherited = {name: value for name, value in os.environ.items() if not name.startswith(("REMORA_", "RAY_", "OMP_"))}
    return inherited | {
        "MEM0_TELEMETRY": "False",
        "MEM0_DIR": str(path / "mem0"),
        "HF_HUB_OFFLINE": "1",
        "PYTHONPATH": str(Path(__file__).parents[1]),
    }


def _pip(python: Path, packages: list[str]) -> None:
    done = subprocess.run(
        [str(python), "-m", "pip", "install", "--quiet", "--disable-pip-version-check", *packages],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=_LIMIT_S,
        check=False,
    )
    if done.returncode != 0:
        tail = "\n".join(done.stderr.splitlines()[-8:])
        raise RuntimeError(f"pip could not install {' '.join(packages)}:\n{tail}")


def _plain(release: str) -> str:
    """Without the local part: `2.13.0+cpu` is `2.13.0` from whatever index this machine uses."""
    return release.partition("+")[0]
