"""How a model's threads share a processor with others. Called before torch is imported; imports nothing heavy."""

from __future__ import annotations

import os


def let_threads_sleep() -> None:
    """Tell OpenMP that a thread without work sleeps instead of spinning, unless the environment already says how.

    Spinning is quicker by microseconds on an idle machine; where other processes want the same cores it takes the
    time that the model's own threads need: 2 threads on 2 busy cores were 3 to 10 times slower with it (measured).
    Has an effect only before the first import of torch.
    """
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")


def thread_count(wanted: int | None) -> int:
    """`wanted`, or one for each core that this process may use.

    Asked for here because torch would follow `OMP_NUM_THREADS`, which Ray sets to 1 in its workers.
    """
    if wanted is not None:
        return wanted
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1
