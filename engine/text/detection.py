"""Which language a text is in: its script, and how many small words of each language it holds. A few microseconds."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from engine.text.folding import plain
from engine.text.languages import Language
from engine.text.segmentation import HAN, KANA
from engine.text.stop_words import STOP_WORDS

_LETTER_VOTE = 0.5
_COMMON_VOTE = 3.0
_LESS_LIKELY = 0.02
# The words that most sentences hold one of: they count for more than what is a word in one language only.
_COMMONEST = {
    "english": "the of and to a in is i my it for was with on at",
    "german": "der die das und ist ich nicht ein eine zu den mit von in auf für im mein",
    "spanish": "el la los las de que y en un una es por con no se mi del a al",
    "french": "le la les de et un une des du est je il que pas en ne dans pour ce à mon ma l' d' j'",
    "portuguese": "o a os as de que e em um uma do da não se para com no na meu",
    "italian": "il la lo i le di che e un una è per non in con del della mi l'",
    "dutch": "de het een en van is ik niet dat in op te zijn met voor mijn",
    "swedish": "och att det i en jag som är på av för med inte den min",
    "danish": "og at det i en jeg er på af for med ikke den min til",
    "norwegian": "og at det i en jeg er på av for med ikke den min til",
    "polish": "i w z na nie się jest to do że mój",
    "czech": "a v se na je že to s z do jsem můj",
    "hungarian": "a az és hogy nem is egy volt van",
    "romanian": "și de la în a cu nu pe o un este mea",
    "turkish": "bir ve bu da de için benim çok",
    "finnish": "ja on ei että se oli minä minun",
    "catalan": "el la els les de que i en un una és per amb no del al l' d'",
}
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
        self._votes = _shared((_word_votes(self.latin), 1.0), (_common_votes(self.latin), _COMMON_VOTE))
        self._letters = _shared((_letter_votes(self.latin), _LETTER_VOTE))
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
                    scores[at] += vote
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
    """Small words as they are written, and without accents where no language has another word that looks so."""
    own = [
        STOP_WORDS.get(language.name, frozenset()) | {f"{article}'" for article in language.elisions}
        for language in languages
    ]
    written = frozenset[str]().union(*own)
    return [
        (spelling, at)
        for at, words in enumerate(own)
        for word in words
        for spelling in {word, *({plain(word)} - written)}
    ]


def _common_votes(languages: Sequence[Language]) -> list[tuple[str, int]]:
    return [(word, at) for at, language in enumerate(languages) for word in _COMMONEST.get(language.name, "").split()]


def _letter_votes(languages: Sequence[Language]) -> list[tuple[str, int]]:
    return [(letter, at) for at, language in enumerate(languages) for letter in _OWN_LETTERS.get(language.name, "")]


def _shared(*kinds: tuple[Sequence[tuple[str, int]], float]) -> dict[str, tuple[tuple[int, float], ...]]:
    """What each word or letter says for which language: a vote is shared by those that have it, in each kind."""
    votes: dict[str, defaultdict[int, float]] = {}
    for items, weight in kinds:
        owners = Counter(item for item, _ in items)
        for item, at in items:
            likely = 1 - _LESS_LIKELY * at
            votes.setdefault(item, defaultdict(float))[at] += weight * likely / owners[item]
    return {item: tuple(each.items()) for item, each in votes.items()}
