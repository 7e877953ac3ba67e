"""`python -m tests.fuzz`."""

from __future__ import annotations

import argparse
import asyncio
import random
import sys

from tests.fuzz.run import fuzz

_SECONDS_PER_CALL = 0.5


def main() -> None:
    """Fuzz, print what was found, and end with 1 if it was anything."""
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz", description="Fuzz the HTTP API by its description.")
    parser.add_argument("--calls", type=int, default=10_000, help="send at least so many requests (10000)")
    parser.add_argument("--seed", type=int, default=random.randrange(2**32), help="the same requests again")
    given = parser.parse_args()
    sys.stdout.write(f"seed {given.seed}\n")
    sys.stdout.flush()
    found = asyncio.run(fuzz(given.calls, given.seed, deadline_s=60 + given.calls * _SECONDS_PER_CALL))
    sys.stdout.write(f"{found.report}\n{found.calls} requests\n")
    sys.exit(found.failed or found.calls < given.calls)


if __name__ == "__main__":
    main()
