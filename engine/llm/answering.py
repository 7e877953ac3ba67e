"""What a server answers: a chat completion read as values, or why there is none. Pure."""

from __future__ import annotations

from dataclasses import dataclass

from openai import APIStatusError
from openai.types.chat import ChatCompletion

from engine.errors import InvalidInput, RemoraError, Unavailable
from engine.llm.dialect import Refusal
from engine.types import Json

_REFUSED = frozenset({401, 403})
_NOT_THERE = 404
_WRONG = frozenset({400, 413, 422})
_MOST_SAID = 300


@dataclass(frozen=True, slots=True)
class Said:
    """`whole`: it didn't break off for want of room. Tokens: 0 where the server doesn't tell."""

    text: str
    whole: bool = True
    prompt_tokens: int = 0
    completion_tokens: int = 0


def read(answer: ChatCompletion) -> Said:
    """The text of an answer and what it cost; servers differ in what they leave out.

    Raises:
        ValueError: it has another shape than a chat completion.
    """
    try:
        return _read(answer.model_dump(warnings=False))
    except (AttributeError, KeyError, IndexError, TypeError) as error:
        raise ValueError("the language model's answer has another shape than a chat completion") from error


def _read(answer: Json) -> Said:
    choice = answer["choices"][0]
    content = choice["message"]["content"]
    if isinstance(content, list):
        content = "".join(part.get("text") or "" for part in content)
    if not isinstance(content, str | None):
        raise TypeError("content is no text")
    usage = answer.get("usage") or {}
    spent = int(usage.get("prompt_tokens") or 0), int(usage.get("completion_tokens") or 0)
    return Said(content or "", choice.get("finish_reason") != "length", *spent)


def refusal_of(error: APIStatusError) -> Refusal:
    """What is refused, and in which words."""
    return Refusal(error.status_code, f"{error.message} {error.code or ''}", error.param or "")


def failed_answer(error: APIStatusError) -> str:
    """What the model said where the server refuses that, if it tells."""
    told = error.body.get("failed_generation") if isinstance(error.body, dict) else None
    return told if isinstance(told, str) else ""


def words_of(error: APIStatusError) -> str:
    """What the server says, in one line."""
    return str(error.message).replace("\n", " ")[:_MOST_SAID]


def final(error: APIStatusError, model: str) -> RemoraError:
    """The error for a caller, of a refusal that the same request would meet again."""
    status, said = error.status_code, words_of(error)
    if status in _REFUSED:
        return Unavailable(f"the language model refuses the key (llm.api_key): {said}")
    if status == _NOT_THERE:
        return Unavailable(f"no model {model!r} there (llm.model, llm.base_url): {said}")
    if status in _WRONG:
        return InvalidInput(f"the language model refuses the request ({status}): {said}")
    return Unavailable(f"the language model answered {status}: {said}")
