"""A running Remora over HTTP: the verbs of `engine.api.MemoryApi` with their native answers. Knows no other layer."""

from __future__ import annotations

import asyncio
import json
import uuid
from collections.abc import Mapping, Sequence
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self, TypeAlias, Unpack, cast
from urllib.parse import quote

import httpx

from remora.errors import DeadlineExceeded, InvalidInput, RemoraError, Unavailable
from remora.http_address import address_of, is_local
from remora.http_answers import bulk_answers, outcome

if TYPE_CHECKING:
    from engine.api import (
        AddFields,
        CallFields,
        DeleteAllFields,
        GraphEntitiesFields,
        ListFields,
        MemoryApi,
        NeighboursFields,
        PageFields,
        PathFields,
        SearchFields,
        UpdateFields,
        WriteFields,
    )

Json: TypeAlias = dict[str, Any]
JsonList: TypeAlias = list[Json]

_MEMORIES = "/v1/memories/"
_CONNECTIONS = 100
_CONNECT_S = 5.0
_MARGIN_S = 2.0
"""How much longer a call waits than it lets the server work, so that the server's own answer wins."""
_BROKEN = (httpx.ReadError, httpx.WriteError, httpx.CloseError, httpx.RemoteProtocolError)


class HttpApi:
    """The server at `url`. Every verb raises the error that the server answers, as `remora.errors`.

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
        self.url = url.rstrip("/")
        self._timeout_s = timeout_s
        self._http = httpx.AsyncClient(
            base_url=base,
            headers=_authorization(api_key),
            timeout=httpx.Timeout(timeout_s + _MARGIN_S, connect=_CONNECT_S),
            limits=httpx.Limits(max_connections=_CONNECTIONS, max_keepalive_connections=_CONNECTIONS),
            # HTTP_PROXY is meant for the world outside, and would catch this machine's own addresses too.
            trust_env=not is_local(base.host),
            transport=transport,
        )

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.aclose()

    async def aclose(self) -> None:
        """Close the connections."""
        await self._http.aclose()

    async def add(self, messages: str | Json | Sequence[Json], **fields: Unpack[AddFields]) -> Json:
        """See `MemoryApi.add`."""
        return await self._write("POST", _MEMORIES, {"messages": messages, **fields})

    async def search(self, query: str, **fields: Unpack[SearchFields]) -> Json:
        """See `MemoryApi.search`."""
        return await self._send("POST", f"{_MEMORIES}search/", {**fields}, body={"query": query, **fields})

    async def get(self, memory_id: str, **fields: Unpack[CallFields]) -> Json:
        """See `MemoryApi.get`."""
        return await self._read(_one(_MEMORIES, memory_id), {**fields})

    async def list(self, **fields: Unpack[ListFields]) -> Json:
        """See `MemoryApi.list`."""
        return await self._read(_MEMORIES, {**fields})

    async def update(self, memory_id: str, **fields: Unpack[UpdateFields]) -> Json:
        """See `MemoryApi.update`."""
        return await self._write("PUT", _one(_MEMORIES, memory_id), {**fields})

    async def delete(self, memory_id: str, **fields: Unpack[WriteFields]) -> Json:
        """See `MemoryApi.delete`."""
        return await self._write("DELETE", _one(_MEMORIES, memory_id), {**fields})

    async def delete_all(self, **fields: Unpack[DeleteAllFields]) -> Json:
        """See `MemoryApi.delete_all`."""
        return await self._write("DELETE", _MEMORIES, {**fields})

    async def history(self, memory_id: str, **fields: Unpack[CallFields]) -> JsonList:
        """See `MemoryApi.history`."""
        found = await self._read(f"{_one(_MEMORIES, memory_id)}history/", {**fields}, expects=list)
        return cast(JsonList, found)

    async def entities(self, **fields: Unpack[PageFields]) -> Json:
        """See `MemoryApi.entities`."""
        return await self._read("/v1/entities/", {**fields})

    async def add_batch(self, items: Sequence[Json], **fields: Unpack[CallFields]) -> JsonList:
        """See `MemoryApi.add_batch`."""
        keyed = [_keyed(item) for item in items]
        body = {"items": keyed, **fields}
        return bulk_answers(await self._send("POST", f"{_MEMORIES}bulk/", {**fields}, body=body), len(keyed))

    async def search_batch(self, items: Sequence[Json], **fields: Unpack[CallFields]) -> JsonList:
        """See `MemoryApi.search_batch`."""
        body = {"items": [*items], **fields}
        return bulk_answers(await self._send("POST", f"{_MEMORIES}search/bulk/", {**fields}, body=body), len(items))

    async def graph_entities(self, **fields: Unpack[GraphEntitiesFields]) -> Json:
        """See `MemoryApi.graph_entities`."""
        return await self._read("/v1/graph/entities/", {**fields})

    async def neighbours(self, entity: str, **fields: Unpack[NeighboursFields]) -> Json:
        """See `MemoryApi.neighbours`."""
        return await self._read("/v1/graph/neighbours/", {"entity": entity, **fields})

    async def path(self, source: str, target: str, **fields: Unpack[PathFields]) -> Json:
        """See `MemoryApi.path`."""
        return await self._read("/v1/graph/path/", {"source": source, "target": target, **fields})

    async def operation(self, operation_id: str, **fields: Unpack[CallFields]) -> Json:
        """See `MemoryApi.operation`."""
        return await self._read(_one("/v1/operations/", operation_id, "operation_id"), {**fields})

    async def status(self) -> Json:
        """See `MemoryApi.status`."""
        return await self._read("/v1/status/", {})

    async def _read(self, path: str, fields: Json, expects: type = dict) -> Any:
        return await self._send("GET", path, fields, params=_params(fields), expects=expects)

    async def _write(self, method: str, path: str, fields: Json) -> Json:
        """Send a change. What kept it from being answered is told with the key that makes sending it again safe."""
        key = fields.pop("idempotency_key", None)
        key = uuid.uuid4().hex if key is None else key
        headers = {"idempotency-key": _header(key)}
        try:
            if method == "DELETE":  # A deletion takes no body: half of one could mean more.
                return await self._send(method, path, fields, params=_params(fields), headers=headers)
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
        expects: type = dict,
    ) -> Any:
        """One call; in time, or DeadlineExceeded."""
        if self._http.is_closed:
            raise InvalidInput("this connection to Remora has been closed")
        if fields.get("project") is not None:
            raise InvalidInput("over HTTP the project follows from the API key; leave it out", {"field": "project"})
        request = self._request(method, path, body, params, headers)
        limit = asyncio.timeout(self._patience_s(fields.get("deadline_s")))
        try:
            async with limit:
                return outcome(await self._carry(request), expects)
        except TimeoutError as error:
            if not limit.expired():
                raise
            raise DeadlineExceeded(f"{self.url} didn't answer in time") from error

    def _request(
        self,
        method: str,
        path: str,
        body: Json | None,
        params: Mapping[str, str] | None,
        headers: Mapping[str, str] | None,
    ) -> httpx.Request:
        content = None if body is None else _encoded(body)
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
            return Unavailable(f"can't reach {self.url}: no connection within {_CONNECT_S:g} s", {"url": self.url})
        return DeadlineExceeded(f"{self.url} didn't answer in time")

    def _patience_s(self, deadline_s: object) -> float:
        if isinstance(deadline_s, int | float) and not isinstance(deadline_s, bool) and deadline_s > 0:
            return min(deadline_s, self._timeout_s) + _MARGIN_S
        return self._timeout_s


def _authorization(api_key: str | None) -> dict[str, str]:
    if not api_key:
        return {}
    if not api_key.isascii() or not api_key.isprintable():
        raise InvalidInput("the API key holds characters that no key has", {"field": "api_key"})
    return {"authorization": f"Token {api_key}"}


def _header(key: object) -> str:
    if not isinstance(key, str) or not key.isascii() or not key.isprintable() or key != key.strip() or not key:
        raise InvalidInput(
            "idempotency_key should be a string of printable ASCII characters", {"field": "idempotency_key"}
        )
    return key


def _keyed(item: Json) -> Json:
    if not isinstance(item, Mapping) or item.get("idempotency_key") is not None:
        return item
    return {**item, "idempotency_key": uuid.uuid4().hex}


def _one(path: str, raw: object, what: str = "memory_id") -> str:
    """The address of one thing. Any text stays one segment, and what can't be an id is refused before it is one."""
    if not isinstance(raw, str) or not raw.strip():
        raise InvalidInput(f"{what} should be a valid UUID", {"field": what})
    return f"{path}{_percent(raw, what).replace('.', '%2E')}/"


def _percent(text: str, what: str) -> str:
    try:
        return quote(text, safe="")
    except UnicodeEncodeError as error:
        raise InvalidInput(f"{what} is no valid Unicode", {"field": what}) from error


def _params(fields: Mapping[str, Any]) -> dict[str, str]:
    return {name: _param(name, value) for name, value in fields.items() if value is not None}


def _param(name: str, value: object) -> str:
    """A query parameter. Whatever is no text there goes as JSON, so that a wrong type stays one."""
    if isinstance(value, str):
        _percent(value, name)
        return value
    if name.endswith("_id"):
        raise InvalidInput(f"{name} should be a string", {"field": name})
    return _encoded(value).decode()


def _encoded(value: object) -> bytes:
    try:
        return json.dumps(value, ensure_ascii=False, separators=(",", ":"), allow_nan=False).encode()
    except UnicodeEncodeError as error:
        raise InvalidInput("the text is no valid Unicode") from error
    except (TypeError, ValueError, RecursionError) as error:
        raise InvalidInput(f"this can't be sent as JSON: {error}") from error


if TYPE_CHECKING:

    def _is_a_memory_api(api: HttpApi) -> MemoryApi:
        return api
