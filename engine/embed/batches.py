"""Which texts share a forward pass: a pure choice over their lengths. No model, no queue."""

from __future__ import annotations

from collections.abc import Sequence

CALL_TOKENS = 64
"""What a forward pass costs beyond its tokens, counted in tokens: MiniLM on 2 cores, about 8 to 12 ms a call."""


def plan(lengths: Sequence[int], max_tokens: int, max_texts: int, call_tokens: int = CALL_TOKENS) -> list[list[int]]:
    """Split the texts 0..n-1, whose token counts are `lengths`, into forward passes; each list is one, of indexes.

    A pass pads every text to its longest, so its cost is `call_tokens` + texts x longest. Texts are sorted by length
    and the cheapest cut into runs is taken, by dynamic programming over the end of the last run. No run has more
    than `max_texts` texts or, padded, more than `max_tokens` tokens, except a single text that is longer by itself.
    Takes O(n x max_texts) steps.
    """
    order = sorted(range(len(lengths)), key=lambda index: lengths[index])
    cost: list[int] = [0]
    start_of: list[int] = [0]
    for end in range(1, len(order) + 1):
        longest = lengths[order[end - 1]]
        most = max(1, min(max_texts, end, max_tokens // max(1, longest)))
        best, start = min((cost[end - size] + size * longest, end - size) for size in range(1, most + 1))
        cost.append(best + call_tokens)
        start_of.append(start)
    batches: list[list[int]] = []
    end = len(order)
    while end:
        batches.append(order[start_of[end] : end])
        end = start_of[end]
    return batches[::-1]
