"""Roles that a text speaks of: "my sister", "Anna's husband". English words. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from engine.extract.kin import WORDS, relationship, said_as, said_by_either
from engine.extract.names import NAME, name_in
from engine.graph_port import Role

_MOST: Final = 4
_KIN: Final = "|".join(sorted((re.escape(word) for word in WORDS), key=len, reverse=True))
_ROLE: Final = re.compile(
    rf"(?:\b(?P<my>[Mm]y|[Oo]ur)|(?P<owner>{NAME})['\u2019]s?) (?:\w{{1,20}} )??(?P<kin>{_KIN})\b"
)


def roles_of(text: str) -> tuple[Role, ...]:
    """Who is meant by what they are to somebody, each once, at most 4."""
    return tuple(dict.fromkeys(_roles(text)))[:_MOST]


def _roles(text: str) -> Iterator[Role]:
    for match in _ROLE.finditer(text):
        name = relationship(match["kin"])
        owner = None if match["my"] else name_in(match["owner"])
        if match["my"] or owner:
            yield Role(owner, said_as(name), said_by_either(name))
