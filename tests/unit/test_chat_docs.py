"""The examples of chats in docs/: run as they stand, against a door and a scripted model."""

from __future__ import annotations

import asyncio
import contextlib
import io
import re
from pathlib import Path

import pytest

from tests.provider import DONE, Reply, chunk
from tests.unit.test_chat_door import world

DOCS = Path(__file__).parents[2] / "docs"
HEADING = "## Chat that remembers\n"


def examples(page: str) -> list[str]:
    """The Python of the section."""
    section = (DOCS / page).read_text().partition(HEADING)[2].partition("\n## ")[0]
    return re.findall(r"```python\n(.*?)```", section, re.DOTALL)


def run(codes: list[str], url: str) -> str:
    """One after the other, in one namespace; what they print."""
    names: dict[str, object] = {}
    said = io.StringIO()
    with contextlib.redirect_stdout(said):
        for code in codes:
            exec(code.replace("http://127.0.0.1:8000", url), names)
    client = names["client"]
    close = getattr(client, "close", None)
    if close is not None:
        close()
    return said.getvalue()


@pytest.mark.parametrize(("page", "says"), [("http.md", ["Aurora."]), ("python.md", ["Aurora.", "4"])])
async def test_the_examples_run_and_remember(page: str, says: list[str]) -> None:
    codes = examples(page)
    assert codes, f"docs/{page} has no example under {HEADING!r}"
    second = (
        Reply("Aurora.") if page == "python.md" else Reply(stream=[chunk("Aurora", role="assistant"), chunk("."), DONE])
    )
    async with world(Reply("A fine name."), second) as one:
        one.memory.settles = True
        said = await asyncio.to_thread(run, codes, one.url)
        assert len(await one.remembered()) == 4
        assert "My boat is called Aurora." in one.upstream.asked[1]["messages"][0]["content"]
    assert said.split() == says
