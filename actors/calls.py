"""One call to one actor: deadline, patience while the actor restarts, errors. Which verbs there are is in `handles`."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from typing import Any, Generic, TypeVar, cast

import ray
from ray.actor import ActorProxy
from ray.exceptions import RayActorError, RayError, RayTaskError

from actors.exchange import Gone
from actors.options import Address
from engine.errors import DeadlineExceeded, RemoraError, Unavailable, from_builtin

ActorT = TypeVar("ActorT")
AnswerT = TypeVar("AnswerT")

_FIRST_PAUSE_S = 0.02
_LONGEST_PAUSE_S = 0.5


def pauses() -> Iterator[float]:
    """How long to wait between tries, in seconds: doubling up to half a second."""
    pause = _FIRST_PAUSE_S
    while True:
        yield pause
        pause = min(pause * 2, _LONGEST_PAUSE_S)


def translate(error: RayTaskError, who: str) -> RemoraError:
    """The Remora error that an actor raised: as it is, from its built-in form, or `internal` for anything else."""
    cause = error.cause
    if isinstance(cause, RemoraError):
        return cause
    if isinstance(cause, Exception) and (ours := from_builtin(cause)) is not None:
        return ours
    return RemoraError(f"{who} failed: {type(cause).__name__}: {cause}", {"actor": who})


class Remote(Generic[ActorT]):
    """A named actor, looked up when it is needed. Safe to use from many tasks; costs nothing until it is called."""

    def __init__(self, address: Address, deadline_s: float) -> None:
        self.address = address
        self._deadline_s = deadline_s
        self._found: ActorProxy[ActorT] | None = None

    async def ask(
        self,
        send: Callable[[ActorProxy[ActorT]], Awaitable[AnswerT]],
        *,
        deadline_s: float | None = None,
        again: bool = True,
    ) -> AnswerT:
        """What the actor answers. `again`: the call may reach the actor twice, so try until the deadline.

        Raises:
            Down: the actor is away, and stayed so.
            DeadlineExceeded: it is there and did not answer in time.
            RemoraError: what the actor itself raised.
        """
        patience = _Patience(self.address.name)
        limit = asyncio.timeout(self._deadline_s if deadline_s is None else deadline_s)
        try:
            async with limit:
                while True:
                    try:
                        return await send(self._actor())
                    except RayTaskError as error:
                        raise translate(error, self.address.name) from error
                    except (RayActorError, Gone, _Absent) as error:
                        self._found = None
                        await patience.after(error, again=again)
                    except RayError as error:
                        raise Unavailable(f"{self.address.name}: {error}", patience.details) from error
        except TimeoutError as error:
            if not limit.expired():
                raise
            raise patience.verdict() from error

    def _actor(self) -> ActorProxy[ActorT]:
        if not ray.is_initialized():  # Ray would start one of its own, where nobody is.
            raise Unavailable("this process is no longer connected to Ray: connect again", {"actor": self.address.name})
        if self._found is None:
            try:
                self._found = cast(Any, ray.get_actor(self.address.name, namespace=self.address.namespace))
            except ValueError as error:
                raise _Absent(f"there is no actor {self.address.name}", {"actor": self.address.name}) from error
        return cast("ActorProxy[ActorT]", self._found)


class Down(Unavailable):
    """The actor itself is away: another one of its kind may answer."""


class _Absent(Unavailable):
    """Nobody has the name; perhaps not yet again."""


class _Patience:
    """What went wrong so far, and how long to wait before the next try."""

    def __init__(self, who: str) -> None:
        self._who = who
        self._pauses = pauses()
        self._last: Exception | None = None

    @property
    def details(self) -> dict[str, Any]:
        return {"actor": self._who}

    async def after(self, error: Exception, *, again: bool) -> None:
        self._last = error
        if not again:
            raise self.verdict() from error
        await asyncio.sleep(next(self._pauses))

    def verdict(self) -> RemoraError:
        """Late, or down?"""
        if self._last is None:
            return DeadlineExceeded(f"{self._who} did not answer in time", self.details)
        return Down(f"{self._who} is down: {_first_line(self._last)}", self.details)


def _first_line(error: Exception) -> str:
    return str(error).strip().partition("\n")[0] or type(error).__name__
