"""Many requests in one."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from engine.config import LimitSettings
from engine.errors import InvalidInput, TooLarge
from engine.types import Json


def parse_batch(items: object, limits: LimitSettings) -> list[Json]:
    """The items of a batch. What each holds is checked by `parse_item` when its turn comes.

    Raises:
        InvalidInput: it is no list, or it is empty.
        TooLarge: it holds too many.
    """
    if not isinstance(items, list | tuple) or not items:
        raise InvalidInput("items should be a list with at least one item", {"field": "items"})
    if len(items) > limits.batch_items:
        raise TooLarge(f"more than {limits.batch_items} items", {"field": "items", "limit": limits.batch_items})
    return list(items)


def parse_item(item: object, needed: str) -> tuple[Any, Json]:
    """An item's own argument and its fields.

    Raises:
        InvalidInput: it is no object, or lacks the argument.
    """
    if not isinstance(item, Mapping) or needed not in item:
        raise InvalidInput(f"an item should be an object with {needed}", {"field": needed})
    return item[needed], {name: value for name, value in item.items() if name != needed}
