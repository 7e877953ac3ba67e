"""What a caller or a project wants of the facts that are made of its messages. The names are Mem0's."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from engine.config import LimitSettings, Policy
from engine.errors import InvalidInput, TooLarge
from engine.types import Json
from engine.values import text_of

WISHES = frozenset({"custom_instructions", "includes", "excludes", "custom_categories"})
_POLICY = "policy"
_MOST_ITEMS = 200
_MOST_ITEM_CHARS = 500


def wishes_of(fields: Mapping[str, Any], limits: LimitSettings) -> Json:
    """The wishes among the fields, in one form: `{instructions, topics, but_topics, categories: [[name, what for]]}`,
    each only where something is wanted. Raises InvalidInput and TooLarge.
    """
    given = {name: fields[name] for name in sorted(WISHES) if fields.get(name) is not None}
    found: Json = {}
    for name, raw in given.items():
        match name:
            case "custom_instructions":
                found["instructions"] = text_of(raw, name, limits.query_chars).strip()
            case "includes":
                found["topics"] = _texts(raw, name)
            case "excludes":
                found["but_topics"] = _texts(raw, name)
            case _:
                found["categories"] = _categories(raw)
    return {name: value for name, value in found.items() if value}


def inference_of(given: object, limits: LimitSettings) -> Json:
    """What a project wants, `{policy, custom_instructions, includes, excludes, custom_categories}`, as it is kept:
    `{policy, wishes}`, each only where something is wanted. Raises InvalidInput and TooLarge.
    """
    if given is None:
        return {}
    if not isinstance(given, Mapping):
        raise InvalidInput("what a project wants of its facts should be an object", {"field": "inference"})
    if unknown := sorted(map(str, given.keys() - WISHES - {_POLICY})):
        known = ", ".join(sorted({*WISHES, _POLICY}))
        raise InvalidInput(f"unknown: {', '.join(unknown)}; there are {known}", {"field": unknown[0]})
    policy = given.get(_POLICY)
    if policy is not None and policy not in list(Policy):
        raise InvalidInput(f"policy should be one of {', '.join(Policy)}", {"field": _POLICY})
    found: Json = {_POLICY: None if policy is None else str(policy), "wishes": wishes_of(given, limits)}
    return {name: value for name, value in found.items() if value}


def own_categories_of(raw: object, *, infer: bool) -> tuple[str, ...]:
    """The categories that what is kept as it was said shall have, each once.

    Raises:
        InvalidInput: they are no texts, or facts are to be made, whose categories follow from what they say.
        TooLarge: there are too many.
    """
    if raw is None:
        return ()
    name = "categories"
    if infer:
        raise InvalidInput(
            "categories need infer to be false: facts get theirs by what they say, and custom_categories name those "
            "that they may have",
            {"field": name},
        )
    return tuple(dict.fromkeys(_texts(raw, name)))


def _texts(raw: object, name: str) -> list[str]:
    """A text, or a list of them."""
    if isinstance(raw, str):
        return [text_of(raw, name, _MOST_ITEM_CHARS).strip()] if raw.strip() else []
    if not isinstance(raw, list | tuple):
        raise InvalidInput(f"{name} should be a text or a list of texts", {"field": name})
    _not_too_many(raw, name)
    return [text_of(one, f"{name}[{at}]", _MOST_ITEM_CHARS).strip() for at, one in enumerate(raw)]


def _categories(raw: object) -> list[list[str]]:
    """`{name: what for}`, or a list of such objects."""
    name = "custom_categories"
    objects = [raw] if isinstance(raw, Mapping) else raw
    if not isinstance(objects, list | tuple) or not all(isinstance(one, Mapping) for one in objects):
        raise InvalidInput(f"{name} should be a list of objects {{name: description}}", {"field": name})
    pairs = [pair for one in objects for pair in one.items()]
    _not_too_many(pairs, name)
    return [
        [text_of(key, name, _MOST_ITEM_CHARS).strip(), text_of(what, f"{name}.{key}", _MOST_ITEM_CHARS).strip()]
        for key, what in pairs
    ]


def _not_too_many(raw: Sequence[object], name: str) -> None:
    if len(raw) > _MOST_ITEMS:
        raise TooLarge(f"more than {_MOST_ITEMS} {name}", {"field": name, "limit": _MOST_ITEMS})
