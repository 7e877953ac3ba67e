"""From token states to vectors: plain tensor functions. The modes are those of sentence-transformers' model files."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor


def pool(states: Tensor, mask: Tensor, modes: Sequence[str]) -> Tensor:
    """Pool each row over its masked tokens, once a mode, side by side.

    Args:
        states: float32 (n, t, h).
        mask: bool (n, t), at least one token a row; the tokens of a row without a gap.
        modes: of `mean`, `cls` (first token), `lasttoken`, `max`, `mean_sqrt_len_tokens`, `weightedmean`.

    Returns:
        float32 (n, h * modes), not of unit length.
    """
    return torch.cat([_pool(states, mask, mode) for mode in modes], dim=-1)


def span_modes(modes: Sequence[str]) -> list[str]:
    """The modes for a part of a text: there is no summary token inside it, so `cls` becomes `mean`."""
    return ["mean" if mode == "cls" else mode for mode in modes]


def _pool(states: Tensor, mask: Tensor, mode: str) -> Tensor:
    if mode == "max":
        return states.masked_fill(~mask.unsqueeze(-1), float("-inf")).amax(dim=1)
    weights = _weights(mask, mode).to(states.dtype)
    return torch.bmm(weights.unsqueeze(1), states).squeeze(1)


def _weights(mask: Tensor, mode: str) -> Tensor:
    """What each token's state is multiplied with before they are added up: float (n, t)."""
    count = mask.sum(dim=1, keepdim=True)
    place = mask.cumsum(dim=1) * mask
    match mode:
        case "mean":
            return mask / count
        case "mean_sqrt_len_tokens":
            return mask / count.sqrt()
        case "cls":
            return (place == 1).float()
        case "lasttoken":
            return (place == count).float() * mask
        case "weightedmean":
            return place / place.sum(dim=1, keepdim=True)
        case _:
            raise ValueError(f"unknown pooling mode {mode}")
