"""How projects want their searches ranked: read once from the ledger, then kept at hand."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any

from engine.errors import RemoraError
from engine.kept import Kept
from engine.ledger_port import Ledger
from engine.ranking.given import weights_of
from engine.ranking.signals import Signal
from engine.ranking.weights import SHIPPED, Weights
from engine.types import Json


class Rankings:
    """The weights that projects have set, of one shard.

    Args:
        ledger: keeps them.
        deadline_s: how long a search waits for them.
    """

    def __init__(self, ledger: Ledger, deadline_s: float) -> None:
        self._deadline_s = deadline_s
        self._kept: Kept[Mapping[str, float]] = Kept(ledger.ranking, ledger.put_ranking)

    async def of(self, project: str) -> Mapping[str, float]:
        """The weights that a project has set; empty: none. Raises what the ledger raises."""
        return await self._kept.of(project)

    async def put(self, epoch: int, project: str, weights: Mapping[Signal, float]) -> None:
        """Set them durably; empty: as shipped. Raises what the ledger raises."""
        await self._kept.put(epoch, project, {signal.value: weight for signal, weight in weights.items()})

    async def within(self, project: str, fields: Mapping[str, Any]) -> tuple[Mapping[str, Any], bool]:
        """The fields of a search under which the project's weights lie, and whether these are known."""
        try:
            async with asyncio.timeout(self._deadline_s):
                known = await self.of(project)
        except (RemoraError, TimeoutError):
            return fields, False
        return laid_under(known, fields), True


def laid_under(known: Mapping[str, float], fields: Mapping[str, Any]) -> Mapping[str, Any]:
    """The fields of a search with a project's weights, of which the request's own win."""
    given = fields.get("weights")
    if not known or not (given is None or isinstance(given, Mapping)):
        return fields
    return {**fields, "weights": {**known, **(given or {})}}


def ranking_answer(known: Mapping[str, float], settings: Mapping[Signal, float]) -> Json:
    """As `MemoryApi.ranking` answers. `settings`: the server's own weights, where they aren't as shipped."""
    server = Weights().but(settings)
    ours = weights_of(known)
    return {
        "weights": server.but(ours).named(),
        "set": {signal.value: weight for signal, weight in ours.items()},
        "server": server.named(),
        "shipped": {signal.value: weight for signal, weight in SHIPPED.items()},
    }
