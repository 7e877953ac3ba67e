"""One actor's life, seen by whoever starts and stops it: made, asked how it is, closed, ended."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Iterable, Mapping, Sequence
from typing import Any

import ray
from ray.exceptions import ActorDiedError, RayActorError

from actors.calls import Remote
from actors.ledger import LedgerActor
from actors.options import CLASS_OPTIONS, VERSION, Address, actor_options
from actors.shell import Shell
from engine.config import Settings
from engine.errors import Conflict, RemoraError, Unavailable
from engine.types import Json

_log = logging.getLogger(__name__)

_CLOSE_S = 10.0


class Maker:
    """Makes the actors of a runtime. `gpus`: how many the Ray has that is connected."""

    def __init__(self, settings: Settings, gpus: float) -> None:
        self.settings = settings
        self._gpus = gpus

    async def make(
        self, address: Address, shell: type[Shell[Any]], *more: Any, place: Mapping[str, Any] | None = None
    ) -> Address:
        """The actor of that address, which runs when this returns; one that runs already is taken over.

        `place`: options that say on which node; None: on any.

        Raises:
            Conflict: an actor of another version or of another data directory has the name.
            Unavailable: it can't be made there.
        """
        options = actor_options(address, self.settings, gpus=self._gpus, place=place)
        kept = ray.remote(**CLASS_OPTIONS)(shell).options(**options).remote(address, self.settings, *more)
        described = await self._first_words(address, kept)
        if described["version"] != VERSION:
            raise Conflict(
                f"{address.name} runs version {described['version']}, this is {VERSION}: stop the old runtime first",
                {"actor": address.name, "version": described["version"]},
            )
        if described["data_dir"] != str(self.settings.data_dir):
            raise Conflict(
                f"{address.name} of the namespace {address.namespace} belongs to the Remora on "
                f"{described['data_dir']}: stop that one, or set another runtime.namespace",
                {"actor": address.name, "data_dir": described["data_dir"]},
            )
        return address

    async def _first_words(self, address: Address, made: Any) -> Json:
        """What it says of itself. One that dies while it is made takes its name along: only its handle knows why."""
        deadline_s = self.settings.runtime.start_deadline_s
        try:
            async with asyncio.timeout(deadline_s):
                described: Json = await made.describe.remote()
        except ActorDiedError as error:
            why = str(error).strip().rpartition("\n")[2]
            raise Unavailable(f"{address.name} can't be started: {why}", {"actor": address.name}) from error
        except (RayActorError, TimeoutError):
            return await _described(address, deadline_s)
        return described


async def describe(address: Address, deadline_s: float) -> Json:
    """What the actor says of itself; one that doesn't answer is named with its error."""
    try:
        return await _described(address, deadline_s)
    except RemoraError as error:
        return {"name": address.name, "ready": False, "error": str(error)}


async def _described(address: Address, deadline_s: float) -> Json:
    remote: Remote[Shell[Any]] = Remote(address, deadline_s)
    return await remote.ask(lambda actor: actor.describe.remote())


async def close(addresses: Sequence[Address]) -> None:
    """Let these finish, side by side; one that doesn't is left to be ended."""
    calls: list[Awaitable[None]] = []
    for address in addresses:
        remote: Remote[LedgerActor] = Remote(address, _CLOSE_S)
        calls.append(remote.ask(lambda actor: actor.close.remote(), again=False))
    for address, outcome in zip(addresses, await asyncio.gather(*calls, return_exceptions=True), strict=True):
        if isinstance(outcome, Exception):
            _log.warning("%s did not close: %s", address.name, outcome)


def kill(addresses: Iterable[Address]) -> None:
    """End them for good."""
    for address in addresses:
        try:
            ray.kill(ray.get_actor(address.name, namespace=address.namespace), no_restart=True)
        except ValueError:
            _log.debug("%s is gone already", address.name)
