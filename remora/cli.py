"""The `remora` command: what people type. Thin; what is heavy is loaded by the commands that need it."""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from remora import __version__, output
from remora.errors import InvalidInput, RemoraError, advice, exit_code

if TYPE_CHECKING:
    from engine.config import Settings
    from remora.http_api import HttpApi

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
JsonFlag = Annotated[bool, typer.Option("--json", help="Print JSON.")]
UserFlag = Annotated[str | None, typer.Option(help="Whose memory.")]
AgentFlag = Annotated[str | None, typer.Option(help="Which agent's.")]
AppFlag = Annotated[str | None, typer.Option(help="Which app's.")]
RunFlag = Annotated[str | None, typer.Option(help="Which run's or session's.")]
UrlFlag = Annotated[
    str | None, typer.Option(envvar="REMORA_URL", help="Where Remora answers; default: host and port of the settings.")
]
KeyFlag = Annotated[str | None, typer.Option(envvar=["REMORA_API_KEY", "REMORA_ADMIN_KEY"], help="Key, if one is set.")]


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

    raise typer.Exit(lifecycle.serve(_settings(host=host, port=port, data_dir=data_dir)))


@app.command()
def up(host: HostFlag = None, port: PortFlag = None, data_dir: DataDirFlag = None) -> None:
    """Start Remora in the background; it runs until `remora down`."""
    from remora import lifecycle

    lifecycle.up(_settings(host=host, port=port, data_dir=data_dir))


@app.command()
def down(data_dir: DataDirFlag = None) -> None:
    """Stop the Remora that runs on a data directory, and whatever one that crashed has left running."""
    from remora import lifecycle

    output.line("Stopped." if lifecycle.down(_settings(data_dir=data_dir)) else "Nothing was running.")


@app.command()
def status(data_dir: DataDirFlag = None, json_: JsonFlag = False) -> None:
    """Show what runs and how far it is. Exits with 0 when it is ready, else with 4."""
    from remora import lifecycle

    state = lifecycle.status(_settings(data_dir=data_dir))
    output.as_json(state) if json_ else output.state(state)
    if not state["memory"].get("ready"):
        raise typer.Exit(exit_code("unavailable"))


@app.command()
def config(json_: JsonFlag = False) -> None:
    """Show the settings in force; secrets are hidden."""
    values = _settings().model_dump(mode="json")
    output.as_json(values) if json_ else output.tree(values)


@app.command()
def add(
    text: Annotated[str, typer.Argument(help="What was said; `-` reads it from stdin.")],
    user_id: UserFlag = None,
    agent_id: AgentFlag = None,
    app_id: AppFlag = None,
    run_id: RunFlag = None,
    role: Annotated[str, typer.Option(help="Who said it: user or assistant.")] = "user",
    metadata: Annotated[str | None, typer.Option(help='JSON object to keep with it, as {"source": "mail"}.')] = None,
    infer: Annotated[bool, typer.Option(help="Let a configured language model make facts of it.")] = True,
    url: UrlFlag = None,
    api_key: KeyFlag = None,
    json_: JsonFlag = False,
) -> None:
    """Store a memory.

    Example: remora add "I moved to Lisbon in May." --user-id ana
    """
    said = sys.stdin.read() if text == "-" else text
    fields = _given(
        user_id=user_id,
        agent_id=agent_id,
        app_id=app_id,
        run_id=run_id,
        metadata=_json_object(metadata, "--metadata"),
        infer=infer,
    )
    answer = _ask(url, api_key, lambda api: api.add([{"role": role, "content": said}], **fields))
    output.as_json(answer) if json_ else output.added(answer)


@app.command()
def search(
    query: Annotated[str, typer.Argument(help="What to look for.")],
    user_id: UserFlag = None,
    agent_id: AgentFlag = None,
    app_id: AppFlag = None,
    run_id: RunFlag = None,
    top_k: Annotated[int | None, typer.Option("--top-k", "-k", min=1, help="How many at most.")] = None,
    threshold: Annotated[float | None, typer.Option(min=0.0, max=1.0, help="Least score; 0 shows all.")] = None,
    filters: Annotated[
        str | None, typer.Option(help='More conditions as JSON, as {"categories": {"in": ["food"]}}.')
    ] = None,
    explain: Annotated[bool, typer.Option(help="With --json: the parts of each score.")] = False,
    url: UrlFlag = None,
    api_key: KeyFlag = None,
    json_: JsonFlag = False,
) -> None:
    """Find memories.

    Example: remora search "Where does Ana live?" --user-id ana
    """
    fields = _given(
        user_id=user_id,
        agent_id=agent_id,
        app_id=app_id,
        run_id=run_id,
        top_k=top_k,
        threshold=threshold,
        filters=_json_object(filters, "--filters"),
        explain=explain or None,
    )
    answer = _ask(url, api_key, lambda api: api.search(query, **fields))
    output.as_json(answer) if json_ else output.found(answer)


def _settings(**flags: Any) -> Settings:
    from engine.config import load

    return load(**flags)


def _ask(
    url: str | None, api_key: str | None, call: Callable[[HttpApi], Coroutine[Any, Any, dict[str, Any]]]
) -> dict[str, Any]:
    """What the running Remora answers to one call."""
    from remora.http_api import HttpApi

    async def answer() -> dict[str, Any]:
        async with HttpApi(url or _default_url(), api_key) as api:
            return await call(api)

    return asyncio.run(answer())


def _given(**fields: Any) -> Any:
    return {name: value for name, value in fields.items() if value is not None}


def _default_url() -> str:
    settings = _settings()
    # A server that listens on every address answers on loopback as well.
    host = {"0.0.0.0": "127.0.0.1", "::": "::1", "": "127.0.0.1"}.get(settings.host, settings.host)  # noqa: S104
    return f"http://{f'[{host}]' if ':' in host else host}:{settings.port}"


def _json_object(raw: str | None, flag: str) -> dict[str, Any] | None:
    if raw is None:
        return None
    try:
        value = json.loads(raw)
    except ValueError as error:
        raise InvalidInput(f"{flag} is no JSON: {error}") from error
    if not isinstance(value, dict):
        raise InvalidInput(f'{flag} has to be a JSON object, as {{"source": "mail"}}')
    return value


def _fail(error: Any) -> int:
    """Say what went wrong and what to do next; the exit code for it. `error` has code, message and details."""
    output.note(f"remora: {error.message}", "red")
    if isinstance(error, RemoraError) and (hint := advice(error.code, error.details)) is not None:
        output.note(hint)
    return exit_code(error.code)


def _is_ours(error: Exception) -> bool:
    """Whether it is an error that Remora raises on purpose; asked without loading the engine."""
    engine_errors = sys.modules.get("engine.errors")
    return isinstance(error, RemoraError) or (
        engine_errors is not None and isinstance(error, engine_errors.RemoraError)
    )


def main(arguments: list[str] | None = None) -> None:
    """Run the command line; exits the process."""
    try:
        app(arguments)
    except Exception as error:
        if not _is_ours(error):
            raise
        sys.exit(_fail(error))


if __name__ == "__main__":
    main()
