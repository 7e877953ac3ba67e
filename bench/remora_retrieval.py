"""A running Remora as a system that is asked for memories: over HTTP, as an application would."""

from __future__ import annotations

import asyncio
import time
import uuid
from collections.abc import Mapping
from typing import Any

import httpx

from bench.judged_sets import Group, Unit

_CALL_S = 300.0
_LOOK_S = 0.1
_PATIENCE_S = 1800.0
_REFUSED = (429, 503)
_TRIES = 20


class RemoraRetrieval:
    """A session is one add with `infer` false, its run_id and its date; each message has its speaker's name."""

    name = "Remora"

    def __init__(self, url: str, key: str | None) -> None:
        headers = {"Authorization": f"Token {key}"} if key else {}
        self._http = httpx.AsyncClient(base_url=url.rstrip("/"), headers=headers, timeout=_CALL_S)
        self._user = ""
        self._unit_of: dict[str, str] = {}
        self.weights: Mapping[str, float] = {}
        """Sent with every question, if there are any."""

    async def load(self, group: Group) -> None:
        self._user = f"bench-{uuid.uuid4().hex[:8]}"
        self._unit_of = {}
        for number, session in enumerate(group.sessions(), 1):
            body = {"messages": [_message(unit) for unit in session], "user_id": self._user, "infer": False}
            body |= {"run_id": f"{self._user}-{number}"} | _timed(session[0])
            answer = await self._ask("POST", "/v1/memories/", body)
            if answer["status"] != "SUCCEEDED":
                raise RuntimeError(f"an add came back {answer['status']}")
            for result in answer["results"]:  # A text that was known already keeps its first unit.
                self._unit_of.setdefault(result["id"], session[result["message_index"]].id)

    async def rank(self, question: str, k: int) -> list[str]:
        body: dict[str, Any] = {"query": question, "filters": {"user_id": self._user}, "top_k": k, "threshold": 0.0}
        if self.weights:
            body["weights"] = dict(self.weights)
        answer = await self._ask("POST", "/v1/memories/search/", body)
        # A long message gives several memories; the best of them stands for it.
        return list(dict.fromkeys(self._unit_of[hit["id"]] for hit in answer["results"]))

    async def settled(self) -> float:
        """Wait until no derived signal is missing; gives how long it took, in seconds.

        Raises:
            TimeoutError: half an hour was not enough.
        """
        began_s = time.monotonic()
        while any(one.get("enabled", True) and one.get("pending") for one in await self.signals()):
            if time.monotonic() - began_s > _PATIENCE_S:
                raise TimeoutError(f"signals are still missing after {_PATIENCE_S:.0f} s")
            await asyncio.sleep(_LOOK_S)
        return time.monotonic() - began_s

    async def signals(self) -> list[dict[str, Any]]:
        """What the server says of derived signals, by shard; {} from one that has none."""
        status = await self._ask("GET", "/v1/status/")
        return [shard.get("signals") or {} for shard in status["shards"]]

    async def forget(self) -> None:
        """Delete what was loaded last."""
        if self._user:
            await self._ask("DELETE", f"/v1/memories/?user_id={self._user}")

    async def close(self) -> None:
        """Close the connections."""
        await self._http.aclose()

    async def _ask(self, method: str, path: str, body: Any = None) -> Any:
        reply = await self._http.request(method, path, json=body)
        for _ in range(_TRIES):
            if reply.status_code not in _REFUSED:
                break
            await asyncio.sleep(float(reply.headers.get("Retry-After") or 1))
            reply = await self._http.request(method, path, json=body)
        if not reply.is_success:
            raise RuntimeError(f"{method} {path} gave {reply.status_code}: {reply.text[:500]}")
        return reply.json()


def _message(unit: Unit) -> dict[str, Any]:
    named = {"name": unit.name} if unit.name else {}
    return {"role": unit.role, "content": unit.text} | named | _timed(unit)


def _timed(unit: Unit) -> dict[str, Any]:
    return {"timestamp": int(unit.timestamp.timestamp())} if unit.timestamp else {}
