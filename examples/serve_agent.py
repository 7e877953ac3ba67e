"""An agent of your own on Ray Serve that remembers. It runs beside Remora, in the same Ray and behind the same port.

Start Remora with `remora up` first and export the variables that it prints; then `python serve_agent.py`.
"""

import json
import logging
import os
import urllib.request
from typing import Any

import ray
from ray import serve
from starlette.requests import Request

NAMESPACE = os.environ.get("REMORA_RUNTIME_NAMESPACE", "remora")
URL = os.environ.get("REMORA_URL", "http://127.0.0.1:8000")
ROUTE = "/agent"


class Agent:
    """Answers with what it knows of its user, and keeps what the user says."""

    def __init__(self) -> None:
        self._memory: Any = ray.get_actor("orchestrator-0", namespace=NAMESPACE)

    async def __call__(self, request: Request) -> dict[str, Any]:
        """Takes `{"user": …, "says": …}`."""
        said = await request.json()
        user, text = said["user"], said["says"]
        # A call to an actor can be awaited: while this user's memory is asked, the replica serves others.
        found = await self._memory.search.remote(text, user_id=user, top_k=1, threshold=0.0)
        await self._memory.add.remote(text, user_id=user)
        remembered = [hit["memory"] for hit in found["results"]]
        # Here a language model would get `remembered` into its prompt.
        return {"reply": f"I remember: {remembered[0]}" if remembered else "Tell me more."}


def say(user: str, text: str) -> str:
    """One turn of a conversation, as a client over HTTP has it."""
    body = json.dumps({"user": user, "says": text}).encode()
    request = urllib.request.Request(URL + ROUTE, body, {"Content-Type": "application/json"})
    with urllib.request.urlopen(request, timeout=60) as reply:
        return str(json.load(reply)["reply"])


def main() -> None:
    """Deploy, talk, and clear away what was deployed."""
    ray.init(address="auto", log_to_driver=False, logging_level=logging.ERROR)
    agent = serve.deployment(ray_actor_options={"num_cpus": 0})(Agent)
    # Remora's own application keeps its name and its routes; this one is found under its prefix beside it.
    serve.run(agent.bind(), name="agent", route_prefix=ROUTE)
    try:
        for text in ("I play the cello in a quartet.", "Which instrument do I play?"):
            print(f"{text} -> {say('serve-agent', text)}")
    finally:
        serve.delete("agent")


if __name__ == "__main__":
    main()
