"""Query parameters as Python values, each given at most once."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable
from typing import Any

from starlette.datastructures import QueryParams

from engine.errors import InvalidInput
from engine.types import Json
from serve_app.bodies import parse

TIMES = frozenset({"as_of", "at"})
"""The parameters that are times: a bare number is unix seconds."""

WHOLE_NUMBERS = frozenset({"as_of_position", "page", "page_size", "limit", "most_steps", "depth"})
"""The parameters that are whole numbers."""

_FLAGS = {"true": True, "1": True, "false": False, "0": False}
_WHOLE = re.compile(r"[+-]?[0-9]{1,18}")
_SECONDS = re.compile(r"[+-]?[0-9]{1,18}(\.[0-9]{1,9})?")


def known_params(params: QueryParams, names: Iterable[str]) -> dict[str, Any]:
    """The parameters that a call takes, as their types; all others are ignored.

    Raises:
        InvalidInput: one is given twice (which one was meant?) or is not of its type.
    """
    return {name: _typed(name, single(params, name)) for name in names if name in params}


def only(given: Iterable[str], names: Iterable[str]) -> None:
    """Refuse parameters or fields other than `names`, for calls that a dropped condition would make dangerous.

    Raises:
        InvalidInput: there is another one.
    """
    unknown = sorted(set(given) - set(names))
    if unknown:
        raise InvalidInput(
            f"unknown parameter: {', '.join(unknown)}. Nothing was deleted: without it, more could go than was meant",
            {"unknown": unknown},
        )


def single(params: QueryParams, name: str) -> str:
    """A parameter as it came; raises InvalidInput when it is given twice."""
    values = params.getlist(name)
    if len(values) > 1:
        raise InvalidInput(f"{name} is given more than once", {"field": name})
    return values[0]


def _typed(name: str, value: str) -> Any:
    match name:
        case _ if name in WHOLE_NUMBERS:
            return _whole_number(name, value)
        case "include_messages" | "include_expired":
            return _flag(name, value)
        case "deadline_s":
            return _number(name, value)
        case _ if name in TIMES and _SECONDS.fullmatch(value):
            return float(value)
        case "filters":
            return _object(name, value)
        case _:
            return value


def _whole_number(name: str, value: str) -> int:
    if not _WHOLE.fullmatch(value):
        raise InvalidInput(f"{name} must be a whole number", {"field": name})
    return int(value)


def _flag(name: str, value: str) -> bool:
    if value not in _FLAGS:
        raise InvalidInput(f"{name} must be true or false", {"field": name})
    return _FLAGS[value]


def _number(name: str, value: str) -> float:
    try:
        number = float(value)
    except ValueError:
        number = math.nan
    if not (math.isfinite(number) and number > 0):
        raise InvalidInput(f"{name} must be a number above 0", {"field": name})
    return number


def _object(name: str, value: str) -> Json:
    parsed = parse(value, name)
    if not isinstance(parsed, dict):
        raise InvalidInput(f"{name} must be a JSON object", {"field": name})
    return parsed
