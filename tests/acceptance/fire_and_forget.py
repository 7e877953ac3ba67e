"""A caller that doesn't wait: adds many at once, tells of each as soon as it is accepted, and then hangs until killed.

Arguments: `url` or `handle`, the address, a user id, how many.
"""

from __future__ import annotations

import asyncio
import json
import os
import sys

from remora import AsyncMemory


async def main(way: str, url: str, user: str, adds: int) -> None:
    """Never ends by itself."""
    async with AsyncMemory(url) if way == "url" else AsyncMemory(address=os.environ["RAY_ADDRESS"]) as memory:

        async def add(number: int) -> None:
            text = f"The house with the number {number} is mine."
            answer = await memory.add(text, user_id=user, wait=False)
            told = {"text": text, "operation_id": answer["operation_id"], "status": answer["status"]}
            print(json.dumps(told), flush=True)  # noqa: T201 - that's its way to tell

        await asyncio.gather(*[add(number) for number in range(adds)])
        await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], sys.argv[2], sys.argv[3], int(sys.argv[4])))
