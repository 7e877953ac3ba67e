"""What a shard's files take on disk, as far as they lie in the data directory of this machine."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

PARTS = ("ledger", "vector", "graph")


def used_bytes(data_dir: Path, shard: int) -> dict[str, int]:
    """Bytes by part. What lies elsewhere (on a server, on another machine) is 0."""
    return {part: sum(_sizes(data_dir, f"{part}-{shard}.*")) for part in PARTS}


def _sizes(directory: Path, pattern: str) -> Iterator[int]:
    for path in directory.glob(pattern):
        for file in path.rglob("*") if path.is_dir() else (path,):
            # Files come and go while they are counted.
            with suppress(OSError):
                if file.is_file():
                    yield file.stat().st_size


def per_memory(used: dict[str, int], memories: int, signals: int, of_signal: dict[str, float]) -> dict[str, int]:
    """Bytes a memory by part.

    Args:
        used: as `used_bytes` says.
        memories: how many are live.
        signals: how many of them have derived signals.
        of_signal: bytes of each of these, by kind; they lie in the ledger.
    """
    if not memories:
        return {}
    derived = {kind: round(size * signals / memories) for kind, size in of_signal.items()}
    shares = {part: round(size / memories) for part, size in used.items()}
    return {**shares, "ledger": max(0, shares["ledger"] - sum(derived.values())), **derived}
