"""What counts as a number in a request."""

from __future__ import annotations

from typing import Any

import pytest

from engine import requests
from engine.config import LimitSettings, SearchSettings
from engine.errors import InvalidInput
from engine.values import is_number

HUGE = 10**400


@pytest.mark.parametrize(("raw", "counts"), [(0, True), (-1.5, True), (True, False), ("1", False), (None, False)])
def test_numbers_are_told_from_what_looks_like_them(raw: object, counts: bool) -> None:
    assert is_number(raw) is counts


@pytest.mark.parametrize("raw", [float("nan"), float("inf"), HUGE, -HUGE])
@pytest.mark.parametrize("field", ["threshold", "diversity", "deadline_s", "weights"])
def test_a_search_refuses_numbers_that_nothing_can_be_counted_with(field: str, raw: float) -> None:
    given: Any = {"dense": raw} if field == "weights" else raw
    with pytest.raises(InvalidInput, match=field):
        requests.parse_search("q", {"filters": {"user_id": "u"}, field: given}, LimitSettings(), SearchSettings())
