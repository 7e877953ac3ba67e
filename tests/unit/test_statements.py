"""What of a text states, and what only asks."""

from __future__ import annotations

import pytest

from engine.text.statements import stated_share


@pytest.mark.parametrize(
    "text",
    [
        "I bought it last Saturday.",
        "no mark at the end",
        "see https://example.org/?q=tea for it",
        'She said "where are you?" and left.',
        "",
        "…",
    ],
)
def test_what_asks_nothing_is_a_statement(text: str) -> None:
    assert stated_share(text) == 1.0


@pytest.mark.parametrize(
    "text",
    ["How long have you had it?", "Really?!", "猫が好きですか？", "¿Dónde vives?", "أين أنت؟", "Why? When?"],
)
def test_what_only_asks_states_nothing(text: str) -> None:
    assert stated_share(text) == 0.0


def test_a_text_that_does_both_is_measured_by_its_letters() -> None:
    assert stated_share("I do. And you?") == pytest.approx(3 / 9)
    assert stated_share("And you?\nI do") == pytest.approx(3 / 9)
    assert stated_share("我喜欢茶。你呢？") == pytest.approx(4 / 6)
