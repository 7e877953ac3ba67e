"""What callers want of facts, in each form that they say it in."""

from __future__ import annotations

from typing import Any

import pytest

from engine.config import LimitSettings
from engine.errors import InvalidInput, TooLarge
from engine.requests.wishes import wishes_of

LIMITS = LimitSettings()


@pytest.mark.parametrize(
    ("fields", "wished"),
    [
        ({}, {}),
        ({"includes": None, "excludes": ""}, {}),
        ({"custom_instructions": " Only food. "}, {"instructions": "Only food."}),
        ({"includes": "food", "excludes": ["work", "money"]}, {"topics": ["food"], "but_topics": ["work", "money"]}),
        ({"custom_categories": {"home": "Where."}}, {"categories": [["home", "Where."]]}),
        ({"custom_categories": [{"home": "Where."}, {"a": "b"}]}, {"categories": [["home", "Where."], ["a", "b"]]}),
    ],
)
def test_wishes_have_one_form(fields: dict[str, Any], wished: dict[str, Any]) -> None:
    assert wishes_of(fields, LIMITS) == wished


@pytest.mark.parametrize(
    ("fields", "error"),
    [
        ({"custom_instructions": 3}, InvalidInput),
        ({"custom_instructions": "x" * 20_000}, TooLarge),
        ({"includes": {"a": 1}}, InvalidInput),
        ({"includes": ["a", 2]}, InvalidInput),
        ({"excludes": ["a"] * 201}, TooLarge),
        ({"custom_categories": "home"}, InvalidInput),
        ({"custom_categories": [{"home": 1}]}, InvalidInput),
        ({"custom_categories": ["home"]}, InvalidInput),
    ],
)
def test_what_is_no_wish_is_refused(fields: dict[str, Any], error: type[Exception]) -> None:
    with pytest.raises(error):
        wishes_of(fields, LIMITS)
