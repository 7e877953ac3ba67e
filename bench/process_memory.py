"""How much memory a tree of processes takes, sampled. Shared pages count once: PSS where the kernel tells it."""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass, field
from pathlib import Path

import psutil

_EVERY_S = 0.5


@dataclass(slots=True)
class Samples:
    """Seconds since the start and bytes of the whole tree; the largest of each process, by what it is."""

    total: list[tuple[float, int]] = field(default_factory=list)
    most: dict[str, int] = field(default_factory=dict)

    @property
    def peak(self) -> int:
        """The largest total."""
        return max((size for _, size in self.total), default=0)


def tree(pid: int) -> list[psutil.Process]:
    """A process and all that it has started, and what those have."""
    try:
        root = psutil.Process(pid)
        return [root, *root.children(recursive=True)]
    except psutil.Error:
        return []


def size_of(process: psutil.Process) -> int:
    """Bytes of one process; 0: it is gone."""
    try:
        for line in Path(f"/proc/{process.pid}/smaps_rollup").read_text().splitlines():
            if line.startswith("Pss:"):
                return int(line.split()[1]) * 1024
    except OSError:
        pass
    try:
        return int(process.memory_info().rss)
    except psutil.Error:
        return 0


def name_of(process: psutil.Process) -> str:
    """What Ray calls it, or its program."""
    try:
        words = process.cmdline() or [process.name()]
    except psutil.Error:
        return "?"
    if words[0].startswith("ray::"):
        return words[0].removeprefix("ray::").partition(".")[0]
    return " ".join(Path(word).name for word in words[:3] if word and word[0] != "-")[:40]


def sample(pid: int, samples: Samples, began_s: float) -> None:
    """Look once; blocks for some milliseconds."""
    sizes = {process.pid: (name_of(process), size_of(process)) for process in tree(pid)}
    samples.total.append((time.monotonic() - began_s, sum(size for _, size in sizes.values())))
    for process_id, (name, size) in sizes.items():
        key = f"{name.partition(' ')[0]} ({process_id})"
        samples.most[key] = max(samples.most.get(key, 0), size)


async def watch(pid: int, samples: Samples) -> None:
    """Look twice a second, until cancelled."""
    began_s = time.monotonic()
    while True:
        await asyncio.to_thread(sample, pid, samples, began_s)
        await asyncio.sleep(_EVERY_S)
