"""`remora mcp`: the memory as tools for Claude Desktop, Cursor and other MCP clients."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from remora.commands.connection import settings_of
from remora.commands.flags import KeyFlag


def mcp(
    url: Annotated[
        str | None, typer.Option(envvar="REMORA_URL", help="A running Remora; without it one of this machine's own.")
    ] = None,
    api_key: KeyFlag = None,
    data_dir: Annotated[Path | None, typer.Option(help="Where memories are kept, without --url.")] = None,
    user_id: Annotated[str | None, typer.Option(help="Whose memory, when a tool isn't told.")] = None,
) -> None:
    """Serve the memory as MCP tools over stdin and stdout; meant to be started by an MCP client.

    Without --url it uses the Remora that runs on the data directory, or starts one that ends with it.

    Example: {"mcpServers": {"remora": {"command": "remora", "args": ["mcp", "--user-id", "ana"]}}}
    """
    from remora.http_address import address_of
    from remora.mcp_stdio import Reached, run

    if url is not None:
        address_of(url)

    default_user = settings_of(**({"mcp": {"default_user": user_id}} if user_id is not None else {})).mcp.default_user
    memory = Reached(url, api_key=api_key if url else None, data_dir=data_dir)
    run(memory, default_user)
