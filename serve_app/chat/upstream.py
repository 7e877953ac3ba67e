"""The language model's server: what is sent to it, and its answer as it comes."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from urllib.parse import quote

import httpx
from starlette.datastructures import Headers

from engine.config import ChatSettings, LlmSettings
from engine.errors import Overloaded, TooLarge
from serve_app.auth import is_loopback
from serve_app.errors import NoLanguageModel, UpstreamLate, UpstreamUnavailable

_CONNECT_S = 10.0
_POOL_S = 10.0
_MOST_BYTES = 64 * 1024 * 1024
"""A whole answer beyond it is none that a client waits for."""
_PASSED_ON = frozenset(
    {
        "accept", "anthropic-beta", "anthropic-version", "openai-beta", "traceparent", "tracestate", "user-agent",
        "x-client-request-id",
    }
)  # fmt: skip
"""Of a client's headers. Its key is for Remora, and an organization belongs to a key."""
_SDK_HEADERS = "x-stainless-"
_KEPT_BACK = frozenset(
    {
        "alt-svc", "connection", "content-length", "date", "keep-alive", "location", "proxy-authenticate", "server",
        "set-cookie", "strict-transport-security", "te", "trailer", "transfer-encoding", "upgrade",
        "x-content-type-options",
    }
)  # fmt: skip
"""Of the answer's headers: they are about the connection to that server, or about its site."""
_REQUEST_ID = "x-request-id"
_NONE = "no language model is set"
_LOCAL = "the language model (llm.local) makes facts and answers no chats, a server would"


@dataclass(frozen=True, slots=True)
class Answered:
    """A whole answer of the server."""

    status: int
    headers: list[tuple[bytes, bytes]]
    body: bytes


class Upstream:
    """The server at `llm.base_url`, by a bounded pool of connections.

    Args:
        llm: where it is, and the key for it.
        chat: how many connections, and how long it may be silent.
    """

    def __init__(self, llm: LlmSettings, chat: ChatSettings) -> None:
        self._llm = llm
        self._chat = chat
        self._client: httpx.AsyncClient | None = None

    @property
    def is_set(self) -> bool:
        """Whether there is one."""
        return self._llm.base_url is not None

    @property
    def model(self) -> str | None:
        """What is asked where no model is named."""
        return self._llm.model

    @asynccontextmanager
    async def asked(self, body: bytes, headers: Headers) -> AsyncIterator[httpx.Response]:
        """The answer to a chat, its body not read yet; the connection is let go at the end of the block.

        Raises:
            UpstreamUnavailable: it can't be reached.
            UpstreamLate: it has said nothing for too long.
            Overloaded: all connections are in use.
            NoLanguageModel: none is set.
        """
        sent = {**passed_on(headers), "content-type": "application/json"}
        request = self._request("POST", "/chat/completions", sent, body)
        async with self._sent(request) as response:
            yield response

    async def models(self, name: str | None = None) -> Answered:
        """Its list of models, or one of them; raises as `asked`."""
        path = "/models" if name is None else f"/models/{quote(name, safe='')}"
        async with self._sent(self._request("GET", path, {}, None)) as response:
            body = await whole(response, self._chat.upstream_deadline_s)
            return Answered(response.status_code, answer_headers(response), body)

    async def close(self) -> None:
        """Let the connections go."""
        if self._client is not None:
            await self._client.aclose()

    @asynccontextmanager
    async def _sent(self, request: httpx.Request) -> AsyncIterator[httpx.Response]:
        client = self._pool()
        with told(self._chat.upstream_deadline_s):
            async with asyncio.timeout(self._chat.upstream_deadline_s):
                response = await client.send(request, stream=True)
        try:
            yield response
        finally:
            await response.aclose()

    def _request(self, method: str, path: str, headers: Mapping[str, str], body: bytes | None) -> httpx.Request:
        if self._llm.base_url is None:
            raise NoLanguageModel(
                f"{_LOCAL if self._llm.local else _NONE}: llm.base_url and llm.model (REMORA_LLM_BASE_URL, "
                "REMORA_LLM_MODEL) say which one answers chats"
            )
        key = self._llm.api_key.get_secret_value() if self._llm.api_key else None
        own = {"accept-encoding": "identity", **({"authorization": f"Bearer {key}"} if key else {})}
        with told(self._chat.upstream_deadline_s):
            url = httpx.URL(self._llm.base_url)
            url = url.copy_with(raw_path=_joined(url.raw_path, path))
            return self._pool().build_request(method, url, headers={**headers, **own}, content=body)

    def _pool(self) -> httpx.AsyncClient:
        if self._client is None:
            silent_s = self._chat.upstream_deadline_s
            self._client = httpx.AsyncClient(
                timeout=httpx.Timeout(silent_s, connect=min(_CONNECT_S, silent_s), pool=min(_POOL_S, silent_s)),
                limits=httpx.Limits(
                    max_connections=self._chat.connections, max_keepalive_connections=self._chat.connections
                ),
                # HTTP_PROXY is meant for the world outside, and would catch this machine's own addresses too.
                trust_env=not is_loopback(httpx.URL(self._llm.base_url or "").host),
            )
        return self._client


def passed_on(headers: Headers) -> dict[str, str]:
    """A client's headers that the model's server is told."""
    return {name: value for name, value in headers.items() if name in _PASSED_ON or name.startswith(_SDK_HEADERS)}


def answer_headers(response: httpx.Response) -> list[tuple[bytes, bytes]]:
    """The server's headers for the client; its own request id under a name that leaves room for ours."""
    named = {_REQUEST_ID.encode(): b"x-upstream-request-id"}
    lowered = ((name.lower(), value) for name, value in response.headers.raw)
    return [(named.get(name, name), value) for name, value in lowered if name.decode("latin-1") not in _KEPT_BACK]


async def pieces(response: httpx.Response, silent_s: float) -> AsyncIterator[bytes]:
    """The body as it comes; raises as `Upstream.asked` when it breaks off or stays silent for so many seconds."""
    with told(silent_s, "broke off"):
        async for piece in response.aiter_raw():
            yield piece


async def whole(response: httpx.Response, silent_s: float) -> bytes:
    """All of the body; raises as `pieces`.

    Raises:
        TooLarge: it is larger than any such answer.
    """
    found = bytearray()
    async for piece in pieces(response, silent_s):
        found += piece
        if len(found) > _MOST_BYTES:
            raise TooLarge(f"the language model's answer is larger than {_MOST_BYTES} bytes")
    return bytes(found)


@contextmanager
def told(silent_s: float, what: str = "can't be reached") -> Iterator[None]:
    """What goes wrong on the way to the server, as ours."""
    try:
        yield
    except httpx.PoolTimeout as error:
        raise Overloaded("all connections to the language model are in use", {"retry_after_s": 1}) from error
    except (httpx.TimeoutException, TimeoutError) as error:
        late = (
            "couldn't be reached in time" if isinstance(error, httpx.ConnectTimeout) else f"was silent {silent_s:g} s"
        )
        raise UpstreamLate(f"the language model (llm.base_url) {late}") from error
    except (httpx.HTTPError, httpx.StreamError, httpx.InvalidURL, ValueError) as error:
        raise UpstreamUnavailable(
            f"the language model (llm.base_url) {what}: {type(error).__name__}: {error}"
        ) from error


def _joined(base: bytes, path: str) -> bytes:
    """A path below that of the base address, whose query stays."""
    before, mark, query = base.partition(b"?")
    return before.rstrip(b"/") + path.encode() + mark + query
