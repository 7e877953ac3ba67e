"""Lists and their pages, and memories by id."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from engine.as_of import AS_OF_FIELDS, AsOf, parse_as_of
from engine.config import LimitSettings
from engine.filters import Filter
from engine.requests.call import CALL_FIELDS, Call, parse_call
from engine.requests.filter import filter_of
from engine.requests.scope import SCOPE
from engine.values import count_of, flag_of


@dataclass(frozen=True, slots=True)
class ListRequest:
    """A page of a list. `include_messages`: with the messages that facts were made of. `include_expired`: with what has
    expired.
    """

    call: Call
    filter: Filter
    page: int
    page_size: int
    as_of: AsOf | None = None
    include_messages: bool = False
    include_expired: bool = False


def parse_list(fields: Mapping[str, Any], limits: LimitSettings) -> ListRequest:
    """A page of a list; raises as `parse_add` does."""
    known = AS_OF_FIELDS | {"filters", "page", "page_size", "include_messages", "include_expired"}
    call = parse_call(fields, CALL_FIELDS | SCOPE | known)
    page, page_size = parse_page(fields, limits)
    return ListRequest(
        call,
        filter_of(fields, limits),
        page,
        page_size,
        parse_as_of(fields),
        include_messages=flag_of(fields, "include_messages", default=False),
        include_expired=flag_of(fields, "include_expired", default=False),
    )


def parse_get(fields: Mapping[str, Any]) -> tuple[Call, AsOf | None]:
    """Who asks for memories by id, and as of when."""
    return parse_call(fields, CALL_FIELDS | AS_OF_FIELDS), parse_as_of(fields)


def parse_page(fields: Mapping[str, Any], limits: LimitSettings) -> tuple[int, int]:
    """`page` from 1, and `page_size`."""
    page = count_of(fields.get("page"), "page", 1, 2**31)
    return page, count_of(fields.get("page_size"), "page_size", min(100, limits.page_size), limits.page_size)
