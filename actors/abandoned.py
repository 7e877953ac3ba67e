"""What a runtime whose own process was killed has left in a Ray that isn't its own: actors and the HTTP application."""

from __future__ import annotations

import asyncio
import logging

import ray

from actors import life
from actors.fleet import Fleet
from actors.joining import check_listens, check_same, join
from actors.options import every_address
from actors.run_directory import Record
from actors.serve_http import withdraw
from engine.config import Settings
from engine.errors import RemoraError, Unavailable

_log = logging.getLogger(__name__)

_ANSWER_S = 5.0


def end(settings: Settings, last: Record) -> bool:
    """End it, in the Ray that the record names; whether there was anything.

    Nothing is ended unless actors say that they are of this data directory, and none that it is of another one:
    the names could be somebody else's by now. A Serve that was started for it stays, without the application.

    Args:
        settings: of the data directory.
        last: the record that it left.

    Raises:
        Conflict: this process is connected to another Ray.
        Unavailable: that Ray doesn't let us in.
    """
    runtime = settings.runtime.model_copy(update={"namespace": last.namespace, "address": last.address})
    theirs = settings.model_copy(update={"shards": last.shards, "embedders": last.embedders, "runtime": runtime})
    try:
        check_listens(last.address)
    except Unavailable:
        return False  # That Ray is gone, and they with it.
    fresh = not ray.is_initialized()
    try:
        if fresh:
            join(last.address, last.namespace, last.auth_mode)
        check_same(last.address, ray.get_runtime_context().gcs_address)
        return asyncio.run(_end(theirs, http=last.url is not None))
    finally:
        if fresh:
            ray.shutdown()


async def _end(settings: Settings, *, http: bool) -> bool:
    told = await asyncio.gather(*[life.describe(one, _ANSWER_S) for one in every_address(settings)])
    owners = {str(one["data_dir"]) for one in told if "data_dir" in one}
    if owners != {str(settings.data_dir)}:
        return False
    if http:
        try:
            await asyncio.to_thread(withdraw)
        except (RemoraError, RuntimeError) as error:
            _log.warning("the HTTP application could not be stopped: %s", error)
    await Fleet(settings, _quiet).stop()
    return True


def _quiet(step: str) -> None:
    """Progress that nobody wants to see."""
