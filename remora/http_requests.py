"""Values as HTTP carries them: JSON, path segments, query parameters, headers. What can't be sent is refused here."""

from __future__ import annotations

import json
import uuid
from collections.abc import Mapping
from typing import Any, TypeAlias
from urllib.parse import quote

from remora.errors import InvalidInput
from remora.operation_keys import key_of

Json: TypeAlias = dict[str, Any]


def encoded(value: object) -> bytes:
    """The value as JSON.

    Raises:
        InvalidInput: it holds what JSON can't.
    """
    try:
        return json.dumps(value, ensure_ascii=False, separators=(",", ":"), allow_nan=False).encode()
    except UnicodeEncodeError as error:
        raise InvalidInput("the text is no valid Unicode") from error
    except (TypeError, ValueError, RecursionError) as error:
        raise InvalidInput(f"this can't be sent as JSON: {error}") from error


def segment(path: str, raw: object, what: str = "memory_id") -> str:
    """The address of one thing below `path`. Any text stays one segment; what can't be an id is refused.

    Raises:
        InvalidInput: it is blank, or no text.
    """
    if not isinstance(raw, str) or not raw.strip():
        wanted = "a valid UUID" if what.endswith("_id") else "a name"
        raise InvalidInput(f"{what} should be {wanted}", {"field": what})
    return f"{path}{_percent(raw, what).replace('.', '%2E')}/"


def params_of(fields: Mapping[str, Any]) -> dict[str, str]:
    """Query parameters of the fields that are given.

    Raises:
        InvalidInput: a scope's id is no text, or a text is no Unicode.
    """
    return {name: _param(name, value) for name, value in fields.items() if value is not None}


def header_key(key: object) -> str:
    """An idempotency key that a header can carry unchanged.

    Raises:
        InvalidInput: it can't.
    """
    if not isinstance(key, str) or not key.isascii() or not key.isprintable() or key != key.strip() or not key:
        raise InvalidInput(
            "idempotency_key should be a string of printable ASCII characters", {"field": "idempotency_key"}
        )
    return key


def authorization(api_key: str | None) -> dict[str, str]:
    """The header that shows the key, if there is one.

    Raises:
        InvalidInput: the key can't be one.
    """
    if not api_key:
        return {}
    if not api_key.isascii() or not api_key.isprintable():
        raise InvalidInput("the API key holds characters that no key has", {"field": "api_key"})
    return {"authorization": f"Token {api_key}"}


def listed(items: object) -> list[Json]:
    """The items of a bulk call.

    Raises:
        InvalidInput: there are none, or it is no list.
    """
    if not isinstance(items, list | tuple) or not items:
        raise InvalidInput("items should be a list with at least one item", {"field": "items"})
    return [*items]


def keyed(item: Any) -> Any:
    """The item of a bulk add with an idempotency key: its own, or one that is made up."""
    if not isinstance(item, Mapping):
        return item
    key = key_of(item.get("idempotency_key"), item.get("operation_id"))
    rest = {name: value for name, value in item.items() if name != "operation_id"}
    return {**rest, "idempotency_key": uuid.uuid4().hex if key is None else key}


def _param(name: str, value: object) -> str:
    """Whatever is no text goes as JSON, so that a wrong type stays one. A number is an id as well, as in a body."""
    if isinstance(value, str):
        _percent(value, name)
        return value
    if name.endswith("_id") and (isinstance(value, bool) or not isinstance(value, int)):
        raise InvalidInput(f"{name} should be a string", {"field": name})
    return encoded(value).decode()


def _percent(text: str, what: str) -> str:
    try:
        return quote(text, safe="")
    except UnicodeEncodeError as error:
        raise InvalidInput(f"{what} is no valid Unicode", {"field": what}) from error
