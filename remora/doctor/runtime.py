"""Whether a runtime runs here, is well, and whether one that died has left something."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from functools import partial

from actors.leftovers import Remains, remains, sweep
from actors.options import VERSION
from actors.run_directory import RunDirectory
from engine.config import Settings
from remora.doctor.finding import Finding, failure, ok, warning
from remora.errors import RemoraError
from remora.http_api import HttpApi
from remora.views import units

_ANSWER_S = 5.0


def leftovers(settings: Settings) -> Iterator[Finding]:
    """Of an unclean exit."""
    directory = RunDirectory(settings.data_dir)
    left = remains(directory)
    if not left:
        yield ok("leftovers", "none")
        return
    if left.joined:  # The record is all that tells where they are: not to be swept away.
        advice = f"Its actors may go on in the Ray at {left.joined}: `remora down` ends them, a start takes them over."
        yield warning("leftovers", f"of a runtime that died: {_listed(left, directory)}", advice)
        return
    mend = partial(sweep, directory)
    advice = "`remora doctor --fix` removes them; so do the next start and `remora down`."
    yield warning("leftovers", f"of a runtime that died: {_listed(left, directory)}", advice, mend)


def server(settings: Settings, url: str | None, api_key: str | None) -> Iterator[Finding]:
    """The running one. `url`: another one than that of the data directory."""
    directory = RunDirectory(settings.data_dir)
    record = directory.read() if directory.locked() else None
    if url is None and record is None:
        yield ok("server", "not running; `remora serve` starts it")
        return
    if url is None and record is not None and record.version != VERSION:
        advice = "Stop the old one with `remora down`, and start it again."
        yield failure("server", f"version {record.version} runs, {VERSION} is installed", advice)
    url = url or (record.url if record else None)
    if url is None:
        yield ok("server", f"{record.state if record else 'running'}, without HTTP")
        return
    yield _asked(url, api_key)


def _asked(url: str, api_key: str | None) -> Finding:
    try:
        state = asyncio.run(_status(url, api_key))
    except RemoraError as error:
        return failure("server", error.message, "`remora status` tells more; its log is in run/ of the data directory.")
    version = str(state.get("version") or VERSION)
    if version != VERSION:
        return failure("server", f"{url} runs version {version}, {VERSION} is installed", "Make both the same.")
    if not state.get("ready"):
        return failure("server", f"{url} is {state.get('state')}, not ready", "Wait; `remora status` shows for what.")
    return ok("server", f"ready at {url}")


async def _status(url: str, api_key: str | None) -> dict[str, object]:
    async with HttpApi(url, api_key, timeout_s=_ANSWER_S) as api:
        return await api.status()


def _listed(left: Remains, directory: RunDirectory) -> str:
    parts = [
        units.of(len(left.processes), "process", "processes") if left.processes else "",
        "a damaged record" if left.damaged else "its record" if left.record else "",
        f"files in {directory.ray}" if left.ray_files else "",
    ]
    return ", ".join(filter(None, parts))
