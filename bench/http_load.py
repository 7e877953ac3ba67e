"""HTTP load with as little work of its own as possible: raw connections, prepared requests, answers only counted.

Run as a process of its own: `python bench/http_load.py '<json of Load>'` prints one JSON object, an `Outcome`.
"""

from __future__ import annotations

import asyncio
import json
import sys
import time
from collections import deque
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))  # It runs as a file, from wherever.

from bench.sentences import COUNT, sentence

_TICK_S = 0.005
_PROBE_PAUSE_S = 0.02
_PROBE_PATIENCE_S = 30.0
_ADDS_OF = 5
"""One of so many calls is a search, the others add."""
_PATHS = {"add": "/v1/memories/", "search": "/v1/memories/search/"}


@dataclass(frozen=True, slots=True)
class Load:
    """What to send. `per_s` None: each connection sends its next call when the last one is answered.

    `drain_s`: how long answers are waited for after the last call. `first`: number of the first text that is added.
    `memories`: so many texts, from number 0, are there already; searches ask for them.
    """

    url: str
    key: str | None
    connections: int
    seconds: float
    per_s: float | None
    drain_s: float
    first: int
    memories: int
    seed: int


@dataclass(slots=True)
class Outcome:
    """What came of it. `unsent`: calls that were due and had no connection. `bare`: refusals without `Retry-After`.

    `search_after_s`: from the end of the load to the first good search; None: there was none.
    """

    seconds: float = 0.0
    due: int = 0
    unsent: int = 0
    opened: int = 0
    statuses: dict[str, dict[str, int]] = field(default_factory=lambda: {"add": {}, "search": {}})
    times_ms: dict[str, list[float]] = field(default_factory=lambda: {"add": [], "search": []})
    retry_s: dict[str, int] = field(default_factory=dict)
    bare: int = 0
    broken: dict[str, int] = field(default_factory=dict)
    unanswered: int = 0
    search_after_s: float | None = None

    def answered(self, verb: str, status: int, took_s: float, retry_after: str | None) -> None:
        """One answer came."""
        statuses = self.statuses[verb]
        statuses[str(status)] = statuses.get(str(status), 0) + 1
        if status < 300:
            self.times_ms[verb].append(took_s * 1000)
        elif status in (429, 503):
            if retry_after is None or not retry_after.isdigit() or int(retry_after) < 1:
                self.bare += 1
            else:
                self.retry_s[retry_after] = self.retry_s.get(retry_after, 0) + 1

    def broke(self, what: str) -> None:
        """One call got no answer."""
        self.broken[what] = self.broken.get(what, 0) + 1


class Connection(asyncio.Protocol):
    """One call at a time; knows as much of HTTP as our server's answers need."""

    def __init__(self, client: Client) -> None:
        self._client = client
        self._transport: asyncio.Transport | None = None
        self._got = bytearray()
        self._needed = 0
        self.verb = ""
        self.began_s = 0.0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    def send(self, verb: str, request: bytes, began_s: float) -> None:
        """Begin a call."""
        assert self._transport is not None
        self.verb, self.began_s = verb, began_s
        self._transport.write(request)

    def data_received(self, data: bytes) -> None:
        self._got += data
        if not self._needed:
            end = self._got.find(b"\r\n\r\n")
            if end < 0:
                return
            self._needed = end + 4 + int(_header(self._got, b"content-length", end) or 0)
        if len(self._got) < self._needed:
            return
        head = bytes(self._got[: self._got.find(b"\r\n\r\n")])
        del self._got[: self._needed]
        self._needed = 0
        verb, self.verb = self.verb, ""
        retry = _header(head, b"retry-after", len(head))
        closing = (_header(head, b"connection", len(head)) or "").lower() == "close"
        if closing:
            self.close()
        self._client.answered(self, verb, int(head[9:12]), retry, closing=closing)

    def connection_lost(self, exc: Exception | None) -> None:
        if self.verb:
            self._client.lost(self.verb, "closed without an answer" if exc is None else type(exc).__name__)
        self.verb = ""
        self._client.gone(self)

    @property
    def closed(self) -> bool:
        """Whether nothing can be sent on it."""
        return self._transport is None or self._transport.is_closing()

    def close(self) -> None:
        """Close it; a call under way is given up."""
        if self._transport is not None:
            self._transport.close()


def _header(head: bytes | bytearray, name: bytes, end: int) -> str | None:
    start = head[:end].lower().find(b"\r\n" + name + b":")
    if start < 0:
        return None
    begin = start + len(name) + 3
    stop = head.find(b"\r\n", begin)
    return bytes(head[begin : stop if stop >= 0 else end]).strip().decode("latin-1")


class Client:
    """Sends the calls of one load."""

    def __init__(self, load: Load) -> None:
        self._load = load
        parts = urlsplit(load.url)
        self._host, self._port = parts.hostname or "127.0.0.1", parts.port or 80
        self._idle: deque[Connection] = deque()
        self._open: set[Connection] = set()
        self._opening: set[asyncio.Task[None]] = set()
        self._calls = 0
        self._added = 0
        self.outcome = Outcome()
        self._under_way = 0
        self._again = False

    async def run(self) -> Outcome:
        """Send everything, wait for what is under way, and say what came of it."""
        began_s = time.perf_counter()
        self._again = self._load.per_s is None
        if self._load.per_s is None:
            for _ in range(self._load.connections):
                self._call()
            await asyncio.sleep(self._load.seconds)
        else:
            await self._pour(self._load.per_s, began_s)
        self._again = False
        self.outcome.seconds = time.perf_counter() - began_s
        await asyncio.gather(self._probe(), self._drain())
        self.outcome.unanswered = self._under_way
        for connection in list(self._open):
            connection.verb = ""
            connection.close()
        return self.outcome

    async def _pour(self, per_s: float, began_s: float) -> None:
        """So many calls a second, whatever comes back."""
        while (now_s := time.perf_counter()) < began_s + self._load.seconds:
            for _ in range(int((now_s - began_s) * per_s) - self.outcome.due):
                self.outcome.due += 1
                self._call()
            await asyncio.sleep(_TICK_S)

    def _call(self) -> None:
        while self._idle:
            connection = self._idle.pop()
            if not connection.closed:
                self._begin(connection)
                return
        if len(self._open) + len(self._opening) >= self._load.connections:
            self.outcome.unsent += 1
            return
        task = asyncio.get_running_loop().create_task(self._on_a_new_one())
        self._opening.add(task)
        task.add_done_callback(self._opening.discard)

    async def _on_a_new_one(self) -> None:
        try:
            _, connection = await asyncio.get_running_loop().create_connection(
                lambda: Connection(self), self._host, self._port
            )
        except OSError as error:
            self.outcome.broke(f"could not connect: {type(error).__name__}")
            return
        self.outcome.opened += 1
        self._open.add(connection)
        self._begin(connection)

    def _begin(self, connection: Connection) -> None:
        self._calls += 1
        self._under_way += 1
        verb = "search" if self._calls % _ADDS_OF == 0 else "add"
        connection.send(verb, self._request(verb), time.perf_counter())

    def _request(self, verb: str) -> bytes:
        if verb == "add":
            one = sentence((self._load.first + self._added) % COUNT, self._load.seed)
            self._added += 1
            body: dict[str, Any] = {"messages": one.text, "user_id": one.user_id, "infer": False}
        else:
            one = sentence(self._calls % self._load.memories, self._load.seed)
            body = {"query": one.question, "user_id": one.user_id, "top_k": 10}
        return _request_bytes(_PATHS[verb], body, f"{self._host}:{self._port}", self._load.key)

    def answered(
        self, connection: Connection, verb: str, status: int, retry_after: str | None, *, closing: bool
    ) -> None:
        """A connection has its answer."""
        self._under_way -= 1
        self.outcome.answered(verb, status, time.perf_counter() - connection.began_s, retry_after)
        if self._again:
            self._idle.append(connection)
            self._call()
        elif not closing:
            self._idle.append(connection)

    def lost(self, verb: str, why: str) -> None:
        """A connection broke before its answer."""
        self._under_way -= 1
        self.outcome.broke(f"{verb}: {why}")

    def gone(self, connection: Connection) -> None:
        """A connection is closed."""
        self._open.discard(connection)
        if self._again:
            self._call()

    async def _drain(self) -> None:
        until_s = time.perf_counter() + self._load.drain_s
        while (self._under_way or self._opening) and time.perf_counter() < until_s:  # noqa: ASYNC110 - once, at the end
            await asyncio.sleep(_PROBE_PAUSE_S)

    async def _probe(self) -> None:
        """Search until it works, each time on a new connection."""
        began_s = time.perf_counter()
        while time.perf_counter() < began_s + _PROBE_PATIENCE_S:
            if await self._found(began_s):
                self.outcome.search_after_s = time.perf_counter() - began_s
                return
            await asyncio.sleep(_PROBE_PAUSE_S)

    async def _found(self, began_s: float) -> bool:
        one = sentence(0, self._load.seed)
        body = {"query": one.question, "user_id": one.user_id, "top_k": 10}
        try:
            async with asyncio.timeout(max(0.1, began_s + _PROBE_PATIENCE_S - time.perf_counter())):
                reader, writer = await asyncio.open_connection(self._host, self._port)
                writer.write(_request_bytes(_PATHS["search"], body, self._host, self._load.key, close=True))
                answer = await reader.read()
                writer.close()
        except (OSError, TimeoutError):
            return False
        head, _, content = answer.partition(b"\r\n\r\n")
        return head[9:12] == b"200" and bool(json.loads(content).get("results"))


def _request_bytes(path: str, body: dict[str, Any], host: str, key: str | None, *, close: bool = False) -> bytes:
    content = json.dumps(body).encode()
    lines = [
        f"POST {path} HTTP/1.1",
        f"host: {host}",
        "content-type: application/json",
        f"content-length: {len(content)}",
        *([f"authorization: Token {key}"] if key else []),
        *(["connection: close"] if close else []),
    ]
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + content


async def _main(load: Load) -> Outcome:
    return await Client(load).run()


if __name__ == "__main__":
    print(json.dumps(asdict(asyncio.run(_main(Load(**json.loads(sys.argv[1])))))))
