"""How a server is asked, and what its refusals teach of that. Pure: the time is given.

Servers that call themselves OpenAI-compatible differ in what they understand: JSON schemas, the name of the answer's
limit, a temperature, images. What one refuses is said otherwise, and remembered once that was understood.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Any, Final

from engine.ports import Prompt
from engine.types import Json

_AGAIN_S: Final = 3600.0
"""After so long a server that took no schema is asked with one again: what refused it may have been odd."""
_WISHES: Final = frozenset({400, 422})
_SIGHT: Final = frozenset({400, 404, 415, 422})
_NOT_KNOWN: Final = re.compile(
    r"unsupported|not support|unrecogni|unknown|not permitted|not allowed|deprecated|instead|unexpected|extra|\bonly\b"
)
_OF_FORM: Final = re.compile(r"response_format|json_schema|json_object|schema|structured")
_OF_IMAGES: Final = re.compile(r"image|vision|multi-?modal")
_NO_JSON: Final = re.compile(r"json_validate_failed|failed to (generate|validate|parse) json|failed_generation")


class Form(StrEnum):
    """How the answer's form is asked for, the best first."""

    SCHEMA = "json_schema"
    OBJECT = "json_object"
    WORDS = "none"


_LESS: Final = {Form.SCHEMA: Form.OBJECT, Form.OBJECT: Form.WORDS}


class Limit(StrEnum):
    """What the most tokens of an answer are called: reasoning models know the newer name alone."""

    TOKENS = "max_tokens"
    COMPLETION = "max_completion_tokens"


_OTHER: Final = {Limit.TOKENS: Limit.COMPLETION, Limit.COMPLETION: Limit.TOKENS}


@dataclass(frozen=True, slots=True)
class Dialect:
    """What a server is told. `temperature`, `images`: whether it is told, and shown, these."""

    form: Form = Form.SCHEMA
    limit: Limit = Limit.TOKENS
    temperature: bool = True
    images: bool = True


@dataclass(frozen=True, slots=True)
class Refusal:
    """A status that is none of success. `said`: message and code. `param`: what the server says is wrong."""

    status: int
    said: str
    param: str = ""

    @property
    def of_answer(self) -> bool:
        """Whether the model's own answer was refused, for it is no JSON: the request is all right."""
        return self.status in _WISHES and _NO_JSON.search(self.said.casefold()) is not None


def otherwise(refusal: Refusal, dialect: Dialect, prompt: Prompt) -> Dialect | None:
    """What a refusal teaches: how else to ask. None: it isn't the way of asking that is refused."""
    said = refusal.said.casefold()
    if refusal.status in _WISHES:
        if _refused(dialect.limit, refusal):
            return replace(dialect, limit=_OTHER[dialect.limit])
        if dialect.temperature and _refused("temperature", refusal):
            return replace(dialect, temperature=False)
        if dialect.form in _LESS and _OF_FORM.search(f"{said} {refusal.param}"):
            return replace(dialect, form=_LESS[dialect.form])
    shown = bool(prompt.images) and dialect.images
    if shown and refusal.status in _SIGHT and (refusal.status in _WISHES or _OF_IMAGES.search(said)):
        return replace(dialect, images=False)
    return None


def _refused(name: str, refusal: Refusal) -> bool:
    """A wish that is not known, or has one value that can't be told; one that is too large is another matter."""
    said = refusal.said.casefold()
    named = refusal.param == name or re.search(rf"\b{name}\b", said) is not None
    return named and _NOT_KNOWN.search(said) is not None


def request(prompt: Prompt, dialect: Dialect, *, model: str, answer_tokens: int, temperature: float) -> Json:
    """The body of a request."""
    wanted: dict[str, Any] = {
        "model": model,
        "messages": [{"role": "system", "content": prompt.system}, {"role": "user", "content": _said(prompt, dialect)}],
        dialect.limit.value: answer_tokens,
    }
    if dialect.temperature:
        wanted["temperature"] = temperature
    if dialect.form is Form.SCHEMA:
        schema = {"name": "answer", "schema": prompt.schema, "strict": True}
        wanted["response_format"] = {"type": dialect.form.value, "json_schema": schema}
    elif dialect.form is Form.OBJECT:
        wanted["response_format"] = {"type": dialect.form.value}
    return wanted


def _said(prompt: Prompt, dialect: Dialect) -> str | list[Json]:
    if not (prompt.images and dialect.images):
        return prompt.user
    shown = [{"type": "image_url", "image_url": {"url": one}} for one in prompt.images]
    return [{"type": "text", "text": prompt.user}, *shown]


class Learnt:
    """What is known of a server's dialect.

    `images`: whether the model takes them, as the settings say.
    """

    def __init__(self, *, images: bool) -> None:
        self.known = Dialect(images=images)
        self._since_s = 0.0

    def now(self, now_s: float) -> Dialect:
        """How to ask. At times one question is asked with a schema again."""
        if self.known.form is Form.SCHEMA or now_s - self._since_s < _AGAIN_S:
            return self.known
        self._since_s = now_s
        return replace(self.known, form=Form.SCHEMA)

    def understood(self, dialect: Dialect, now_s: float) -> None:
        """The server answered what was asked so. Images are another matter with each prompt: one may be damaged."""
        if dialect.form is not self.known.form:
            self._since_s = now_s
        self.known = replace(dialect, images=self.known.images)
