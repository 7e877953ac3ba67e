"""`remora backup` and `remora restore`: the ledgers into a directory of plain files, and out of it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from remora import __version__, output
from remora.commands.connection import settings_of
from remora.commands.flags import JsonFlag
from remora.views import backup as views

if TYPE_CHECKING:
    from engine.backup.restore import Restored
    from engine.backup.write import Bar
    from engine.config import Settings

_DataDirFlag = Annotated[Path | None, typer.Option(help="Where memories are kept.")]


def backup(
    directory: Annotated[Path, typer.Argument(help="Where the backup goes: empty, or not there yet.")],
    verify: Annotated[bool, typer.Option("--verify", help="Check the backup that is there; make none.")] = False,
    data_dir: _DataDirFlag = None,
    json_: JsonFlag = False,
) -> None:
    """Write all memories into a directory, with checksums, while Remora serves or not.

    It reads the ledgers that the settings name (files on this machine, or a database server). The indexes aren't in it:
    `remora restore` has them built anew. A later `remora purge` doesn't reach into it: delete old backups.

    Example: remora backup /backups/monday

    Example: remora backup --verify /backups/monday
    """
    from engine.backup.read import verify as check
    from engine.backup.write import back_up

    bar = _bar(json_)
    if verify:
        made = check(directory, bar)
    else:
        made = back_up(settings_of(data_dir=data_dir), directory.absolute(), version=__version__, bar=bar)
    output.as_json(made.model_dump(mode="json")) if json_ else views.made(made, directory, whole=verify)


def restore(
    directory: Annotated[Path, typer.Argument(help="A backup that `remora backup` made.")],
    data_dir: _DataDirFlag = None,
    json_: JsonFlag = False,
) -> None:
    """Make the memories of a backup again where there are none, while Remora is stopped.

    The ledgers go where the settings say, files or database server, whatever they came from. Nothing is overwritten.
    Every file is checked before anything is written. The next start finishes the operations that were under way, and
    builds the indexes anew.

    Example: remora restore /backups/monday --data-dir ./memories
    """
    from actors.run_directory import RunDirectory
    from engine.backup import restore as restoring

    settings = settings_of(data_dir=data_dir)
    runs = RunDirectory(settings.data_dir)
    runs.lock()
    try:
        restored = restoring.restore(settings, directory.absolute(), _bar(json_))
        problems = asyncio.run(restoring.problems(settings))
    finally:
        runs.release()
    _tell(settings, restored, problems, json_)
    if problems:
        raise typer.Exit(1)


def _tell(settings: Settings, restored: Restored, problems: list[str], json_: bool) -> None:
    if json_:
        aside = [str(path) for path in restored.aside]
        output.as_json({**restored.manifest.model_dump(mode="json"), "set_aside": aside, "problems": problems})
    else:
        views.restored(restored, problems, settings)


def _bar(json_: bool) -> Bar:
    return _silent if json_ else output.progress_bar


@contextmanager
def _silent(_what: str, _total: int) -> Iterator[Callable[[int], None]]:
    yield lambda _count: None
