"""What callers want of facts, in each form that they say it in."""

from __future__ import annotations

from typing import Any

import pytest

from engine.config import LimitSettings
from engine.errors import InvalidInput, TooLarge
from engine.requests.wishes import own_categories_of, wishes_of

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


@pytest.mark.parametrize(
    ("raw", "categories"), [(None, ()), ("food", ("food",)), ([" food ", "home", "food"], ("food", "home"))]
)
def test_what_is_kept_as_it_was_said_may_have_categories(raw: Any, categories: tuple[str, ...]) -> None:
    assert own_categories_of(raw, infer=False) == categories


@pytest.mark.parametrize(
    ("raw", "infer", "error"),
    [
        (["food"], True, InvalidInput),
        (["food", ""], False, InvalidInput),
        ({"food": 1}, False, InvalidInput),
        (["a"] * 201, False, TooLarge),
    ],
)
def test_categories_that_cannot_be_kept_are_refused(raw: Any, infer: bool, error: type[Exception]) -> None:
    with pytest.raises(error):
        own_categories_of(raw, infer=infer)
