"""Memories in Python, with `Memory` and `AsyncMemory`: no HTTP to write, no server to start if you don't want to.

With REMORA_URL set (or a server on 127.0.0.1:8000), both talk to it. Leave the address out, `Memory()`, and a runtime
is started for this program and stopped with it; that takes some seconds and needs nothing else.
"""

import asyncio
import os

from remora import AsyncMemory, Memory
from remora.errors import RemoraError

URL = os.environ.get("REMORA_URL", "http://127.0.0.1:8000")
USER = "python-memory"
FACTS = [
    "Maria plays the cello in a quartet.",
    "The quartet rehearses on Thursdays.",
    "Maria's train to Porto leaves at seven.",
]
QUESTIONS = ["Which instrument does Maria play?", "When does the quartet rehearse?", "When does the train leave?"]


def one_after_the_other() -> None:
    """Add and search, each call when the one before is done."""
    with Memory(URL) as memory:
        for fact in FACTS:
            added = memory.add(fact, user_id=USER)
            print(f"{added['results'][0]['event']:6} {fact}")

        found = memory.search(QUESTIONS[0], user_id=USER, top_k=1)
        print(f"{QUESTIONS[0]} -> {found['results'][0]['memory']}")

        # Fire and forget: it is safe on disk when this answers, and takes effect by itself.
        accepted = memory.add("The concert is in June.", user_id=USER, wait=False)
        operation = accepted
        while operation["status"] in {"PENDING", "RUNNING"}:
            operation = memory.operation(accepted["operation_id"])
        print(f"accepted: {accepted['status']}, then {operation['status']}")

        # Every error is a RemoraError with a code; InvalidInput is a ValueError too, NotFound a LookupError.
        try:
            memory.search("a question without a scope")
        except RemoraError as error:
            print(f"refused as expected: {error.code}: {error}")


async def all_at_once() -> None:
    """Many calls at once: they share requests to the server, and batches in its models."""
    async with AsyncMemory(URL) as memory:
        answers = await asyncio.gather(*[memory.search(one, user_id=USER, top_k=1) for one in QUESTIONS])
        print(f"{len(answers)} questions at once:")
        for question, found in zip(QUESTIONS, answers, strict=True):
            print(f"  {question} -> {found['results'][0]['memory']}")
        await memory.delete_all(user_id=USER)


if __name__ == "__main__":
    one_after_the_other()
    asyncio.run(all_at_once())
