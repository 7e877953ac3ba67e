"""Names of months and weekdays and fixed phrases ("yesterday") of about 200 languages, from dateparser's tables.

Only its words are used: its parser takes about a millisecond for each expression, doesn't say which stretch it means,
and finds none in a sentence.
"""

from __future__ import annotations

import importlib
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from engine.temporal.words.language import Shift

_MONTHS = (
    "january february march april may june july august september october november december".split()  # noqa: SIM905 - shorter
)
_WEEKDAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
_PHRASE = re.compile(r"(?P<in>in )?(?P<count>\d+) (?P<unit>day|week|month|year)(?: ago)?")
_DISTANCE = re.compile(r"(?P<in>in )?\\1 (?P<unit>day|week|month|year)(?: ago)?")
_COUNT = r"(\d++[.,]?\d*+)"
_LEAST_LATIN_NAME = 4
_LEAST_NAME = 2
_CODE = re.compile("[a-z]{2,3}")


@dataclass(frozen=True, slots=True)
class CalendarNames:
    """What dateparser knows of a language.

    Attributes:
        months: names and abbreviations, to 1 to 12.
        weekdays: full names, to 0 (Monday) to 6.
        phrases: to what they mean.
        distances: regular expressions with one group, the count, to direction and unit.
        day_first: whether the day stands before the month in numbers.
        spaced: whether words are written apart.
    """

    code: str
    months: Mapping[str, int]
    weekdays: Mapping[str, int]
    phrases: Mapping[str, Shift]
    distances: Mapping[str, Shift]
    day_first: bool
    spaced: bool


def calendar_names(code: str) -> CalendarNames | None:
    """Those of the language with this ISO code; None: dateparser doesn't know it."""
    if not _CODE.fullmatch(code):
        return None
    try:
        info: Mapping[str, Any] = importlib.import_module(f"dateparser.data.date_translation_data.{code}").info
    except ModuleNotFoundError:
        return None
    return CalendarNames(
        code,
        months={name: at + 1 for at, month in enumerate(_MONTHS) for name in _folded(info.get(month, ()))},
        weekdays={
            name: at for at, day in enumerate(_WEEKDAYS) for name in _folded(info.get(day, ())) if _is_telling(name)
        },
        phrases=dict(_meanings(info.get("relative-type", {}), _PHRASE)),
        distances=dict(_meanings(info.get("relative-type-regex", {}), _DISTANCE)),
        day_first=info.get("date_order", "DMY") != "MDY",
        spaced="no_word_spacing" not in info,
    )


def _folded(names: Iterable[str]) -> list[str]:
    return [name.lower().removesuffix(".") for name in names if name[:1].isalnum()]


def _is_telling(name: str) -> bool:
    """Abbreviations of weekdays are words of their own in too many languages ("sun", "so", "mar")."""
    return len(name) >= (_LEAST_LATIN_NAME if name[0] < "\u0370" else _LEAST_NAME)


def _meanings(table: Mapping[str, Iterable[str]], key: re.Pattern[str]) -> Iterable[tuple[str, Shift]]:
    for canonical, phrases in table.items():
        if found := key.fullmatch(canonical):
            count = int(found.groupdict().get("count") or 1) * (1 if found["in"] else -1)
            for phrase in phrases:
                if len(phrase.replace(_COUNT, "").strip()) >= _LEAST_NAME:
                    yield phrase.lower(), (count, found["unit"])
