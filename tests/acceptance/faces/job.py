"""A job that has nothing but Ray: a program of its own, spoken to in lines of JSON. Nothing of Remora is imported.

Each line in is `[verb, arguments, fields]`; each line out `{"answer": …}` or `{"error": [type names, args]}`.
"""

from __future__ import annotations

import json
import logging
import sys
from typing import Any

import ray


def reply(orchestrator: Any, verb: str, arguments: list[Any], fields: dict[str, Any]) -> dict[str, Any]:
    """What one call gives."""
    try:
        return {"answer": ray.get(getattr(orchestrator, verb).remote(*arguments, **fields))}
    except Exception as error:  # noqa: BLE001 - whatever it is, the test wants to see it
        cause = getattr(error, "cause", error)
        return {"error": [[kind.__name__ for kind in type(cause).__mro__], list(cause.args)]}


def main() -> None:
    """Answer until the input ends."""
    ray.init(address="auto", log_to_driver=False, logging_level=logging.ERROR)
    orchestrator = ray.get_actor("orchestrator-0", namespace="remora")
    for line in sys.stdin:
        print(json.dumps(reply(orchestrator, *json.loads(line))), flush=True)  # noqa: T201 - that's its way to answer


if __name__ == "__main__":
    main()
