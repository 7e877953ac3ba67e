"""`remora tune`: weights of signals, fitted on a user's own judged questions."""

from __future__ import annotations

from contextlib import AbstractContextManager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from remora import output
from remora.commands import standard_input
from remora.commands.connection import ask
from remora.commands.flags import JsonFlag, KeyFlag, UrlFlag
from remora.errors import InvalidInput
from remora.views import tuning as views

if TYPE_CHECKING:
    from engine.tuning.judged import Judged


def tune(
    file: Annotated[
        Path | None, typer.Argument(help="Judged questions, JSON lines; without it: show the weights.")
    ] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only show what it would do.")] = False,
    reset: Annotated[bool, typer.Option("--reset", help="Go back to the shipped weights.")] = False,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Don't ask; kept only if unseen questions gain.")] = False,
    url: UrlFlag = None,
    api_key: KeyFlag = None,
    json_: JsonFlag = False,
) -> None:
    """Fit what signals count in searches on your own questions.

    Each line of FILE is {"question": {"id", "text", "evidence": [ids of memories], "user_id", "group"}}. With lines
    {"unit": {"id", "text", …}} these are remembered for it, asked, and erased again. Shows how good the weights are
    for groups that they were not fitted on, and asks before they are kept for the project.

    Examples: remora tune questions.jsonl

    remora tune --reset
    """
    if file is None:
        answer = ask(url, api_key, lambda api: api.set_ranking(None) if reset else api.ranking())
        output.as_json(answer) if json_ else views.ranking(answer)
        return
    if reset:
        raise InvalidInput("give either a file or --reset")
    from remora.tuning import tuned

    judged = _read(file)

    def stage(what: str) -> AbstractContextManager[Any]:
        return output.progress_of(what, quiet=json_)

    tuning = ask(url, api_key, lambda api: tuned(api, judged, stage))
    told = views.figures(tuning)
    if not json_:
        views.tuned(told)
    keep = not dry_run and _agreed(tuning.fit.helps, yes=yes)
    if keep:
        ask(url, api_key, lambda api: api.set_ranking(told["weights"]))
    output.as_json({**told, "kept": keep}) if json_ else views.kept(keep)


def _read(file: Path) -> Judged:
    from engine.tuning.judged import read

    try:
        with file.open(encoding="utf-8") as lines:
            return read(lines)
    except UnicodeDecodeError as error:
        raise InvalidInput(f"{file} is no UTF-8: {error}") from error
    except OSError as error:
        raise InvalidInput(f"{file} can't be read: {error.strerror}") from error


def _agreed(helps: bool, *, yes: bool) -> bool:
    if yes:
        return helps
    if not standard_input.is_terminal():
        raise InvalidInput("nobody can be asked here: add --yes to keep the weights, or --dry-run; nothing was kept")
    return typer.confirm("Keep these weights for the project?", default=helps, err=True)
