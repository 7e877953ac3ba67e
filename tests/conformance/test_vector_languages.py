"""Texts of several languages in one store: each question finds those of its own, from a block and over the table."""

from __future__ import annotations

from pathlib import Path

import pytest

from engine.filters import Compare, Op
from engine.ports import VectorQuery, VectorStore
from engine.types import BlockKey
from tests.conformance.vector_cases import KINDS, Ledger, axis, opener, version

TEXTS = {
    "german": "In der Altstadt habe ich schöne alte Häuser gesehen",
    "spanish": "Mi hermana tiene dos perros en casa",
    "french": "J'ai visité des maisons pour les enfants",
    "chinese": "我昨天在北京大学听了一个讲座",
    "english": "We visited two castles by the river",
}
QUESTIONS = {
    "german": "Welches Haus war das?",
    "spanish": "¿Quién tiene un perro?",
    "french": "Où est la maison ?",
    "chinese": "北京大学在哪里？",
    "english": "Which castle was it?",
}


async def found(store: VectorStore, ledger: Ledger, text: str, *, by_block: bool) -> set[str]:
    key = BlockKey("p", "user_id", "ann") if by_block else None
    query = VectorQuery("p", Compare("user_id", Op.EQ, "ann"), 10, None, text, key)
    answer = await store.search([query])
    if answer.cold[0] is not None:
        await store.fill(ledger.block(answer.cold[0]))
        answer = await store.search([query])
    return {hit.version.memory_id for hit in answer.hits[0]}


@pytest.fixture(params=[kind for kind in KINDS if kind != "memory"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> VectorStore:
    """One that was made for several languages."""
    return opener(request, tmp_path)(language="auto")


@pytest.mark.parametrize("by_block", [True, False], ids=["by block", "wide"])
async def test_each_question_finds_the_texts_of_its_language(store: VectorStore, by_block: bool) -> None:
    ledger = Ledger()
    rows = [(version(language, text), axis(at)) for at, (language, text) in enumerate(TEXTS.items())]
    await store.apply(ledger.add(*rows))
    for language, question in QUESTIONS.items():
        assert await found(store, ledger, question, by_block=by_block) == {language}
    await store.close()
