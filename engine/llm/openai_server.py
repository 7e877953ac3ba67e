"""The client of an OpenAI-compatible server: bounded, budgeted, patient as long as its caller, and it counts."""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Mapping
from dataclasses import dataclass

from openai import APIConnectionError, APIError, APIStatusError, APITimeoutError

from engine.config import LlmSettings
from engine.errors import InvalidInput, Unavailable
from engine.llm.answering import Said, failed_answer, final, read, refusal_of, words_of
from engine.llm.budget import Budgets
from engine.llm.connection import connect
from engine.llm.dialect import Dialect, Learnt, otherwise, request
from engine.llm.retrying import may_pass, pause_s, told_s
from engine.llm.turns import Told, Turns
from engine.ports import Completion, Prompt
from engine.types import Json

_CHARS_A_TOKEN = 3
_REWORDINGS = 6
"""More than there are things to be said otherwise."""


@dataclass(slots=True)
class _Question:
    """A prompt on its way. `calls`: how often it was asked, `failed` and `reworded` those that came to nothing."""

    prompt: Prompt
    dialect: Dialect
    began_s: float
    until_s: float
    calls: int = 0
    failed: int = 0
    reworded: int = 0


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
        self._client = connect(settings, settings.base_url)
        self._budgets = Budgets(settings.requests_per_minute, settings.tokens_per_minute, time.monotonic())
        self._learnt = Learnt(images=settings.images)
        self._told = Told()
        self._turns = Turns(settings.concurrency, settings.queue_calls, self._told)

    async def complete(self, prompt: Prompt, deadline_s: float) -> Completion:
        """See `LanguageModel.complete`."""
        began_s = time.monotonic()
        async with self._turns.taken(prompt, deadline_s):
            dialect = self._learnt.now(time.monotonic())
            return await self._patiently(_Question(prompt, dialect, began_s, began_s + deadline_s))

    async def close(self) -> None:
        """Let its connections go."""
        await self._client.close()

    def figures(self) -> Json:
        """Counted since the start, and what is under way."""
        known = self._learnt.known
        return {"model": self._model, **self._told.figures(), "structured": known.form.value, "images": known.images}

    async def _patiently(self, question: _Question) -> Completion:
        """Ask until it answers, or patience ends; what is certain to come too late isn't waited for."""
        patience_s = min(question.until_s, question.began_s + self._settings.patience_s)
        while True:
            guess = await self._afford(question)
            question.calls += 1
            try:
                said = await self._asked(question)
            except _Passing as error:
                question.failed += 1
                chance = random.random()  # noqa: S311 - no secret, only spreads callers
                pause = pause_s(question.failed, error.told_s, chance)
                if time.monotonic() + pause >= patience_s:
                    self._told.failures += 1
                    raise Unavailable(error.message, {"retry_after_s": pause}) from error
                self._told.retries += 1
                await asyncio.sleep(pause)
                continue
            if said is not None:
                return self._completion(said, question, guess)

    async def _afford(self, question: _Question) -> float:
        """Wait for the budgets; spends what the call may cost, and says how much that is."""
        cost = (len(question.prompt.system) + len(question.prompt.user)) / _CHARS_A_TOKEN
        while (wait_s := self._budgets.wait_s(cost, now_s := time.monotonic())) > 0:
            if now_s + wait_s >= question.until_s:
                self._told.failures += 1
                raise Unavailable("the budget of the language model is spent", {"retry_after_s": wait_s})
            await asyncio.sleep(wait_s)
        self._budgets.spend(cost, now_s)
        return cost

    async def _asked(self, question: _Question) -> Said | None:
        """One answer; None: the server doesn't understand how it was asked, and has to be asked otherwise.

        Raises:
            _Passing: the same may work later.
            RemoraError: it won't.
        """
        settings = self._settings
        body = request(
            question.prompt,
            question.dialect,
            model=self._model,
            answer_tokens=settings.answer_tokens,
            temperature=settings.temperature,
        )
        self._told.calls += 1
        self._told.in_flight += 1
        try:
            async with asyncio.timeout(settings.call_deadline_s):
                return read(await self._client.chat.completions.create(**body))
        except APIStatusError as error:
            return self._refused(error, question)
        except (APITimeoutError, APIConnectionError) as error:
            raise _Passing(f"the language model (llm.base_url) can't be reached: {error.__cause__ or error}") from error
        except TimeoutError as error:
            raise _Passing(f"no answer within {settings.call_deadline_s:.0f} s") from error
        except (APIError, ValueError, RecursionError) as error:
            raise _Passing(f"the language model's answer can't be read: {error}") from error
        finally:
            self._told.in_flight -= 1

    def _refused(self, error: APIStatusError, question: _Question) -> Said | None:
        refusal = refusal_of(error)
        if refusal.of_answer:
            return Said(failed_answer(error))
        other = otherwise(refusal, question.dialect, question.prompt)
        if other is not None and question.reworded < _REWORDINGS:
            question.dialect = other
            question.reworded += 1
            return None
        if may_pass(error.status_code):
            headers: Mapping[str, str] = error.response.headers
            told = told_s(headers, time.time())
            raise _Passing(f"the language model answered {error.status_code}: {words_of(error)}", told) from error
        self._told.failures += 1
        raise final(error, self._model) from error

    def _completion(self, said: Said, question: _Question, guess: float) -> Completion:
        now_s = time.monotonic()
        self._learnt.understood(question.dialect, now_s)
        self._budgets.correct(guess, said.prompt_tokens, said.completion_tokens, now_s)
        completion = Completion(
            text=said.text,
            whole=said.whole,
            prompt_tokens=said.prompt_tokens,
            completion_tokens=said.completion_tokens,
            calls=question.calls,
            ms=(now_s - question.began_s) * 1000,
            images=len(question.prompt.images) if question.dialect.images else 0,
        )
        self._told.answered(completion)
        return completion


class _Passing(Exception):
    """The same may work later, after `told_s` seconds if the server said so."""

    def __init__(self, message: str, told_s: float | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.told_s = told_s
