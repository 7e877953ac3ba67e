"""What a server's HTTP answers mean: values, or errors of `remora.errors`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeAlias

import httpx

from remora.errors import RemoraError, error_of

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


def outcome(reply: httpx.Response, expects: type | tuple[type, ...] = dict) -> Any:
    """The value of a good answer, which is of the type that is expected, or of one of them.

    Raises:
        RemoraError: the answer is an error, or none of Remora's.
    """
    value = _json(reply)
    if reply.is_success and isinstance(value, expects):
        return value
    raise _error(reply, value if isinstance(value, dict) else {})


def page(answer: Json) -> Json:
    """A page without the addresses of its neighbours, which only HTTP has."""
    return {name: value for name, value in answer.items() if name not in {"next", "previous"}}


def embedded(answer: Json) -> Json:
    """OpenAI's embeddings as `MemoryApi.embed` answers them."""
    vectors = [one["embedding"] for one in answer.get("data", ())]
    return {
        "model": answer.get("model"),
        "dimensions": len(vectors[0]) if vectors else 0,
        "vectors": vectors,
        "tokens": answer.get("usage", {}).get("total_tokens", 0),
    }


def bulk_answers(body: Mapping[str, Any], count: int) -> list[Json]:
    """A bulk answer as `MemoryApi`'s batches give it: per item its answer or `{error: {code, message, details}}`."""
    results = body.get("results")
    if not isinstance(results, list) or len(results) != count:
        raise RemoraError(f"a bulk call of {count} items was answered with something else")
    return [_bulk_answer(result) for result in results]


def _bulk_answer(result: Mapping[str, Any]) -> Json:
    if isinstance(answer := result.get("answer"), dict):
        return answer
    error = result.get("error") or {}
    code = error.get("code") or _CODE_OF_STATUS.get(result.get("status_code", 500), "internal")
    return {"error": {"code": code, "message": error.get("detail", ""), "details": error.get("details") or {}}}


def _error(reply: httpx.Response, body: Mapping[str, Any]) -> RemoraError:
    if isinstance(of_openai := body.get("error"), dict):
        body = {"detail": of_openai.get("message"), "code": of_openai.get("code"), **_field_of(of_openai)}
    code = body.get("code") or _CODE_OF_STATUS.get(reply.status_code, "internal")
    detail = body.get("detail") or body.get("error")
    message = detail if isinstance(detail, str) else f"unexpected answer {reply.status_code} from {reply.url}"
    details = body.get("details")
    known = dict(details) if isinstance(details, dict) else {}
    if (retry_after := reply.headers.get("retry-after", "")).isdecimal():
        known.setdefault("retry_after_s", int(retry_after))
    return error_of(str(code), message, known, body.get("request_id"))


def _field_of(error: Mapping[str, Any]) -> Json:
    """What an error in OpenAI's shape is about."""
    return {"details": {"field": error["param"]}} if error.get("param") else {}


def _json(reply: httpx.Response) -> Any:
    try:
        return reply.json()
    except ValueError:
        return None
