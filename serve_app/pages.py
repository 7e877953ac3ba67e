"""The addresses of the next and the previous page of a list."""

from __future__ import annotations

from urllib.parse import urlencode

from starlette.requests import Request

from engine.types import Json
from serve_app.responses import JsonResponse, page


def paged(request: Request, path: str, content: Json) -> JsonResponse:
    """A page with links to its neighbours; `content` says which page of how many entries it is."""
    number, size, count = content["page"], content["page_size"], content["count"]
    has_next, has_previous = number * size < count, number > 1
    return page(
        content,
        next_url=_address(request, path, number + 1, size) if has_next else None,
        previous_url=_address(request, path, number - 1, size) if has_previous else None,
    )


def _address(request: Request, path: str, number: int, size: int) -> str:
    given = [(name, value) for name, value in request.query_params.multi_items() if name not in {"page", "page_size"}]
    query = urlencode([*given, ("page", number), ("page_size", size)])
    prefix = request.scope.get("root_path", "")
    return f"{request.url.scheme}://{request.url.netloc}{prefix}{path}?{query}"
