"""Calls to a running Remora over HTTP: sent, sent once more when the connection broke, in time, answered or refused."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import Mapping
from types import TracebackType
from typing import Any, Self, TypeAlias

import httpx

from remora.errors import DeadlineExceeded, InvalidInput, RemoraError, Unavailable
from remora.http_address import address_of
from remora.http_answers import outcome
from remora.http_connections import CONNECT_S, client_of
from remora.http_requests import encoded, header_key, params_of
from remora.operation_keys import key_of
from remora.under_way import UnderWay

Json: TypeAlias = dict[str, Any]

_MARGIN_S = 2.0
"""How much longer a call waits than it lets the server work, so that the server's own answer wins."""
_BROKEN = (httpx.ReadError, httpx.WriteError, httpx.CloseError, httpx.RemoteProtocolError)


class HttpCalls:
    """The server at `url`. Every call raises the error that the server answers, as `remora.errors`.

    A write carries an idempotency key (made up where the caller gives none). A call whose connection breaks is sent
    once more: with that key it has one effect.

    Args:
        url: as http://127.0.0.1:8000.
        api_key: sent as `Authorization: Token`.
        timeout_s: how long a call waits for its answer; a call's own `deadline_s` may only shorten it.
        transport: what carries the requests, for tests.
    """

    def __init__(
        self,
        url: str,
        api_key: str | None = None,
        *,
        timeout_s: float = 60.0,
        transport: httpx.AsyncBaseTransport | None = None,
    ) -> None:
        base = address_of(url)
        self.url = str(base.copy_with(userinfo=b"")).rstrip("/")  # For messages: without a password.
        self._timeout_s = timeout_s
        self._http = client_of(base, api_key, timeout_s=timeout_s + _MARGIN_S, transport=transport)
        self._under_way = UnderWay("the connection to Remora was closed while this call was under way")
        self._closed = False

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.aclose()

    async def aclose(self) -> None:
        """Close the connections; calls that are under way fail."""
        self._closed = True
        self._under_way.end()  # Left to themselves, some would go on: one that connects, say.
        await self._http.aclose()

    async def _read(self, path: str, fields: Json, expects: type = dict) -> Json:
        return await self._send("GET", path, fields, params=params_of(fields), expects=expects)

    async def _write(self, method: str, path: str, fields: Json) -> Json:
        """Send a change. What kept it from being answered is told with the key that makes sending it again safe."""
        key = key_of(fields.pop("idempotency_key", None), fields.pop("operation_id", None))
        key = uuid.uuid4().hex if key is None else key
        headers = {"idempotency-key": header_key(key)}
        try:
            if method == "DELETE":  # A deletion takes no body: half of one could mean more.
                return await self._send(method, path, fields, params=params_of(fields), headers=headers)
            return await self._send(method, path, fields, body=fields, headers=headers)
        except (DeadlineExceeded, Unavailable) as error:
            raise Unavailable(error.message, {**error.details, "idempotency_key": key}, error.request_id) from error

    async def _send(
        self,
        method: str,
        path: str,
        fields: Mapping[str, Any],
        *,
        body: Json | None = None,
        params: Mapping[str, str] | None = None,
        headers: Mapping[str, str] | None = None,
        expects: type | tuple[type, ...] = dict,
    ) -> Json:
        """One call; in time, or DeadlineExceeded."""
        self.check(fields)
        request = self._request(method, path, body, params, headers)
        limit: asyncio.Timeout | None = None
        try:
            async with self._under_way.call(self.patience_s(fields.get("deadline_s"))) as limit:
                answer: Json = outcome(await self._carry(request), expects)
                return answer
        except TimeoutError as error:
            if limit is None or not limit.expired():
                raise
            raise DeadlineExceeded(f"{self.url} didn't answer in time") from error

    def check(self, fields: Mapping[str, Any]) -> None:
        """Refuse a call that can't be made.

        Raises:
            InvalidInput: the connections are closed, or the call names what HTTP can't carry.
        """
        if self._closed:
            raise InvalidInput("this connection to Remora has been closed")
        if fields.get("project") is not None:
            raise InvalidInput("over HTTP the project follows from the API key; leave it out", {"field": "project"})

    def _request(
        self,
        method: str,
        path: str,
        body: Json | None,
        params: Mapping[str, str] | None,
        headers: Mapping[str, str] | None,
    ) -> httpx.Request:
        content = None if body is None else encoded(body)
        kind = {} if body is None else {"content-type": "application/json"}
        try:
            return self._http.build_request(
                method, path, content=content, params=params or None, headers={**(headers or {}), **kind}
            )
        except httpx.InvalidURL as error:
            raise InvalidInput(f"this doesn't fit into an address: {error}") from error

    async def _carry(self, request: httpx.Request) -> httpx.Response:
        try:
            try:
                return await self._http.send(request)
            except _BROKEN:
                if self._closed:
                    raise
                return await self._http.send(request)
        except httpx.TimeoutException as error:
            raise self._late(error) from error
        except httpx.ConnectError as error:
            message = f"nothing answers at {self.url}; is Remora running there? `remora serve` starts it"
            raise Unavailable(message, {"url": self.url, "reason": str(error)}) from error
        except httpx.RequestError as error:
            message = f"the connection to {self.url} broke: {str(error) or type(error).__name__}"
            raise Unavailable(message, {"url": self.url}) from error

    def _late(self, error: httpx.TimeoutException) -> RemoraError:
        if isinstance(error, httpx.ConnectTimeout):
            return Unavailable(f"can't reach {self.url}: no connection within {CONNECT_S:g} s", {"url": self.url})
        return DeadlineExceeded(f"{self.url} didn't answer in time")

    def patience_s(self, deadline_s: object) -> float:
        """How long to wait for the answer to a call with that deadline."""
        if isinstance(deadline_s, int | float) and not isinstance(deadline_s, bool) and deadline_s > 0:
            return min(deadline_s, self._timeout_s) + _MARGIN_S
        return self._timeout_s
