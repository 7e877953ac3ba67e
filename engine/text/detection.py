"""Which language a text is in: its script, and how many small words of each language it holds. A few microseconds."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from engine.text.languages import Language
from engine.text.segmentation import HAN, KANA

_LETTER_VOTE = 0.5
_OWN_LETTERS = {
    "german": "äöüß",
    "spanish": "ñáéíóú¿¡",
    "french": "éèêàçùœîôûë",
    "portuguese": "ãõçáéíóúâê",
    "italian": "àèìòù",
    "swedish": "åäö",
    "danish": "åæø",
    "norwegian": "åæø",
    "finnish": "äö",
    "polish": "ąćęłńśźż",
    "czech": "ěščřžýů",
    "hungarian": "őűáéíóöúü",
    "romanian": "ăâîșțşţ",
    "turkish": "ğışçöü",
    "catalan": "àçèéíòóú",
}
# First and last letter of a script's block, in the order in which they are asked.
_SCRIPTS = (
    (0x0370, 0x03FF, ("greek",)),
    (0x0400, 0x052F, ("russian", "serbian")),
    (0x0530, 0x058F, ("armenian",)),
    (0x0590, 0x05FF, ("yiddish",)),
    (0x0600, 0x06FF, ("arabic", "persian")),
    (0x0900, 0x097F, ("hindi", "nepali")),
    (0x0B80, 0x0BFF, ("tamil",)),
)
_OTHER_SCRIPTS = frozenset(name for _, _, names in _SCRIPTS for name in names) | {"chinese", "japanese", "korean"}


@dataclass(frozen=True, slots=True)
class Guess:
    """`best` None: nothing in the text says so. `likely`: every language that something speaks for, best first."""

    best: Language | None
    likely: tuple[Language, ...]


class Detector:
    """Tells some languages apart that are written in Latin letters; others show by their script."""

    def __init__(self, languages: Sequence[Language]) -> None:
        """`languages`: the likelier first."""
        self.latin = tuple(language for language in languages if language.name not in _OTHER_SCRIPTS)
        self._by_name = {language.name: language for language in languages}
        self._votes = _shared(_word_votes(self.latin))
        self._letters = _shared(_letter_votes(self.latin))
        self._of_script = {
            name: next((self._by_name[one] for one in names if one in self._by_name), None)
            for _, _, names in _SCRIPTS
            for name in names[:1]
        }

    def guess(self, text: str, words: Iterable[str]) -> Guess:
        """Of a folded text and its words."""
        scores = [0.0] * len(self.latin)
        for word in words:
            for at, vote in self._votes.get(word, ()):
                scores[at] += vote
        if not text.isascii():
            for letter in set(text) & self._letters.keys():
                for at, vote in self._letters[letter]:
                    scores[at] += vote * _LETTER_VOTE
        order = sorted((at for at, score in enumerate(scores) if score > 0), key=lambda at: -scores[at])
        likely = tuple(self.latin[at] for at in order)
        return Guess(likely[0] if likely else None, likely)

    def by_script(self, word: str) -> Language | None:
        """The language of a word that isn't in Latin letters, as far as it is one of those that were chosen."""
        code = ord(word[0])
        for first, last, names in _SCRIPTS:
            if first <= code <= last:
                return self._of_script[names[0]]
        return None

    def is_latin(self, word: str) -> bool:
        """Whether the word's language shows by other words only."""
        return word.isascii() or not any(first <= ord(word[0]) <= last for first, last, _ in _SCRIPTS)

    def cuts_chinese(self, run: str) -> bool:
        """Whether a stretch without spaces is to be cut by a Chinese dictionary."""
        return "chinese" in self._by_name and HAN.fullmatch(run) is not None and KANA.search(run) is None


def _word_votes(languages: Sequence[Language]) -> list[tuple[str, int]]:
    return [(word, at) for at, language in enumerate(languages) for word in language.stop_words | language.elisions]


def _letter_votes(languages: Sequence[Language]) -> list[tuple[str, int]]:
    return [(letter, at) for at, language in enumerate(languages) for letter in _OWN_LETTERS.get(language.name, "")]


def _shared(votes: Iterable[tuple[str, int]]) -> dict[str, tuple[tuple[int, float], ...]]:
    """One vote for each word or letter, shared by the languages that have it."""
    owners: dict[str, list[int]] = {}
    for item, at in votes:
        owners.setdefault(item, []).append(at)
    return {item: tuple((at, 1 / len(each)) for at in each) for item, each in owners.items()}
