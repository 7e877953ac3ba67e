"""Mem0's Python SDK, unmodified, in a process of its own that is spoken to in lines of JSON. Nothing of Remora is here.

Arguments: `sync` or `async`. Each line in is `[method, arguments, fields]`, where `connect` makes the client, and a
field `options` is `[name of the class of options, its fields]`. Each line out is `{"answer": …}` or
`{"error": [names of the class and its bases, [message, error code]]}`.
"""

from __future__ import annotations

import asyncio
import functools
import inspect
import json
import sys
from typing import Any

from mem0 import AsyncMemoryClient, MemoryClient
from mem0.client import types


def called(client: Any, method: str, arguments: list[Any], fields: dict[str, Any], runner: asyncio.Runner) -> Any:
    """What a method answers; of an asynchronous client when it has."""
    if "options" in fields:
        name, given = fields["options"]
        fields["options"] = getattr(types, name)(**given)
    answer = functools.reduce(getattr, method.split("."), client)(*arguments, **fields)
    return runner.run(_awaited(answer)) if inspect.isawaitable(answer) else answer


async def _awaited(answer: Any) -> Any:
    return await answer


def main() -> None:
    """Answer until the input ends."""
    kind = {"sync": MemoryClient, "async": AsyncMemoryClient}[sys.argv[1]]
    client: Any = None
    with asyncio.Runner() as runner:
        for line in sys.stdin:
            method, arguments, fields = json.loads(line)
            try:
                if method == "connect":
                    client, answer = kind(*arguments, **fields), None
                else:
                    answer = called(client, method, arguments, fields, runner)
                reply = {"answer": answer}
            except Exception as error:  # noqa: BLE001 - whatever it is, the test wants to see it
                said = [getattr(error, "message", str(error)), getattr(error, "error_code", None)]
                reply = {"error": [[base.__name__ for base in type(error).__mro__], said]}
            print(json.dumps(reply), flush=True)  # noqa: T201 - that's its way to answer


if __name__ == "__main__":
    main()
