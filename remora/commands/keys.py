"""`remora keys`: the keys beside the server's own, in the file of this machine."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Annotated, Any

import typer

from remora import output
from remora.commands.connection import given, settings_of
from remora.commands.flags import AgentFlag, AppFlag, JsonFlag, RunFlag, UserFlag
from remora.views import keys as views

app = typer.Typer(no_args_is_help=True, help="Make, list, rotate and revoke keys: one for each program that asks.")

DataFlag = Annotated[Path | None, typer.Option("--data-dir", help="Of which Remora; ~/.remora unless told.")]


@app.command()
def create(
    name: Annotated[str, typer.Argument(help="What it is for, in your words.")],
    role: Annotated[
        str, typer.Option(help="read: ask; write: change memories; admin: change the project too.")
    ] = "write",
    user_id: UserFlag = None,
    agent_id: AgentFlag = None,
    app_id: AppFlag = None,
    run_id: RunFlag = None,
    project: Annotated[str | None, typer.Option(help="Whose memories are apart from those of all others.")] = None,
    days: Annotated[float | None, typer.Option(help="It ends after so many days.")] = None,
    data_dir: DataFlag = None,
    json_: JsonFlag = False,
) -> None:
    """Make a key, and print it: this once.

    With ids it is bound to them: it sees and changes nothing that hasn't all of them.

    Examples: remora keys create "support bot" --role read

    remora keys create "ana's phone" --user-id ana --days 90
    """
    from engine.access.making import issued
    from engine.types import DEFAULT_PROJECT

    lasts_s = None if days is None else timedelta(days=days).total_seconds()
    ids = given(user_id=user_id, agent_id=agent_id, app_id=app_id, run_id=run_id)
    asked = {"name": name, "role": role, **ids, **given(project=project, expires_in_s=lasts_s)}
    made = _witnessed(data_dir, "create_key", issued, asked, None, DEFAULT_PROJECT, time.time())
    output.as_json(made) if json_ else views.made(made)


@app.command("list")
def list_(data_dir: DataFlag = None, json_: JsonFlag = False) -> None:
    """List all keys, without their secrets."""
    from engine.access.making import ordered

    known = ordered(_file(data_dir), None, time.time())
    output.as_json({"results": known}) if json_ else views.listed(known)


@app.command()
def revoke(key_id: str, data_dir: DataFlag = None, json_: JsonFlag = False) -> None:
    """End a key, within a second, for good."""
    from engine.access.making import revoked

    ended = _witnessed(data_dir, "revoke_key", revoked, key_id, None, time.time())
    output.as_json(ended) if json_ else output.line(f"{ended['name']} ({key_id}) is revoked", "green")


@app.command()
def rotate(
    key_id: str,
    overlap_hours: Annotated[float, typer.Option(help="How long the old one holds beside it.")] = 24.0,
    data_dir: DataFlag = None,
    json_: JsonFlag = False,
) -> None:
    """Give a key a new secret, and print it: this once."""
    from engine.access.making import rotated

    made = _witnessed(data_dir, "rotate_key", rotated, key_id, overlap_hours * 3600, None, time.time())
    output.as_json(made) if json_ else views.made(made)


@app.command()
def log(
    data_dir: DataFlag = None,
    count: Annotated[int, typer.Option("--count", "-n", min=1, max=1000, help="At most so many.")] = 20,
    json_: JsonFlag = False,
) -> None:
    """Show the audit log: what was done to whole projects and to keys, the newest first."""
    from engine.access.audit import AuditLog, audit_file

    found = AuditLog(audit_file(settings_of(**given(data_dir=data_dir)))).entries(1, count)
    output.as_json(found) if json_ else views.witnessed(found["results"])


def _witnessed(data_dir: Path | None, action: str, change: Callable[..., Any], *asked: Any) -> Any:
    from engine.access.audit import LOCAL, AuditLog, audit_file, witnessed

    log = AuditLog(audit_file(settings_of(**given(data_dir=data_dir))))
    return witnessed(log, LOCAL, action, change, _file(data_dir), *asked)


def _file(data_dir: Path | None) -> Any:
    from engine.access.key_file import KeyFile, keys_file

    return KeyFile(keys_file(settings_of(**given(data_dir=data_dir))), time.monotonic)
