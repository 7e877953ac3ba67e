"""`remora doctor`: what is wrong here, and what to do about it."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from remora import output
from remora.commands.flags import JsonFlag, KeyFlag, UrlFlag


def doctor(
    fix: Annotated[bool, typer.Option("--fix", help="Mend what can be mended without losing anything.")] = False,
    deep: Annotated[bool, typer.Option("--deep", help="Also load the models, which takes seconds.")] = False,
    data_dir: Annotated[Path | None, typer.Option(help="Where memories are kept.")] = None,
    url: UrlFlag = None,
    api_key: KeyFlag = None,
    json_: JsonFlag = False,
) -> None:
    """Check versions, settings, disk, memory, port, models, stores, leftovers of a crash, and the running server.

    Exits with 0 when nothing keeps Remora from working, else with 1.
    """
    from remora.doctor.examination import Wanted, examine, healthy, mend
    from remora.views import findings as views

    wanted = Wanted(data_dir, url, api_key, deep)
    found = examine(wanted, views.nothing if json_ else views.finding)
    mended, failed = mend(found) if fix else ([], [])
    if mended or failed:
        found = examine(wanted, views.nothing) + failed
    well = healthy(found)
    if json_:
        output.as_json(
            {"healthy": well, "findings": [one.as_json() for one in found], "mended": [one.text for one in mended]}
        )
    else:
        views.summary(found, mended, well, looked_again=bool(mended or failed))
    raise typer.Exit(0 if well else 1)
