"""What is wanted of the facts of an add: by its caller, and by its project."""

from __future__ import annotations

from typing import Any

from engine.config import InferSettings, Policy
from engine.facts.prompt import Wishes
from engine.kept import Kept
from engine.ledger_port import Ledger, Operation
from engine.types import PROCEDURAL, Json

_NAME = "inference"


class Wishing:
    """Knows the wishes of callers and projects.

    Args:
        ledger: keeps those of projects.
        settings: what holds where a project says nothing.
    """

    def __init__(self, ledger: Ledger, settings: InferSettings) -> None:
        async def read(project: str) -> Json:
            return await ledger.setting(project, _NAME)

        async def write(epoch: int, project: str, value: Json) -> None:
            await ledger.put_setting(epoch, project, _NAME, value)

        self._settings = settings
        self._kept = Kept(read, write)

    async def of(self, operation: Operation) -> Wishes:
        """What is wanted of the facts of an add: what its caller names, and for the rest what its project wants.

        Raises what the ledger raises.
        """
        known = await self._kept.of(operation.project)
        server = {"instructions": self._settings.instructions}
        return _wishes({**server, **known.get("wishes", {}), **(operation.request.get("wishes") or {})})

    async def policy(self, operation: Operation) -> Policy:
        """How the facts of an add are kept consistent; the record of a run contradicts no other. Raises what the ledger
        raises."""
        if operation.request.get("memory_type") == PROCEDURAL:
            return Policy.APPEND
        return Policy((await self._kept.of(operation.project)).get("policy", self._settings.policy))

    async def put(self, epoch: int, project: str, value: Json) -> None:
        """Set what a project wants durably, as `inference_of` has it. Raises what the ledger raises."""
        await self._kept.put(epoch, project, value)

    async def told(self, project: str) -> Json:
        """As `MemoryApi.inference` answers. Raises what the ledger raises."""
        return inference_answer(await self._kept.of(project), self._settings)


def inference_answer(known: Json, server: InferSettings) -> Json:
    """As `MemoryApi.inference` answers. `known`: what the project has set; `server`: what holds
    where it sets nothing."""
    wanted = _wishes(known.get("wishes", {}))
    return {
        "policy": known.get("policy", server.policy.value),
        "custom_instructions": wanted.instructions or None,
        "includes": list(wanted.topics),
        "excludes": list(wanted.but_topics),
        "custom_categories": [{name: what} for name, what in wanted.categories],
        "server": {"policy": server.policy.value, "custom_instructions": server.instructions or None},
    }


def _wishes(asked: dict[str, Any]) -> Wishes:
    return Wishes(
        instructions=asked.get("instructions", ""),
        topics=tuple(asked.get("topics", ())),
        but_topics=tuple(asked.get("but_topics", ())),
        categories=tuple((name, what) for name, what in asked.get("categories", ())),
    )
