"""Relations that an English text states outright: rules, no model. Pure; rather none than a wrong one.

Nothing is taken from questions, from what is only wished or supposed, or from what was and is no more.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import Final

from engine.extract.kin import WORDS, relationship
from engine.extract.names import NAME, TITLE, name_in
from engine.types import Entity, Relation

_MOST: Final = 16
_CLAUSE_CHARS: Final = 120
_NAME_WORDS: Final = 2
_KIN: Final = "|".join(sorted((re.escape(word) for word in WORDS), key=len, reverse=True))
_KIND: Final = r"(?:(?:older|younger|elder|little|big|baby|twin|dear|dearest|lovely|new|beloved|own|oldest|youngest) )?"
_ADVERBS: Final = r"(?: (?:now|just|currently|still|recently|also|finally|already|actually|happily)){0,2}"
_THE: Final = r"(?:the )?"

# What is done, by whom it can be said: `i` by the one who speaks, `n` of a name; `b` needs a form of "to be" before it.
_VERBS: Final = (
    ("lives_in", "i", r"live in"),
    ("lives_in", "n", r"lives in"),
    ("lives_in", "inb", r"(?:living|based) in"),
    ("lives_in", "in", rf"(?:moved(?: back)?|relocated)(?: from {NAME})? to"),
    ("works_at", "i", r"work (?:at|for)"),
    ("works_at", "n", r"works (?:at|for)"),
    ("works_at", "inb", r"(?:working|employed) (?:at|for|by)"),
    ("works_at", "in", r"(?:started|began) (?:working |a (?:new )?job |my new job )?at"),
    ("works_at", "in", r"(?:got|took|accepted|have|has) a (?:new )?job (?:at|with)"),
    ("studies_at", "i", r"study at"),
    ("studies_at", "n", r"studies at"),
    ("studies_at", "inb", r"studying at"),
    ("married_to", "inb", r"married to"),
    ("married_to", "in", r"(?:got )?married(?: to)?"),
    ("engaged_to", "inb", r"engaged to"),
    ("engaged_to", "in", r"got engaged to"),
    ("born_in", "inb", r"born in"),
    ("from", "inb", r"(?:originally )?from"),
    ("from", "i", r"come from"),
    ("from", "n", r"comes from"),
    ("grew_up_in", "in", r"grew up in"),
)
_VERB: Final = re.compile(
    r"(?<= )(?:" + "|".join(f"(?P<v{number}>{core})" for number, (_, _, core) in enumerate(_VERBS)) + r")"
    rf" {_THE}(?P<target>{TITLE}?{NAME})"
)
_SUBJECT: Final = re.compile(
    rf"(?:\b(?P<self>I|i|We|we)\b|(?P<name>{NAME})(?:,? who)?)"
    r"(?P<aux> ?['\u2019](?:m|re|s|ve)(?: been)?| (?:am|is|are|was|were|have|has)(?: been)?)?"
    rf"{_ADVERBS} $"
)
_IS: Final = frozenset({"'m", "'re", "'s", "am", "is", "are", "have been", "has been", "'ve been", "'s been"})
_WAS: Final = frozenset({"was", "were"})
_HAS: Final = frozenset({"", "have", "has", "'ve", "'s"})
_MY: Final = re.compile(
    rf"(?:\b(?:[Mm]y|[Oo]ur)|(?P<owner>{NAME})['\u2019]s?) {_KIND}(?P<kin>{_KIN})"
    rf"(?P<link>['\u2019]s name is|,? (?:who is )?(?:is )?(?:called|named)|,? whose name is| is|,)?"
    rf" (?P<title>{TITLE})?(?P<name>{NAME})(?P<after>[,.;:!?)]|$)?(?P<more>,? (?:and|or|&) )?"
)
_IS_MY: Final = re.compile(
    rf"(?P<name>{NAME})(?P<link> is|['\u2019]s|,) (?:my|our|(?P<owner>{NAME})['\u2019]s?) {_KIND}(?P<kin>{_KIN})"
    r"\b(?!['\u2019]s\b)(?P<after>[,.;:!?)]|$)?"
)
_SAYS_KIN: Final = re.compile(rf"\b(?:{_KIN})\b")
_TITLE: Final = re.compile(rf"^{TITLE}")
_ENDS: Final = ".!?;\n"
_UNREAL: Final = re.compile(
    r"\b(?:if|wish|would|could|might|may|should|imagined?|when|whenever|until|before|after|unless|whether|dream|"
    r"dreamed|dreamt|pretend|maybe|perhaps|hope|hopes|wants?|wanted|plan|planned|ask|asked|wonder|not|never|nobody|"
    r"used to|no longer|once|nearly|almost|as though|suppose|supposed|rumou?rs?|ex|former|formerly|think|thought|"
    r"guess|probably|joked?|lied|story|novel|movie|film)\b|n['\u2019]t\b",
    re.IGNORECASE,
)


def relations_of(text: str, speaker: str | None = None) -> tuple[Relation, ...]:
    """What the text states, each once, at most 16. `speaker`: who says "I"; None: nothing that they say of themselves.

    "I live in Bonn", "Anna moved to Rome", "my sister Anna", "Ben is Anna's husband"; not "she works at the Mill".
    """
    found = dict.fromkeys((*_of_kin(text, speaker), *_of_verbs(text, speaker)))
    return tuple(found)[:_MOST]


def _of_verbs(text: str, speaker: str | None) -> Iterator[Relation]:
    for match in _VERB.finditer(text):
        before = _clause_before(text, match.start())
        subject = _SUBJECT.search(before)
        if subject is None or _UNREAL.search(before) or _is_asked(text, match.end()):
            continue
        name, forms = next(verb[:2] for number, verb in enumerate(_VERBS) if match[f"v{number}"])
        source = _subject(subject, name, forms, speaker)
        target = _named(match["target"])
        if source and target:
            yield Relation(source, name, target)


def _subject(subject: re.Match[str], relationship: str, forms: str, speaker: str | None) -> str | None:
    """Who it is said of; None: nobody who can be named, or not in words that say that it is so now."""
    aux = (subject["aux"] or "").strip().replace("\u2019", "'")
    allowed = _WAS if relationship == "born_in" else _IS if "b" in forms else _HAS
    if aux not in allowed or ("i" if subject["self"] else "n") not in forms:
        return None
    return speaker if subject["self"] else _named(subject["name"])


def _of_kin(text: str, speaker: str | None) -> Iterator[Relation]:
    if _SAYS_KIN.search(text) is None:
        return
    for match in _MY.finditer(text):
        if _introduces(match):
            yield from _kin(match, speaker)
    for match in _IS_MY.finditer(text):
        closed = match["link"] != "," or match["after"] is not None
        if closed and not (_is_asked(text, match.end()) or _UNREAL.search(_clause_before(text, match.end("name")))):
            yield from _kin(match, speaker)


def _kin(match: re.Match[str], speaker: str | None) -> Iterator[Relation]:
    source = speaker if match["owner"] is None else _named(match["owner"])
    target = _named(match["name"])
    if source and target:
        yield Relation(source, relationship(match["kin"]), target)


def _introduces(match: re.Match[str]) -> bool:
    """Whether the name is the one of who has the role, and not only what stands behind it."""
    link, name = (match["link"] or "").strip(), match["name"]
    if link == ",":
        return match["more"] is None and (match["title"] is not None or match["after"] is not None)
    if link == "is":
        return match["after"] is not None and len(name.split()) <= _NAME_WORDS and not name.isupper()
    return True


def _named(text: str) -> str | None:
    return name_in(_TITLE.sub("", text))


def _clause_before(text: str, end: int) -> str:
    begin = max(0, end - _CLAUSE_CHARS)
    return text[max(begin, *(text.rfind(mark, begin, end) + 1 for mark in _ENDS)) : end]


def _is_asked(text: str, end: int) -> bool:
    behind = text[max(0, end - 1) : end + _CLAUSE_CHARS]
    return next((mark for mark in behind if mark in _ENDS), "") == "?"


_PLACES: Final = frozenset({"lives_in", "born_in", "from", "grew_up_in"})
_FIRMS: Final = frozenset({"works_at", "studies_at"})
_ANIMALS: Final = frozenset({"dog", "cat", "pet"})


def ends_of(relations: Iterable[Relation]) -> tuple[Entity, ...]:
    """Whom and what such relations link, each of the kind that it has to be."""
    return tuple(
        dict.fromkeys(
            entity
            for edge in relations
            for entity in (Entity(edge.source, "person"), Entity(edge.target, _kind(edge.relationship)))
        )
    )


def _kind(relationship: str) -> str:
    if relationship in _PLACES:
        return "place"
    if relationship in _FIRMS:
        return "org"
    return "other" if relationship in _ANIMALS else "person"
