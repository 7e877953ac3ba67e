"""Who calls, in requests that have few other fields. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from engine import requests
from engine.api import CallFields, WriteFields
from engine.requests import Call

_READ = frozenset(CallFields.__annotations__)
_WRITE = _READ | WriteFields.__annotations__.keys()


def read_call(fields: Mapping[str, Any]) -> Call:
    """Of a read without fields of its own; raises InvalidInput."""
    return requests.parse_call(fields, _READ)


def write_call(fields: Mapping[str, Any]) -> Call:
    """Of a write without fields of its own; raises InvalidInput."""
    return requests.parse_call(fields, _WRITE)
