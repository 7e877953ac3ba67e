"""Plain HTTP, as any language sends it: paths, bodies and query parameters written out, no client of ours."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import quote

import httpx

from tests.acceptance.faces.face import Refused

STATUSES = {
    "invalid_input": 400,
    "not_found": 404,
    "conflict": 409,
    "purged": 410,
    "too_large": 413,
    "internal": 500,
    "unavailable": 503,
    "deadline_exceeded": 504,
}
_ERROR_KEYS = {"detail", "error", "code", "details", "request_id"}
_ACCEPTED = 202

Call = Callable[..., Any]


class PlainHttp:
    """REST by httpx."""

    name = "http"
    lacks: frozenset[str] = frozenset()

    def __init__(self, url: str) -> None:
        self._http = httpx.Client(base_url=url, timeout=60.0, trust_env=False)
        self._verbs: dict[str, Call] = {
            "add": lambda said, **more: self._post("/v1/memories/", {"messages": said}, more),
            "search": lambda query, **more: self._post("/v1/memories/search/", {"query": query}, more),
            "context": lambda query, **more: self._post("/v1/context/", {"query": query}, more),
            "get": lambda one, **more: self._read(f"/v1/memories/{_segment(one)}/", more),
            "list": lambda **more: self._read("/v1/memories/", more),
            "update": lambda one, **more: self._send("PUT", f"/v1/memories/{_segment(one)}/", more),
            "delete": lambda one, **more: self._remove(f"/v1/memories/{_segment(one)}/", more),
            "delete_all": lambda **more: self._remove("/v1/memories/", more),
            "history": lambda one, **more: self._read(f"/v1/memories/{_segment(one)}/history/", more),
            "entities": lambda **more: self._read("/v1/entities/", more),
            "operation": lambda one, **more: self._read(f"/v1/operations/{_segment(one)}/", more),
            "operations": lambda **more: self._read("/v1/operations/", more),
            "retry": lambda one, **more: self._send("POST", f"/v1/operations/{_segment(one)}/retry/", more),
            "purge": lambda **more: self._send("POST", "/v1/purge/", more),
            "add_batch": lambda items: self._bulk("/v1/memories/bulk/", items),
            "search_batch": lambda items: self._bulk("/v1/memories/search/bulk/", items),
            "graph_entities": lambda **more: self._read("/v1/graph/entities/", more),
            "neighbours": lambda entity, **more: self._read("/v1/graph/neighbours/", {"entity": entity, **more}),
            "merge_entities": lambda name, into, **more: self._send(
                "POST", "/v1/graph/merge/", {"name": name, "into": into, **more}
            ),
            "split_entity": lambda name, **more: self._send("POST", "/v1/graph/split/", {"name": name, **more}),
            "communities": lambda **more: self._read("/v1/graph/communities/", more),
            "path": lambda source, target, **more: self._read(
                "/v1/graph/path/", {"source": source, "target": target, **more}
            ),
            "status": lambda: self._read("/v1/status/", {}),
        }

    def call(self, verb: str, *arguments: Any, **fields: Any) -> Any:
        return self._verbs[verb](*arguments, **fields)

    def close(self) -> None:
        self._http.close()

    def _post(self, path: str, body: dict[str, Any], more: dict[str, Any]) -> Any:
        return self._send("POST", path, {**body, **more})

    def _send(self, method: str, path: str, fields: dict[str, Any]) -> Any:
        key = fields.pop("idempotency_key", None)
        # By json, not by httpx: what isn't valid Unicode has to reach the server as a client of another kind sends it.
        return _answer(self._http.request(method, path, content=json.dumps(fields), headers=_keyed(key)))

    def _remove(self, path: str, fields: dict[str, Any]) -> Any:
        key = fields.pop("idempotency_key", None)
        return _answer(self._http.delete(path, params=_parameters(fields), headers=_keyed(key)))

    def _read(self, path: str, fields: dict[str, Any]) -> Any:
        answer = _answer(self._http.get(path, params=_parameters(fields)))
        return _without_links(answer) if isinstance(answer, dict) else answer

    def _bulk(self, path: str, items: list[dict[str, Any]]) -> list[Any]:
        return [_part(result) for result in self._send("POST", path, {"items": items})["results"]]


def _segment(value: str) -> str:
    return quote(value, safe="")


def _parameters(fields: Mapping[str, Any]) -> dict[str, Any]:
    return {name: json.dumps(value) if isinstance(value, dict) else value for name, value in fields.items()}


def _keyed(key: str | None) -> dict[str, str]:
    return {"content-type": "application/json"} | ({} if key is None else {"idempotency-key": key})


def _answer(reply: httpx.Response) -> Any:
    answer = reply.json()
    if reply.is_success:
        goes_on = reply.request.method != "GET" and isinstance(answer, dict) and answer.get("status") == "PENDING"
        assert (reply.status_code == _ACCEPTED) is goes_on, f"{reply.status_code} for {answer}"
        return answer
    raise _refusal(reply.status_code, answer)


def _refusal(status: int, body: dict[str, Any]) -> Refused:
    assert set(body) == _ERROR_KEYS, body
    assert body["detail"] == body["error"]
    assert STATUSES[body["code"]] == status, body
    return Refused(body["code"], body["detail"])


def _without_links(answer: dict[str, Any]) -> dict[str, Any]:
    """A page without the addresses of its neighbours, which are there exactly when there are such pages."""
    if "next" not in answer:
        return answer
    more = answer["page"] * answer["page_size"] < answer["count"]
    assert (answer["next"] is not None) is more, answer
    assert (answer["previous"] is not None) is (answer["page"] > 1), answer
    return {name: value for name, value in answer.items() if name not in {"next", "previous"}}


def _part(result: dict[str, Any]) -> dict[str, Any]:
    """One item of a bulk answer, as the verb itself gives it."""
    if "error" not in result:
        assert result["status_code"] in {200, _ACCEPTED}, result
        answer: dict[str, Any] = result["answer"]
        return answer
    refused = _refusal(result["status_code"], result["error"])
    return {"error": {"code": refused.code, "message": refused.message, "details": result["error"]["details"]}}
