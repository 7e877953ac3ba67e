"""What a model says of texts that have nothing to do with each other: where its cosines begin to mean something."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from engine.ranking import codes
from engine.ranking.weights import Floors
from engine.types import FloatArray

_QUANTILE = 0.75
"""Such a share of the unrelated pairs gets nothing."""
_HIGHEST = 0.95

QUESTIONS = (
    "When does the ferry to the island leave?",
    "Who repaired the kitchen sink?",
    "Which colour did they paint the fence?",
    "How much did the new tyres cost?",
    "Where was the violin made?",
    "What did the doctor say about the knee?",
    "Why was the match called off?",
    "Which language is she learning?",
    "What is the password of the guest network?",
    "How long does the bread have to rise?",
    "Who won the chess tournament?",
    "What did he plant behind the shed?",
)
STATEMENTS = (
    "My grandmother collected stamps from Portugal.",
    "The printer on the second floor is out of toner.",
    "We saw two owls on the old church tower.",
    "I prefer my coffee without sugar.",
    "The invoice for March is still unpaid.",
    "He has been afraid of spiders since he was six.",
    "Our train was stopped by snow near the border.",
    "She wants to study astronomy next year.",
    "The film was far too long, but I loved the music.",
    "Please send the contract to the new address.",
    "They adopted a grey cat with only one eye.",
    "It has rained every single day of our holiday.",
)


def floors(
    asked: FloatArray,
    told: FloatArray,
    asked_tokens: Sequence[npt.NDArray[np.floating]],
    told_tokens: Sequence[npt.NDArray[np.floating]],
) -> Floors:
    """From the unit vectors float32 (n, d) and token states of `QUESTIONS` and `STATEMENTS`, none of which belong
    together."""
    cosine = float(np.quantile(asked @ told.T, _QUANTILE))
    memories = [codes.encode(states) for states in told_tokens]
    matches = [codes.match(codes.question(states), memories) for states in asked_tokens]
    token = float(np.nanquantile(np.stack(matches), _QUANTILE))
    return Floors(_within(cosine), _within(token))


def _within(floor: float) -> float:
    return min(max(floor, 0.0), _HIGHEST)
