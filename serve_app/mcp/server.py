"""An MCP server over a memory: tools, a resource and a prompt. Knows nothing of what carries it."""

from __future__ import annotations

import logging
import re
from collections.abc import Awaitable, Callable, Sequence
from typing import Any, TypeAlias
from urllib.parse import unquote_to_bytes

from mcp.server.context import ServerRequestContext
from mcp.server.lowlevel import Server
from mcp.shared.exceptions import MCPError
from mcp_types import (
    INTERNAL_ERROR,
    INVALID_PARAMS,
    CallToolRequestParams,
    CallToolResult,
    GetPromptRequestParams,
    GetPromptResult,
    ListPromptsResult,
    ListResourcesResult,
    ListResourceTemplatesResult,
    ListToolsResult,
    PaginatedRequestParams,
    Prompt,
    PromptMessage,
    ReadResourceRequestParams,
    ReadResourceResult,
    ResourceTemplate,
    TextContent,
    TextResourceContents,
)

from engine.api import MemoryApi
from serve_app.mcp.answers import Told, as_text, good, refused
from serve_app.mcp.openmemory import ALIASES
from serve_app.mcp.tool import Tool
from serve_app.mcp.tools import MEM0
from serve_app.mcp.words import INSTRUCTIONS, PROMPT, PROMPT_ABOUT, PROMPT_TEXT, TEMPLATE, TEMPLATE_ABOUT

Context: TypeAlias = ServerRequestContext[Any, Any]
Reach: TypeAlias = Callable[[Context], Awaitable[MemoryApi]]
"""The memory as whoever asks may see it, once it can be asked. May raise as a verb does."""

_USERS_MEMORIES = re.compile(r"remora://users/([^/?#]+)/memories/?")
_JSON = "application/json"
_BROKEN = "Something went wrong inside Remora. Its log says more."
_log = logging.getLogger("remora.mcp")


class Calls:
    """Calls of tools.

    Args:
        tools: those that there are.
        reach: the memory.
        user_of: whose memory a call is about when its arguments don't say.
    """

    def __init__(self, tools: Sequence[Tool], reach: Reach, user_of: Callable[[Context], str]) -> None:
        self._tools = {tool.name: tool for tool in tools}
        self._reach = reach
        self._user_of = user_of
        self._described = ListToolsResult(tools=[tool.described() for tool in tools])

    async def listed(self, _context: Context, _params: PaginatedRequestParams | None) -> ListToolsResult:
        """All tools."""
        return self._described

    async def call(self, context: Context, params: CallToolRequestParams) -> CallToolResult:
        """What a tool answers; whatever goes wrong in it is an answer too, which a model can read."""
        tool = self._tools.get(params.name)
        if tool is None:
            raise MCPError(INVALID_PARAMS, f"unknown tool {params.name!a}; there are {', '.join(self._tools)}")
        try:
            return good(await tool.call(await self._reach(context), params.arguments, self._user_of(context)))
        except Exception as error:  # noqa: BLE001 - the boundary: its caller gets an answer, whatever happens
            if isinstance(error, Told) and error.code != "internal":
                return refused(error.message, error.code, error.details)
            _log.exception("tool %s failed", tool.name)
            return refused(_BROKEN, "internal", {})


class Shelf:
    """What can be read without a tool: a user's memories, and the prompt."""

    def __init__(self, reach: Reach) -> None:
        self._reach = reach

    async def resources(self, _context: Context, _params: PaginatedRequestParams | None) -> ListResourcesResult:
        """None by themselves: whose memories there are, list_entities tells."""
        return ListResourcesResult(resources=[])

    async def templates(self, _context: Context, _params: PaginatedRequestParams | None) -> ListResourceTemplatesResult:
        """The one template."""
        template = ResourceTemplate(
            name="memories",
            title="A user's memories",
            uri_template=TEMPLATE,
            description=TEMPLATE_ABOUT,
            mime_type=_JSON,
        )
        return ListResourceTemplatesResult(resource_templates=[template])

    async def read(self, context: Context, params: ReadResourceRequestParams) -> ReadResourceResult:
        """A user's newest memories.

        Raises:
            MCPError: there is no such resource, or it can't be read now.
        """
        user = _user_in(str(params.uri))
        try:
            answer = await (await self._reach(context)).list(user_id=user)
        except Exception as error:
            if not isinstance(error, Told) or error.code == "internal":
                _log.exception("reading a resource failed")
                raise MCPError(INTERNAL_ERROR, _BROKEN) from error
            code = INVALID_PARAMS if error.code == "invalid_input" else INTERNAL_ERROR
            raise MCPError(code, error.message, {"code": error.code}) from error
        return ReadResourceResult(
            contents=[TextResourceContents(uri=params.uri, mime_type=_JSON, text=as_text(answer))]
        )

    async def prompts(self, _context: Context, _params: PaginatedRequestParams | None) -> ListPromptsResult:
        """The one prompt."""
        return ListPromptsResult(prompts=[Prompt(name=PROMPT, title="Memory assistant", description=PROMPT_ABOUT)])

    async def prompt(self, _context: Context, params: GetPromptRequestParams) -> GetPromptResult:
        """Its text.

        Raises:
            MCPError: there is no such prompt.
        """
        if params.name != PROMPT:
            raise MCPError(INVALID_PARAMS, f"unknown prompt {params.name!a}; there is {PROMPT}")
        message = PromptMessage(role="user", content=TextContent(text=PROMPT_TEXT))
        return GetPromptResult(description=PROMPT_ABOUT, messages=[message])


def whole_server(reach: Reach, default_user: str, version: str) -> Server[Any]:
    """All tools, for whoever is named; where nobody is, for `default_user`."""
    calls, shelf = Calls((*MEM0, *ALIASES), reach, lambda _context: default_user), Shelf(reach)
    return _quiet(
        Server(
            "remora",
            version=version,
            title="Remora",
            instructions=INSTRUCTIONS,
            on_list_tools=calls.listed,
            on_call_tool=calls.call,
            on_list_resources=shelf.resources,
            on_list_resource_templates=shelf.templates,
            on_read_resource=shelf.read,
            on_list_prompts=shelf.prompts,
            on_get_prompt=shelf.prompt,
        )
    )


def bound_server(tools: Sequence[Tool], reach: Reach, user_of: Callable[[Context], str], version: str) -> Server[Any]:
    """`tools` alone, for the user whom each request names by itself."""
    calls = Calls(tools, reach, user_of)
    return _quiet(
        Server("remora", version=version, title="Remora", on_list_tools=calls.listed, on_call_tool=calls.call)
    )


def _quiet(server: Server[Any]) -> Server[Any]:
    """Without the spans that the SDK makes of each message: nobody here looks at them."""
    server.middleware.clear()
    return server


def _user_in(uri: str) -> str:
    found = _USERS_MEMORIES.fullmatch(uri)
    if found is not None:
        try:
            return unquote_to_bytes(found[1]).decode()
        except UnicodeError:
            pass
    raise MCPError(INVALID_PARAMS, f"no resource {uri!a}; there is {TEMPLATE}", {"uri": uri})
