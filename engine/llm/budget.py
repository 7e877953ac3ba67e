"""How much may be asked of a language model in a minute. Pure: the time is given.

A token bucket (as in RFC 2697's single rate): it holds a minute's worth at most and fills evenly.
"""

from __future__ import annotations

_MINUTE_S = 60.0


class Bucket:
    """What may be spent. One that is asked for more than it ever holds gives all it has once it is full."""

    def __init__(self, per_minute: int | None, now_s: float) -> None:
        """`per_minute` None: as much as is wanted."""
        self._most = per_minute
        self._held = float(per_minute or 0)
        self._at_s = now_s

    def wait_s(self, cost: float, now_s: float) -> float:
        """How long until so much may be spent; 0.0: now."""
        if self._most is None:
            return 0.0
        self._fill(now_s)
        lacking = min(cost, self._most) - self._held
        return max(0.0, lacking * _MINUTE_S / self._most)

    def spend(self, cost: float, now_s: float) -> None:
        """Take so much out; what turned out to cost more than thought is owed."""
        if self._most is not None:
            self._fill(now_s)
            self._held -= cost

    def _fill(self, now_s: float) -> None:
        most = self._most or 0
        self._held = min(most, self._held + max(0.0, now_s - self._at_s) * most / _MINUTE_S)
        self._at_s = max(self._at_s, now_s)


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
