"""Request bodies as Python values. Says whether they are JSON, not whether they make sense."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterable
from typing import Any, is_typeddict

import orjson
from starlette.requests import Request

from engine.errors import InvalidInput
from engine.types import Json

MAX_DEPTH = 64
_LARGE_BYTES = 64 * 1024
_LONG_NUMBER = b"0" * 19
_DIGITS_ONLY = bytes(ord("0") if chr(byte).isdigit() and byte < 128 else ord(" ") for byte in range(256))


async def json_object(request: Request, *, optional: bool = False) -> Json:
    """The body as an object, whatever its content type says; parsed outside the event loop when it is large.

    `optional`: no body at all is an empty object.

    Raises:
        InvalidInput: the body is not JSON, or not an object.
    """
    raw = await request.body()
    if optional and not raw:
        return {}
    value = parse(raw) if len(raw) <= _LARGE_BYTES else await asyncio.to_thread(parse, raw)
    if not isinstance(value, dict):
        raise InvalidInput("the body must be a JSON object", {"field": "body"})
    return value


def parse(raw: bytes | str, what: str = "body") -> Any:
    """JSON as strict as it is written: no NaN, no broken UTF-8 or lone surrogate, no number that would lose digits.

    Raises:
        InvalidInput: it is not such JSON, or it is nested deeper than 64.
    """
    data = raw.encode("utf-8", "surrogatepass") if isinstance(raw, str) else raw
    try:
        value = orjson.loads(data)
    except orjson.JSONDecodeError as error:
        raise InvalidInput(f"the {what} is not valid JSON: {error.msg}", {"field": what}) from error
    _check_depth(value, data, what)
    if _LONG_NUMBER in data.translate(_DIGITS_ONLY):
        # orjson makes a float of an integer over 64 bits. Only a body with so many digits in a row is read twice.
        json.loads(data, parse_int=lambda digits: _checked_integer(digits, what))
    return value


def known(body: Json, names: Iterable[str]) -> dict[str, Any]:
    """The fields of a body that a call takes; all others are ignored, as clients of several versions need it.

    Raises:
        InvalidInput: `deadline_s` is no time to wait.
    """
    fields = {name: body[name] for name in names if name in body}
    _check_deadline(fields.get("deadline_s"))
    return fields


async def no_body(request: Request, why: str) -> None:
    """Refuse a request with a body, which could mean that less should happen. Raises InvalidInput, which says `why`."""
    if (await request.body()).strip():
        raise InvalidInput(why, {"field": "body"})


def required(body: Json, name: str) -> Any:
    """A field that must be there.

    Raises:
        InvalidInput: it isn't.
    """
    if name not in body:
        raise InvalidInput(f"{name} is required", {"field": name})
    return body[name]


def fields_of(call: type) -> frozenset[str]:
    """The names that a call of `engine.api` takes from a body.

    `project` never: it follows from the key. Nor `operation_id`: here that name is the server's own.
    """
    if not is_typeddict(call):
        raise TypeError(f"{call!r} is not a TypedDict")
    return frozenset(call.__annotations__) - {"project", "operation_id"}


def _check_deadline(deadline_s: object) -> None:
    # The only value that is looked at here: the way to the engine already waits by it.
    if deadline_s is None or (
        isinstance(deadline_s, int | float) and not isinstance(deadline_s, bool) and deadline_s > 0
    ):
        return
    raise InvalidInput("deadline_s must be a number of seconds above 0", {"field": "deadline_s"})


def _check_depth(value: Any, data: bytes, what: str) -> None:
    if data.count(b"[") + data.count(b"{") <= MAX_DEPTH:
        return
    layer: list[Any] = [value]
    for _ in range(MAX_DEPTH + 1):
        layer = [inner for outer in layer for inner in _children(outer)]
        if not layer:
            return
    raise InvalidInput(f"the {what} is nested deeper than {MAX_DEPTH}", {"field": what, "allowed": MAX_DEPTH})


def _children(value: Any) -> Iterable[Any]:
    if isinstance(value, dict):
        return (inner for inner in value.values() if isinstance(inner, dict | list))
    return (inner for inner in value if isinstance(inner, dict | list)) if isinstance(value, list) else ()


def _checked_integer(digits: str, what: str) -> int:
    if len(digits) > 20 or not -(2**63) <= int(digits) < 2**63:
        raise InvalidInput(f"the {what} holds a whole number beyond 64 bits", {"field": what})
    return int(digits)
