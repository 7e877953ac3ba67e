"""Made-up memories and their questions, by number: the same number and seed, the same text. Only standard library."""

from __future__ import annotations

import math
from dataclasses import dataclass

USERS = 16

_PEOPLE = (
    "Amara", "Bjorn", "Chiara", "Dmitri", "Elif", "Farid", "Greta", "Hiro", "Imani", "Jonas", "Kavya", "Luca",
    "Marisol", "Nadia", "Oskar", "Priya", "Quentin", "Rosa", "Sven", "Tomasz", "Uma", "Viktor", "Wanjiru", "Yusuf",
)  # fmt: skip
_DEEDS = (
    "bought", "repaired", "painted", "borrowed", "found", "sold", "photographed", "returned", "hid", "cleaned",
    "described", "lost",
)  # fmt: skip
_COLOURS = (
    "red", "green", "yellow", "silver", "purple", "orange", "black", "white", "turquoise", "brown", "golden", "grey",
)  # fmt: skip
_THINGS = (
    "bicycle", "kettle", "violin", "lamp", "raincoat", "telescope", "suitcase", "typewriter", "umbrella", "teapot",
    "canoe", "clock", "guitar", "armchair", "camera", "backpack", "ladder", "mirror", "blanket", "chessboard",
    "drum", "globe", "hammock", "rucksack",
)  # fmt: skip
_PLACES = (
    "Lisbon", "Oslo", "Nairobi", "Kyoto", "Quito", "Dublin", "Tbilisi", "Hanoi", "Porto", "Riga", "Seville", "Turin",
    "Utrecht", "Vienna", "Warsaw", "Zagreb",
)  # fmt: skip
_REASONS = (
    "before the long train ride home", "because the old one was broken", "as a present for a neighbour",
    "after the concert on the square", "while it was raining outside", "for the summer holidays by the sea",
    "on the way to the dentist", "to surprise the whole family",
)  # fmt: skip
_WORDS = (_PEOPLE, _DEEDS, _COLOURS, _THINGS, _PLACES, _REASONS)

COUNT = math.prod(len(words) for words in _WORDS)
"""So many different memories there are; after them the first one comes again."""

_STRIDE = 7_368_787
"""A prime that no list's length shares a factor with: neighbouring numbers get texts that have little in common."""


@dataclass(frozen=True, slots=True)
class Sentence:
    """A memory to be, whose it is, and a question that it answers."""

    text: str
    question: str
    user_id: str


def sentence(number: int, seed: int = 0) -> Sentence:
    """Memory `number` (0 ≤ number < COUNT, each a different text) of a seed; about 20 tokens."""
    rest = (number * _STRIDE + seed * 104_729) % COUNT
    chosen = []
    for words in _WORDS:
        rest, index = divmod(rest, len(words))
        chosen.append(words[index])
    person, deed, colour, thing, place, reason = chosen
    return Sentence(
        text=f"{person} {deed} the {colour} {thing} at a small shop in {place} {reason}.",
        question=f"Which {thing} in {place} was it that {person} {deed}?",
        user_id=f"user-{number % USERS:02d}",
    )
