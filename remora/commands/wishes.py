"""What is wanted of facts, from flags to the fields of a call."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from remora.commands.connection import given
from remora.errors import InvalidInput


def wishes(
    instructions: str | None,
    include: Sequence[str] | None,
    exclude: Sequence[str] | None,
    category: Sequence[str] | None,
) -> dict[str, Any]:
    """The fields that these flags stand for; none for those that aren't there. Raises InvalidInput."""
    fields: dict[str, Any] = given(
        custom_instructions=None if instructions is None else _text(instructions),
        includes=list(include) if include else None,
        excludes=list(exclude) if exclude else None,
        custom_categories=[_category(one) for one in category] if category else None,
    )
    return fields


def _text(raw: str) -> str:
    if not raw.startswith("@"):
        return raw
    try:
        return Path(raw[1:]).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise InvalidInput(f"{raw[1:]} can't be read as text: {error}") from error


def _category(raw: str) -> dict[str, str]:
    name, mark, what = raw.partition("=")
    if not mark or not name.strip() or not what.strip():
        raise InvalidInput(f"--category should be NAME=WHAT FOR, not {raw!r}")
    return {name.strip(): what.strip()}
