"""A job that uses `remora.Memory` in the Ray cluster, without HTTP: a program of its own, spoken to in lines of JSON.

Each line in is `[verb, arguments, fields]`; each line out `{"answer": …}` or `{"error": [class names, [code, text]]}`.
"""

from __future__ import annotations

import json
import os
import sys
from typing import Any

from remora import Memory
from remora.errors import RemoraError


def reply(memory: Memory, verb: str, arguments: list[Any], fields: dict[str, Any]) -> dict[str, Any]:
    """What one call gives."""
    try:
        return {"answer": getattr(memory, verb)(*arguments, **fields)}
    except RemoraError as error:
        return {"error": [[kind.__name__ for kind in type(error).__mro__], [error.code, error.message]]}


def main() -> None:
    """Answer until the input ends."""
    with Memory(address=os.environ["RAY_ADDRESS"]) as memory:
        for line in sys.stdin:
            print(json.dumps(reply(memory, *json.loads(line))), flush=True)  # noqa: T201 - that's its way to answer


if __name__ == "__main__":
    main()
