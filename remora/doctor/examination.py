"""All checks, one after the other. One that can't be done is a finding too, and stops no other."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from actors.run_directory import RunDirectory
from engine.config import Settings
from engine.errors import RemoraError
from remora.doctor import machine, models, runtime, stores, variables, versions
from remora.doctor.finding import Finding, Verdict, failure

Tell = Callable[[Finding], None]


@dataclass(frozen=True, slots=True)
class Wanted:
    """What to look at beside the settings' own place. `deep`: also load the models."""

    data_dir: Path | None = None
    url: str | None = None
    api_key: str | None = None
    deep: bool = False


def examine(wanted: Wanted, tell: Tell) -> list[Finding]:
    """Look at everything; `tell` hears each finding as it comes."""
    found: list[Finding] = []
    for finding in _all(wanted):
        tell(finding)
        found.append(finding)
    return found


def mend(found: Iterable[Finding]) -> tuple[list[Finding], list[Finding]]:
    """Do what is safe: the findings that were mended, and what kept others from it."""
    mended, failed = [], []
    for finding in found:
        if finding.mend is None:
            continue
        try:
            finding.mend()
            mended.append(finding)
        except (RemoraError, OSError) as error:
            failed.append(failure(finding.check, f"could not be mended: {error}", finding.advice))
    return mended, failed


def healthy(found: Iterable[Finding]) -> bool:
    """Whether nothing keeps Remora from working."""
    return not any(finding.verdict is Verdict.FAILURE for finding in found)


def _all(wanted: Wanted) -> Iterator[Finding]:
    for check in (versions.python, versions.packages, variables.names):
        yield from _guarded(check)
    settings, problem = variables.settings(wanted.data_dir)
    if problem is not None:
        yield problem
    if settings is not None:
        yield from _of(settings, wanted)


def _of(settings: Settings, wanted: Wanted) -> Iterator[Finding]:
    running = RunDirectory(settings.data_dir).locked()
    for check in (machine.disk, machine.temporary):
        yield from _guarded(partial(check, settings))
    yield from _guarded(machine.memory)
    for check in (machine.port, models.embedder, models.recogniser, models.language_model, models.haproxy):
        yield from _guarded(partial(check, settings))
    if wanted.deep:
        yield from _guarded(partial(models.loaded, settings))
    newest: list[int | None] = []
    yield from _guarded(partial(_ledgers, settings, newest))
    yield from _guarded(partial(stores.vectors, settings, running))
    yield from _guarded(partial(stores.graphs, settings, running))
    yield from _guarded(partial(machine.clock, newest[0] if newest else None))
    yield from _guarded(partial(runtime.leftovers, settings))
    yield from _guarded(partial(runtime.server, settings, wanted.url, wanted.api_key))


def _ledgers(settings: Settings, newest: list[int | None]) -> list[Finding]:
    found, newest_us = stores.ledgers(settings)
    newest.append(newest_us)
    return found


def _guarded(check: Callable[[], Iterable[Finding]]) -> list[Finding]:
    try:
        return list(check())
    except Exception as error:  # noqa: BLE001 - whatever is wrong here is what the user wants to hear of.
        where = check.func if isinstance(check, partial) else check
        name = getattr(where, "__name__", "check").strip("_")
        return [failure(name, f"could not be checked: {type(error).__name__}: {error}", None)]
