"""The `remora` command: what people type. Thin; what is heavy is loaded by the commands that need it."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any

import typer

from remora import __version__, completion, output
from remora.commands import (
    addition,
    backup,
    deletion,
    demo,
    doctor,
    entities,
    erasure,
    graph,
    inference,
    keys,
    mcp,
    memories,
    migration,
    operations,
    reinfer,
    top,
    tune,
    upkeep,
)
from remora.commands.connection import settings_of
from remora.commands.flags import JsonFlag
from remora.errors import InvalidInput, RemoraError, advice, exit_code

app = typer.Typer(
    name="remora",
    help="Long-term memory for AI agents. Start it with `remora serve`, then add and search from anywhere.",
    epilog="Settings come from flags, REMORA_* variables and remora.toml; `remora config` shows those in force. "
    "Exit codes: 2 wrong call, 3 not found, 4 not reachable, 5 too busy, 1 anything else.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"]},
)

HostFlag = Annotated[
    str | None, typer.Option(help="Address to listen on; anything but loopback needs REMORA_ADMIN_KEY.")
]
PortFlag = Annotated[int | None, typer.Option(help="Port to listen on; 0 takes a free one.")]
DataDirFlag = Annotated[Path | None, typer.Option(help="Where memories are kept.")]


_WrongCall: Any = typer.BadParameter.__bases__[0]
"""Every wrong call: typer gives no name of its own to what its errors have in common."""


def _show_version(wanted: bool) -> None:
    if wanted:
        output.line(f"remora {__version__}")
        raise typer.Exit


@app.callback()
def _root(
    version: Annotated[
        bool, typer.Option("--version", callback=_show_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    pass


@app.command()
def serve(host: HostFlag = None, port: PortFlag = None, data_dir: DataDirFlag = None) -> None:
    """Start Remora in this terminal; Ctrl-C stops it and all that it started.

    Example: remora serve --port 8001 --data-dir ./memories
    """
    from remora import lifecycle

    raise typer.Exit(lifecycle.serve(settings_of(host=host, port=port, data_dir=data_dir)))


@app.command()
def up(host: HostFlag = None, port: PortFlag = None, data_dir: DataDirFlag = None) -> None:
    """Start Remora in the background; it runs until `remora down`."""
    from remora import lifecycle

    lifecycle.up(settings_of(host=host, port=port, data_dir=data_dir))


@app.command()
def down(data_dir: DataDirFlag = None) -> None:
    """Stop the Remora that runs on a data directory, and whatever one that crashed has left running."""
    from remora import lifecycle

    output.line("Stopped." if lifecycle.down(settings_of(data_dir=data_dir)) else "Nothing was running.")


@app.command()
def status(data_dir: DataDirFlag = None, json_: JsonFlag = False) -> None:
    """Show what runs and how far it is. Exits with 0 when it is ready, else with 4."""
    from remora import lifecycle
    from remora.views import status as views

    state = lifecycle.status(settings_of(data_dir=data_dir))
    output.as_json(state) if json_ else views.shown(state)
    if not state.get("ready"):
        raise typer.Exit(exit_code("unavailable"))


@app.command()
def config(json_: JsonFlag = False) -> None:
    """Show the settings in force; secrets are hidden."""
    values = settings_of().model_dump(mode="json")
    output.as_json(values) if json_ else output.tree(values)


for command in (
    addition.add,
    memories.search,
    memories.context,
    memories.get,
    memories.update,
    deletion.delete,
    memories.history,
    entities.entities,
    erasure.purge,
    reinfer.reinfer,
    upkeep.verify,
    upkeep.rebuild,
    backup.backup,
    backup.restore,
    tune.tune,
    inference.inference,
    top.top,
    mcp.mcp,
    demo.demo,
    doctor.doctor,
):
    app.command()(command)
app.command("list")(memories.list_)
app.command("import")(migration.import_)
app.add_typer(graph.app, name="graph")
app.add_typer(operations.app, name="operations")
app.add_typer(keys.app, name="keys")


def _wants_json(arguments: Sequence[str]) -> bool:
    """Whether errors are to be JSON too; asked before the arguments are known to make sense."""
    flags = arguments[: arguments.index("--")] if "--" in arguments else arguments
    return "--json" in flags


def _fail(error: Any, as_json: bool) -> int:
    """Say what went wrong and what to do next; the exit code for it. `error` has code, message and details."""
    if as_json:
        output.error_json(
            {
                "detail": error.message,
                "error": error.message,
                "code": error.code,
                "details": error.details,
                "request_id": getattr(error, "request_id", None),
            }
        )
        return exit_code(error.code)
    output.note(f"remora: {error.message}", "red")
    if isinstance(error, RemoraError) and (hint := advice(error.code, error.message, error.details)) is not None:
        output.note(hint)
    return exit_code(error.code)


def _refused_by_system(error: OSError, as_json: bool) -> int:
    """Say what the machine doesn't allow, as a full disk or a directory that can't be written; the exit code."""
    if isinstance(error, BrokenPipeError):  # Whoever reads the output has seen enough.
        return 1
    return _fail(RemoraError(str(error), {"errno": error.errno}), as_json)


def _give_out() -> None:
    """Write what is still buffered. Python would do so at the very end, and complain there of a reader that has gone.

    Raises:
        OSError: it can't be written; it is thrown away then.
    """
    if sys.stdout is None:
        return
    try:
        sys.stdout.flush()
    except OSError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        raise


def _is_ours(error: Exception) -> bool:
    """Whether it is an error that Remora raises on purpose; asked without loading the engine."""
    engine_errors = sys.modules.get("engine.errors")
    return isinstance(error, RemoraError) or (
        engine_errors is not None and isinstance(error, engine_errors.RemoraError)
    )


def _run(arguments: Sequence[str], as_json: bool) -> int:
    """Run a command; its exit code. Typer tells of a wrong call by itself, but not as JSON."""
    if not as_json:
        app(arguments)
        return 0
    try:
        return app(arguments, standalone_mode=False) or 0
    except typer.Abort:
        return 1
    except _WrongCall as error:
        raise InvalidInput(error.format_message()) from error


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command line; exits the process."""
    words = list(sys.argv[1:] if arguments is None else arguments)
    if completion.wanted(words):
        output.line(completion.give(words))
        return
    as_json = _wants_json(words)
    try:
        try:
            sys.exit(_run(words, as_json))
        finally:
            _give_out()
    except Exception as error:  # the boundary: what is foreseen becomes a message, all else goes on
        if _is_ours(error):
            sys.exit(_fail(error, as_json))
        if isinstance(error, OSError):
            sys.exit(_refused_by_system(error, as_json))
        raise


if __name__ == "__main__":
    main()
