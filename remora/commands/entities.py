"""`remora entities`: who has memories."""

from __future__ import annotations

from remora import output
from remora.commands.connection import ask, given
from remora.commands.flags import JsonFlag, KeyFlag, PageFlag, PageSizeFlag, UrlFlag
from remora.views import entities as views


def entities(
    page: PageFlag = None,
    page_size: PageSizeFlag = None,
    url: UrlFlag = None,
    api_key: KeyFlag = None,
    json_: JsonFlag = False,
) -> None:
    """List the users, agents, apps and runs that have memories."""
    answer = ask(url, api_key, lambda api: api.entities(**given(page=page, page_size=page_size)))
    output.as_json(answer) if json_ else views.listed(answer)
