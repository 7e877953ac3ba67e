"""How often Ray has started this actor again. The one place that asks Ray's control store for it."""

from __future__ import annotations

import logging

import ray

_log = logging.getLogger(__name__)


def restarts() -> int | None:
    """Of the actor that this runs in; it can't change while this process lives, so once is enough to ask.

    None: Ray doesn't say. It has no public call for the number without its dashboard, only for whether it is zero.
    """
    from ray._private import state

    actor_id = ray.get_runtime_context().get_actor_id()
    try:
        return int(state.actors(actor_id)["NumRestarts"])
    except Exception as error:  # noqa: BLE001 - a private call of Ray: whatever comes of it, the actor has to live
        _log.warning("the number of restarts can't be asked for: %r", error)
        return None
