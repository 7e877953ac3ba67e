"""Chinese, which writes words without blanks: patterns of its own instead of tables of words."""

from __future__ import annotations

import re
from datetime import date
from functools import partial

from engine.temporal import stretches
from engine.temporal.dated import decade
from engine.temporal.range import TimeRange
from engine.temporal.rule import Hold, Meaning, Occasion, Rule

HINT = re.compile("[年月日号號天周週星礼禮今昨明前后後季春夏秋冬]")
VAGUE = "每|最近|近来|刚才|刚刚|不久|以前|从前|以后|曾经|将来|点钟|[上下]午|小时"
ASKS = (
    "什么时候|什麼時候|何时|何時|啥时候|哪一?[天年日周]|哪个?(?:月|星期|周末|季节|日子)|几[号月点年]|多久|多长时间|"
    "什么日[期子]|多少[天年周]|几(?:个月|天)"
)
FUTURE = "将|会|要|打算|计划|准备|下"
_DIGITS = {char: value for value, char in enumerate("〇一二三四五六七八九")} | {
    "零": 0,
    "两": 2,
    "兩": 2,
    "几": 3,
    "幾": 3,
}
_NUMBER = "(?:[0-9]{1,3}|[一二三四五六七八九十两兩几幾]{1,3})"
_WRITTEN = re.compile("([^十])?(十)?([^十])?")
_OR_ONE_MORE = re.compile("([一二三四五六七八两兩])[二两兩三四五六七八九](?=十|$)")
_YEARS = {"前": -2, "去": -1, "今": 0, "本": 0, "明": 1, "后": 2, "後": 2}
_DAYS = {"大前": -3, "前": -2, "昨": -1, "今": 0, "明": 1, "后": 2, "後": 2, "大后": 3, "大後": 3}
_UNITS = {"天": "day", "日": "day", "周末": "weekend", "週末": "weekend", "周": "week", "週": "week", "星期": "week"}
_UNITS |= {"礼拜": "week", "禮拜": "week", "月": "month", "年": "year"}
_UNIT = "周末|週末|周|週|星期|礼拜|禮拜|月|年"
_DIRECTIONS = {"上上": -2, "上": -1, "这": 0, "這": 0, "本": 0, "下": 1, "下下": 2}
_WEEKDAYS = {char: value for value, char in enumerate("一二三四五六日")} | {"天": 6}
_SEASONS = {"春": 0, "夏": 1, "秋": 2, "冬": 3}
_YEAR = "[12][0-9]{3}|[一二][〇零一二三四五六七八九]{3}|[前去今本明后後]"


def number(written: str) -> int:
    """12, 十二, 二十, 两. Raises ValueError for what is none, as 十十."""
    if written.isascii():
        return int(written)
    match = _WRITTEN.fullmatch(written)
    if match is None or (match[1] and match[3] and not match[2]):
        raise ValueError(written)
    tens, ten, ones = match.groups()
    if not ten:
        return _DIGITS[tens or ones]
    return (_DIGITS[tens] if tens else 1) * 10 + (_DIGITS[ones] if ones else 0)


def _count(written: str) -> int:
    """The same of what is counted: 两三 is two or three, 二三十 is twenty or thirty, and means the smaller."""
    return number(_OR_ONE_MORE.sub(r"\1", written))


def _recurring(_: re.Match[str], __: Occasion) -> None:
    """Every Friday is no Friday."""


def _date(match: re.Match[str], at: Occasion) -> TimeRange:
    written, month, day = match.groups()
    if month is None:
        if written is None:
            raise ValueError(match)
        return stretches.year(_year(written, at.day))
    of_year = partial(_part_of_year, month=number(month), day=number(day) if day else None)
    if written is None:
        return stretches.yearly(at.day, of_year, None)
    return of_year(_year(written, at.day))


def _part_of_year(year: int, *, month: int, day: int | None) -> TimeRange:
    first = date(year, month, day or 1)
    return stretches.month(year, month) if day is None else stretches.days(first, 1)


def _year(written: str, day: date) -> int:
    if written in _YEARS:
        return day.year + _YEARS[written]
    return int(written) if written.isascii() else int("".join(str(_DIGITS[char]) for char in written))


def _season(match: re.Match[str], at: Occasion) -> TimeRange:
    return stretches.season(_year(match[1], at.day), _SEASONS[match[2]])


def _distance(match: re.Match[str], at: Occasion) -> TimeRange:
    direction = -1 if match[3] == "前" else 1
    return stretches.distant(at.day, direction * _count(match[1]), _UNITS[match[2]])


def _lasting(match: re.Match[str], at: Occasion) -> TimeRange:
    return stretches.up_to(at.day, _count(match[1]), _UNITS[match[2]])


def _directed(match: re.Match[str], at: Occasion) -> TimeRange:
    said, unit, weekday = match.groups()
    direction = _DIRECTIONS[said]
    if weekday is not None and _UNITS[unit] == "week":
        monday = stretches.weekday(at.day, 0, 0)
        return stretches.later(monday, 7 * direction + _WEEKDAYS[weekday])
    return stretches.shifted(at.day, direction, _UNITS[unit])


def _weekday(match: re.Match[str], at: Occasion) -> TimeRange:
    wanted = _WEEKDAYS[match[1]]
    if wanted == at.day.weekday():
        return stretches.days(at.day, 1)
    return stretches.weekday(at.day, wanted, 1 if at.to_come(match.start()) else -1)


def _day(match: re.Match[str], at: Occasion) -> TimeRange:
    return stretches.shifted(at.day, _DAYS[match[1]], "day")


def _decade(match: re.Match[str], _: Occasion) -> TimeRange:
    return decade(number(match[1]))


_CALENDAR = (
    rf"(?:({_YEAR})年(?![前后後代来间间级])\s*的?)?"
    "(?:(?<![0-9一二三四五六七八九十])([0-9]{1,2}|[一二三四五六七八九十]{1,2})月(?![前后後])份?"
    r"\s*(?:([0-9]{1,2}|[一二三四五六七八九十]{1,3})\s*[日号號])?)?"
)
_RULES: tuple[tuple[str, Meaning], ...] = (
    (_CALENDAR, _date),
    ("每[个個]?(?:周|週|星期|礼拜|禮拜|天|日|月|年)[一二三四五六日天]?", _recurring),
    (rf"({_YEAR})年的?\s*([春夏秋冬])[天季节節]?", _season),
    (rf"({_NUMBER})\s*[个個]?(天|日|{_UNIT})(?:[之以])?([前后後])", _distance),
    (rf"(?:最近|过去|過去|近)的?\s*({_NUMBER})\s*[个個]?(天|{_UNIT})", _lasting),
    (rf"(上上|下下|上|下|这|這|本)(?:一?[个個])?({_UNIT})([一二三四五六日天])?", _directed),
    ("(?:周|週|星期|礼拜|禮拜)([一二三四五六日天])", _weekday),
    ("(大前|大后|大後|前|昨|今|明|后|後)[天日晚早]", _day),
    ("((?:19|20)?[0-9]0|[一二三四五六七八九]十)年代", _decade),
)
_WITH_YEAR = (_date, _season)
CHINESE_RULES = tuple(
    Rule(
        re.compile(pattern),
        meaning,
        year=1 if meaning in _WITH_YEAR else None,
        hold=Hold.FIXED if meaning is _decade else Hold.RELATIVE,
    )
    for pattern, meaning in _RULES
)
