"""Scripts that are written without spaces: pairs of characters, and words of Chinese."""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import cache
from importlib.metadata import version

_KANA = "\u3040-\u30ff\u31f0-\u31ff"
_HAN = "\u3400-\u9fff\uf900-\ufaff\U00020000-\U0003134f"
_HANGUL = "\uac00-\ud7a3"
_SOUTH_EAST = "\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff"  # Thai, Lao, Burmese, Khmer
_UNSPACED = f"{_KANA}{_HAN}{_HANGUL}{_SOUTH_EAST}"

UNSPACED = re.compile(f"[{_UNSPACED}]")
"""A character of a script without spaces. Korean has them, but what it hangs on to words makes pairs find more."""
RUNS = re.compile(f"[{_UNSPACED}]+|[^{_UNSPACED}]+")
"""Stretches that are with or without such characters throughout."""
HAN = re.compile(f"[{_HAN}]+")
KANA = re.compile(f"[{_KANA}]")


def pairs(run: str) -> list[str]:
    """Each two neighbouring characters: what is usual where no dictionary says where words end."""
    if len(run) == 1:
        return [run]
    return [run[at : at + 2] for at in range(len(run) - 1)]


def chinese_words(run: str) -> list[str]:
    """The words of Chinese characters, and the shorter words inside long ones."""
    return _cutter()(run)


def cutter_version() -> str:
    """Other versions may cut otherwise."""
    return f"rjieba {version('rjieba')}"


@cache
def _cutter() -> Callable[[str], list[str]]:
    import rjieba  # noqa: PLC0415 - its dictionary takes 0.1 s and 33 MB, and most never meet Chinese

    return rjieba.cut_for_search
