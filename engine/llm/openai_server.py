"""The client of an OpenAI-compatible server: bounded, budgeted, patient as long as its caller, and it counts."""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from openai import APIConnectionError, APIError, APIStatusError, APITimeoutError, AsyncOpenAI
from openai.types.chat import ChatCompletion

from engine.config import LlmSettings
from engine.errors import InvalidInput, Overloaded, RemoraError, Unavailable
from engine.llm.budget import Bucket
from engine.llm.retrying import may_pass, pause_s, told_s
from engine.ports import Completion, Prompt
from engine.types import Json

_NO_KEY = "none"
"""The SDK wants a key; servers without any ignore it."""
_CHARS_A_TOKEN = 3
_REFUSED = frozenset({401, 403})
_NOT_THERE = 404
_UNKNOWN_WISH = frozenset({400, 422})
_WRONG = frozenset({400, 413, 422})


class _Form(StrEnum):
    """How the answer's form is asked for, the best first; a server that refuses one is asked for the next."""

    SCHEMA = "json_schema"
    OBJECT = "json_object"
    WORDS = "none"


_LESS = {_Form.SCHEMA: _Form.OBJECT, _Form.OBJECT: _Form.WORDS}


@dataclass(slots=True)
class _Figures:
    calls: int = 0
    failures: int = 0
    retries: int = 0
    prompt_tokens: int = 0
    completion_tokens: int = 0
    waiting: int = 0
    in_flight: int = 0
    form: _Form = field(default=_Form.SCHEMA)


class OpenAiServer:
    """A model behind `/chat/completions`.

    Args:
        settings: where it is and what may be asked of it; the model has to be named.

    Raises:
        InvalidInput: no model is named, or not where it is.
    """

    def __init__(self, settings: LlmSettings) -> None:
        if settings.model is None:
            raise InvalidInput("llm.base_url is set and llm.model isn't: name the model", {"setting": "llm.model"})
        if settings.base_url is None:  # The SDK would take one from its own variables, or OpenAI's.
            raise InvalidInput("llm.model is set and llm.base_url isn't: say where it is", {"setting": "llm.base_url"})
        self._settings = settings
        self._model = settings.model
        key = settings.api_key.get_secret_value() if settings.api_key else _NO_KEY
        self._client = AsyncOpenAI(
            base_url=settings.base_url, api_key=key, max_retries=0, timeout=settings.call_deadline_s
        )
        now_s = time.monotonic()
        self._requests = Bucket(settings.requests_per_minute, now_s)
        self._tokens = Bucket(settings.tokens_per_minute, now_s)
        self._room = asyncio.Semaphore(settings.concurrency)
        self._told = _Figures()

    async def complete(self, prompt: Prompt, deadline_s: float) -> Completion:
        """See `LanguageModel.complete`."""
        if not _sendable(prompt):
            raise InvalidInput("the prompt has characters that aren't text (surrogates)")
        if self._told.waiting >= self._settings.queue_calls:
            raise Overloaded("too many calls wait for the language model", {"retry_after_s": 1})
        began_s = time.monotonic()
        try:
            async with asyncio.timeout(deadline_s):
                self._told.waiting += 1
                try:
                    await self._room.acquire()
                finally:
                    self._told.waiting -= 1
                try:
                    return await self._patiently(prompt, began_s, began_s + deadline_s)
                finally:
                    self._room.release()
        except TimeoutError as error:
            self._told.failures += 1
            raise Unavailable(f"the language model had no answer within {deadline_s:.0f} s") from error

    async def close(self) -> None:
        """Let its connections go."""
        await self._client.close()

    def figures(self) -> Json:
        """Counted since the start, and what is under way."""
        told = self._told
        return {
            "model": self._model,
            "calls": told.calls,
            "failures": told.failures,
            "retries": told.retries,
            "prompt_tokens": told.prompt_tokens,
            "completion_tokens": told.completion_tokens,
            "waiting": told.waiting,
            "in_flight": told.in_flight,
            "structured": told.form.value,
        }

    async def _patiently(self, prompt: Prompt, began_s: float, until_s: float) -> Completion:
        """Ask until it answers, or patience ends; what is certain to come too late isn't waited for."""
        attempt = 0
        while True:
            await self._afford(prompt, until_s)
            attempt += 1
            try:
                return await self._asked(prompt, began_s, attempt)
            except _Passing as error:
                pause = pause_s(attempt, error.told_s, random.random())  # noqa: S311 - no secret, only spreads callers
                if time.monotonic() + pause >= min(until_s, began_s + self._settings.patience_s):
                    self._told.failures += 1
                    raise Unavailable(error.message, {"retry_after_s": pause}) from error
                self._told.retries += 1
                await asyncio.sleep(pause)

    async def _afford(self, prompt: Prompt, until_s: float) -> None:
        """Wait for the budgets; spends what the call may cost."""
        cost = len(prompt.system) / _CHARS_A_TOKEN + len(prompt.user) / _CHARS_A_TOKEN
        while True:
            now_s = time.monotonic()
            wait_s = max(self._requests.wait_s(1, now_s), self._tokens.wait_s(cost, now_s))
            if wait_s <= 0:
                break
            if now_s + wait_s >= until_s:
                raise Unavailable("the budget of the language model is spent", {"retry_after_s": wait_s})
            await asyncio.sleep(wait_s)
        self._requests.spend(1, now_s)
        self._tokens.spend(cost, now_s)

    async def _asked(self, prompt: Prompt, began_s: float, attempt: int) -> Completion:
        """One answer; the form that it is asked for in becomes less exacting when the server doesn't know it."""
        while True:
            form = self._told.form
            self._told.calls += 1
            self._told.in_flight += 1
            try:
                async with asyncio.timeout(self._settings.call_deadline_s):
                    answer = await self._client.chat.completions.create(**self._request(prompt, form))
            except APIStatusError as error:
                if error.status_code in _UNKNOWN_WISH and _speaks_of_form(error) and form in _LESS:
                    if self._told.form is form:
                        self._told.form = _LESS[form]
                    continue
                raise self._error_of(error) from error
            except (APITimeoutError, APIConnectionError) as error:
                why = error.__cause__ or error
                raise _Passing(f"the language model (llm.base_url) can't be reached: {why}") from error
            except TimeoutError as error:
                raise _Passing(f"no answer within {self._settings.call_deadline_s:.0f} s") from error
            except (APIError, ValueError, RecursionError) as error:
                raise _Passing(f"the language model's answer can't be read: {error}") from error
            finally:
                self._told.in_flight -= 1
            return self._completion(answer, began_s, attempt)

    def _request(self, prompt: Prompt, form: _Form) -> dict[str, Any]:
        wanted: dict[str, Any] = {
            "model": self._model,
            "messages": [{"role": "system", "content": prompt.system}, {"role": "user", "content": prompt.user}],
            "temperature": self._settings.temperature,
            "max_tokens": self._settings.answer_tokens,
        }
        if form is _Form.SCHEMA:
            schema = {"name": "answer", "schema": prompt.schema, "strict": True}
            wanted["response_format"] = {"type": form.value, "json_schema": schema}
        elif form is _Form.OBJECT:
            wanted["response_format"] = {"type": form.value}
        return wanted

    def _completion(self, answer: ChatCompletion, began_s: float, attempt: int) -> Completion:
        try:
            text, finish, spent = _read(answer.model_dump(warnings=False))
        except (AttributeError, KeyError, IndexError, TypeError, ValueError) as error:
            raise _Passing("the language model's answer has another shape than a chat completion") from error
        self._told.prompt_tokens += spent[0]
        self._told.completion_tokens += spent[1]
        self._tokens.spend(spent[1], time.monotonic())
        return Completion(
            text=text,
            whole=finish != "length",
            prompt_tokens=spent[0],
            completion_tokens=spent[1],
            calls=attempt,
            ms=(time.monotonic() - began_s) * 1000,
        )

    def _error_of(self, error: APIStatusError) -> RemoraError | _Passing:
        said = _said(error)
        if may_pass(error.status_code):
            headers: Mapping[str, str] = error.response.headers
            return _Passing(f"the language model answered {error.status_code}: {said}", told_s(headers, time.time()))
        self._told.failures += 1
        if error.status_code in _REFUSED:
            return Unavailable(f"the language model refuses the key (llm.api_key): {said}")
        if error.status_code == _NOT_THERE:
            return Unavailable(f"no model {self._model!r} there (llm.model, llm.base_url): {said}")
        if error.status_code in _WRONG:
            return InvalidInput(f"the language model refuses the request ({error.status_code}): {said}")
        return Unavailable(f"the language model answered {error.status_code}: {said}")


class _Passing(Exception):
    """The same may work later, after `told_s` seconds if the server said so."""

    def __init__(self, message: str, told_s: float | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.told_s = told_s


def _read(answer: Json) -> tuple[str, str | None, tuple[int, int]]:
    """Text, why it ends, and tokens of the prompt and of the answer; servers differ in what they leave out."""
    choice = answer["choices"][0]
    content = choice["message"]["content"]
    if isinstance(content, list):
        content = "".join(part.get("text") or "" for part in content)
    if not isinstance(content, str | None):
        raise TypeError("content is no text")
    usage = answer.get("usage") or {}
    spent = int(usage.get("prompt_tokens") or 0), int(usage.get("completion_tokens") or 0)
    return content or "", choice.get("finish_reason"), spent


def _sendable(prompt: Prompt) -> bool:
    try:
        (prompt.system + prompt.user).encode()
    except UnicodeEncodeError:
        return False
    return True


def _speaks_of_form(error: APIStatusError) -> bool:
    said = f"{error.message} {error.param} {error.code}".casefold()
    return any(word in said for word in ("response_format", "json_schema", "json_object", "schema", "structured"))


def _said(error: APIStatusError) -> str:
    return str(error.message).replace("\n", " ")[:300]
