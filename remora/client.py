"""A running Remora over HTTP: the calls that the command line makes. Knows no engine and no actors."""

from __future__ import annotations

import ipaddress
from types import TracebackType
from typing import Any, Self, TypeAlias

import httpx

from remora.errors import CallError

Json: TypeAlias = dict[str, Any]

# Statuses that may come from something in between, whose body isn't ours.
_CODE_OF_STATUS = {
    400: "invalid_input",
    401: "unauthorized",
    403: "forbidden",
    404: "not_found",
    409: "conflict",
    410: "purged",
    413: "too_large",
    429: "overloaded",
    502: "unavailable",
    503: "unavailable",
    504: "deadline_exceeded",
}


class Client:
    """Calls the server at `url`; each call raises CallError with the server's code and message.

    `timeout_s` is how long a call waits for its answer.
    """

    def __init__(
        self,
        url: str,
        api_key: str | None = None,
        *,
        timeout_s: float = 60.0,
        transport: httpx.BaseTransport | None = None,
    ) -> None:
        self._url = url.rstrip("/")
        try:
            base = httpx.URL(self._url)
        except httpx.InvalidURL as error:
            raise CallError("invalid_input", f"{url!r} is no address: {error}") from error
        if base.scheme not in {"http", "https"} or not base.host:
            raise CallError("invalid_input", f"{url!r} is no address; one looks like http://127.0.0.1:8000")
        self._http = httpx.Client(
            base_url=base,
            headers={"authorization": f"Token {api_key}"} if api_key else {},
            timeout=httpx.Timeout(timeout_s, connect=5.0),
            # HTTP_PROXY is meant for the world outside, and would catch this machine's own addresses too.
            trust_env=not _is_local(base.host),
            transport=transport,
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close the connections."""
        self._http.close()

    def add(self, text: str, *, role: str = "user", **fields: Any) -> Json:
        """Keep one message; `fields` as in `MemoryApi.add`. Answers what the server answers."""
        body = {"messages": [{"role": role, "content": text}], **_given(fields)}
        return self._call("POST", "/v1/memories/", body)

    def search(self, query: str, **fields: Any) -> Json:
        """Memories for a query, best first; `fields` as in `MemoryApi.search`."""
        return self._call("POST", "/v1/memories/search/", {"query": query, **_given(fields)})

    def _call(self, method: str, path: str, body: Json) -> Json:
        try:
            reply = self._http.request(method, path, json=body)
        except httpx.TimeoutException as error:
            raise CallError("deadline_exceeded", f"{self._url} didn't answer in time") from error
        except UnicodeEncodeError as error:
            raise CallError("invalid_input", "the text is no valid Unicode") from error
        except httpx.TransportError as error:
            raise CallError("unavailable", f"can't reach {self._url}: {error}") from error
        return _answer(reply)


def _is_local(host: str) -> bool:
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return host == "localhost"


def _given(fields: Json) -> Json:
    return {name: value for name, value in fields.items() if value is not None}


def _answer(reply: httpx.Response) -> Json:
    body = _json(reply)
    if reply.is_success and body is not None:
        return body
    body = body or {}
    code = body.get("code") or _CODE_OF_STATUS.get(reply.status_code, "internal")
    detail = body.get("detail") or body.get("error")
    message = detail if isinstance(detail, str) else f"unexpected answer {reply.status_code} from {reply.url}"
    details = body.get("details")
    known = dict(details) if isinstance(details, dict) else {}
    if (retry_after := reply.headers.get("retry-after", "")).isdecimal():
        known.setdefault("retry_after_s", int(retry_after))
    raise CallError(str(code), message, known, body.get("request_id"))


def _json(reply: httpx.Response) -> Json | None:
    try:
        body = reply.json()
    except ValueError:
        return None
    return body if isinstance(body, dict) else None
