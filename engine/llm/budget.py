"""How much may be asked of a language model in a minute. Pure: the time is given."""

from __future__ import annotations

from engine.bucket import Bucket


class Budgets:
    """Of requests and of tokens, together. A call is paid for by a guess, which is corrected by what it cost."""

    def __init__(self, requests_per_minute: int | None, tokens_per_minute: int | None, now_s: float) -> None:
        self._requests = Bucket(requests_per_minute, now_s)
        self._tokens = Bucket(tokens_per_minute, now_s)

    def wait_s(self, tokens: float, now_s: float) -> float:
        """How long until one more call of so many tokens may be made; 0.0: now."""
        return max(self._requests.wait_s(1, now_s), self._tokens.wait_s(tokens, now_s))

    def spend(self, tokens: float, now_s: float) -> None:
        """One call is made, whose prompt has about so many tokens."""
        self._requests.spend(1, now_s)
        self._tokens.spend(tokens, now_s)

    def correct(self, guess: float, prompt_tokens: int, completion_tokens: int, now_s: float) -> None:
        """What the call cost; `prompt_tokens` 0: nobody told, the guess stays."""
        self._tokens.spend(completion_tokens + (prompt_tokens - guess if prompt_tokens else 0.0), now_s)
