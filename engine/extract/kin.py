"""What people are to each other, in English words: which words say the same, and who else may be meant. Pure."""

from __future__ import annotations

from typing import Final

# fmt: off
SAME: Final = {
    "mom": "mother", "mum": "mother", "mommy": "mother", "mummy": "mother", "mama": "mother",
    "dad": "father", "daddy": "father", "papa": "father",
    "grandma": "grandmother", "granny": "grandmother", "nana": "grandmother",
    "grandpa": "grandfather", "granddad": "grandfather",
    "neighbor": "neighbour", "coworker": "colleague", "co-worker": "colleague",
    "flatmate": "roommate", "housemate": "roommate", "fiancee": "fiance", "fiancée": "fiance", "fiancé": "fiance",
    "best friend": "best_friend",
}
WORDS: Final = (
    *SAME,
    "sister", "brother", "mother", "father", "grandmother", "grandfather", "husband", "wife", "spouse", "partner",
    "girlfriend", "boyfriend", "son", "daughter", "cousin", "uncle", "aunt", "niece", "nephew", "stepmother",
    "stepfather", "stepson", "stepdaughter", "sister-in-law", "brother-in-law", "mother-in-law", "father-in-law",
    "boss", "manager", "colleague", "neighbour", "roommate", "friend", "mentor", "assistant", "landlord", "landlady",
    "teacher", "doctor", "dentist", "therapist", "dog", "cat", "pet",
)
"""Every word for such a role."""
# fmt: on
_SPOUSES: Final = {"husband": "wife", "wife": "husband", "spouse": "spouse", "partner": "partner"}
_SIDES: Final = {"girlfriend", "boyfriend", "fiance"}


def relationship(word: str) -> str:
    """The relationship that a word for a role names."""
    word = word.casefold()
    return SAME.get(word, word).replace("-", "_")


def said_as(name: str) -> tuple[str, ...]:
    """The relationships that say of somebody who has the role that they have it."""
    if name in _SPOUSES:
        return tuple(dict.fromkeys((name, "spouse", "partner")))
    return (name, "partner") if name in _SIDES else (name,)


def said_by_either(name: str) -> tuple[str, ...]:
    """The relationships that say it of whichever of the two they are told of."""
    if name in _SPOUSES:
        return tuple(dict.fromkeys(("married_to", "partner_of", _SPOUSES[name])))
    return ("engaged_to", "partner_of") if name in _SIDES else ()
