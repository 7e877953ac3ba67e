"""docs/language-models.md, held to the code: its settings with their defaults, its variables, its links."""

from __future__ import annotations

import re
from enum import Enum
from pathlib import Path
from typing import Any

import pytest
from pydantic import BaseModel

from engine.config import ChatSettings, InferSettings, LlmSettings, Settings
from engine.variables import known

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "language-models.md").read_text()
ROWS = dict(re.findall(r"^\| `((?:llm|infer|chat)\.\w+)` \| ([^|]+) \| [^|]+ \|$", PAGE, re.MULTILINE))
SECTIONS: dict[str, type[BaseModel]] = {"llm": LlmSettings, "infer": InferSettings, "chat": ChatSettings}
LONG = {"chat.template", "infer.instructions"}
"""Texts, which the page shows or explains."""


def written(default: Any) -> str:
    """A default as the page writes it."""
    if default is None:
        return "none"
    if isinstance(default, bool):
        return "yes" if default else "no"
    if isinstance(default, Enum):
        return str(default.value)
    return default if isinstance(default, str) else f"{default:,g}"


def test_the_table_has_every_setting_with_its_default() -> None:
    fields = {f"{name}.{one}": field for name, kind in SECTIONS.items() for one, field in kind.model_fields.items()}
    expected = {name: "below" if name in LONG else written(field.default) for name, field in fields.items()}
    assert expected == ROWS
    assert fields["chat.template"].default in PAGE


def test_the_sections_are_those_of_the_settings() -> None:
    assert {name: type(getattr(Settings(), name)) for name in SECTIONS} == SECTIONS


@pytest.mark.parametrize("name", sorted(set(re.findall(r"REMORA_\w+", PAGE))))
def test_each_variable_is_read(name: str) -> None:
    assert name in known()


def test_each_link_leads_somewhere() -> None:
    links = re.findall(r"\]\(([\w-]+\.md)(?:#([\w-]+))?\)", PAGE)
    assert links
    for page, anchor in links:
        text = (ROOT / "docs" / page).read_text()
        headings = [re.sub(r"[^\w -]", "", one).strip().lower() for one in re.findall(r"^#+ (.+)$", text, re.MULTILINE)]
        assert not anchor or anchor in {one.replace(" ", "-") for one in headings}, (page, anchor)


def test_whoever_reads_on_finds_it() -> None:
    assert "(docs/language-models.md)" in (ROOT / "README.md").read_text()
    for page in ("facts.md", "http.md", "operations.md", "architecture.md"):
        assert "(language-models.md" in (ROOT / "docs" / page).read_text(), page
