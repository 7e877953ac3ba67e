"""The choice of forward passes, over any lengths and limits."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from engine.embed.batches import plan

lengths = st.lists(st.integers(1, 300), max_size=80)
limits = st.integers(1, 1000)
sizes = st.integers(1, 40)


@given(lengths, limits, sizes)
def test_every_text_is_in_exactly_one_pass(lengths: list[int], max_tokens: int, max_texts: int) -> None:
    batches = plan(lengths, max_tokens, max_texts)
    assert sorted(index for batch in batches for index in batch) == list(range(len(lengths)))
    assert all(batches)


@given(lengths, limits, sizes)
def test_no_padded_pass_is_over_a_limit_unless_it_is_one_text(
    lengths: list[int], max_tokens: int, max_texts: int
) -> None:
    for batch in plan(lengths, max_tokens, max_texts):
        assert len(batch) <= max_texts
        assert len(batch) == 1 or len(batch) * max(lengths[index] for index in batch) <= max_tokens


@given(lengths, limits, sizes)
def test_passes_go_from_short_texts_to_long_ones(lengths: list[int], max_tokens: int, max_texts: int) -> None:
    flat = [lengths[index] for batch in plan(lengths, max_tokens, max_texts) for index in batch]
    assert flat == sorted(flat)


@given(lengths, limits, sizes, st.integers(0, 200))
def test_no_greedy_cut_is_cheaper(lengths: list[int], max_tokens: int, max_texts: int, call_tokens: int) -> None:
    def cost(batches: list[list[int]]) -> int:
        return sum(call_tokens + len(batch) * max(lengths[index] for index in batch) for batch in batches)

    greedy: list[list[int]] = []
    for index in sorted(range(len(lengths)), key=lambda index: lengths[index]):
        if greedy and len(greedy[-1]) < max_texts and (len(greedy[-1]) + 1) * lengths[index] <= max_tokens:
            greedy[-1].append(index)
        else:
            greedy.append([index])
    assert cost(plan(lengths, max_tokens, max_texts, call_tokens)) <= cost(greedy)


def test_equal_short_texts_share_one_pass() -> None:
    assert len(plan([20] * 64, 4096, 64)) == 1


def test_one_long_text_does_not_pad_the_short_ones() -> None:
    assert [len(batch) for batch in plan([250, *[8] * 31], 4096, 64)] == [31, 1]
