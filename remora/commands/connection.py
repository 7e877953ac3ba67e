"""From flags to the running Remora and back: its address, one call, JSON values of flags."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any, TypeVar

from remora.errors import InvalidInput

if TYPE_CHECKING:
    from engine.config import Settings
    from remora.http_api import HttpApi

T = TypeVar("T")

# A server that listens on every address answers on loopback as well.
_LOOPBACK = {"0.0.0.0": "127.0.0.1", "::": "::1", "": "127.0.0.1"}  # noqa: S104


def ask(url: str | None, api_key: str | None, call: Callable[[HttpApi], Awaitable[T]]) -> T:
    """What the running Remora answers to a call, or to several on one connection."""
    from remora.http_api import HttpApi

    async def answer() -> T:
        async with HttpApi(url or default_url(), api_key) as api:
            return await call(api)

    return asyncio.run(answer())


def settings_of(**flags: Any) -> Settings:
    """The settings in force, under the flags that are given."""
    from engine.config import load

    return load(**flags)


def default_url() -> str:
    """Where a server with our settings answers."""
    settings = settings_of()
    host = _LOOPBACK.get(settings.host, settings.host)
    return f"http://{f'[{host}]' if ':' in host else host}:{settings.port}"


def given(**fields: Any) -> Any:
    """The fields that were given: what isn't sent is the server's to choose."""
    return {name: value for name, value in fields.items() if value is not None}


def json_object(raw: str | None, flag: str) -> dict[str, Any] | None:
    """The value of a flag that takes a JSON object.

    Raises:
        InvalidInput: it is none.
    """
    if raw is None:
        return None
    try:
        value = json.loads(raw)
    except (ValueError, RecursionError) as error:
        raise InvalidInput(f"{flag} is no JSON: {error}") from error
    if not isinstance(value, dict):
        raise InvalidInput(f'{flag} has to be a JSON object, as {{"source": "mail"}}')
    return value


def moment(raw: str | None) -> int | float | str | None:
    """A time as a flag gives it: unix seconds become a number, everything else is the server's to read."""
    if raw is None:
        return None
    try:
        return float(raw) if "." in raw else int(raw)
    except ValueError:
        return raw
