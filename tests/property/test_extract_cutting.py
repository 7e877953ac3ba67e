"""Cutting any text, with counters of several kinds."""

from __future__ import annotations

import re
from collections.abc import Sequence

from hypothesis import given
from hypothesis import strategies as st

from engine.extract.cutting import Count, cut


def words(texts: Sequence[str]) -> list[int]:
    return [len(re.findall(r"\w+|[^\w\s]", text)) for text in texts]


def characters(texts: Sequence[str]) -> list[int]:
    return [len(text) for text in texts]


def growing(texts: Sequence[str]) -> list[int]:
    """A counter for which a whole counts more than its parts."""
    return [len(text.split()) ** 2 for text in texts]


texts = st.text(st.sampled_from('ab é.!?。\n\t \u0301\u200d👋🏽"-1'), max_size=120)


@given(texts, st.integers(1, 12), st.sampled_from([words, characters, growing]))
def test_nothing_but_white_space_between_pieces_is_lost(text: str, limit: int, count: Count) -> None:
    pieces = cut(text, limit, count)
    assert re.sub(r"\s", "", "".join(pieces)) == re.sub(r"\s", "", text)
    assert all(piece == piece.strip() and piece in text and piece for piece in pieces)


@given(st.text(st.sampled_from("ab .!?\n"), max_size=120), st.integers(1, 12))
def test_every_piece_is_under_the_limit(text: str, limit: int) -> None:
    assert all(len(piece) <= limit for piece in cut(text, limit, characters))
