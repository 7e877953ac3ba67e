"""A chat as its caller sent it: whose memory it is about, and what goes to the language model. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import orjson
from starlette.datastructures import Headers

from engine import requests
from engine.config import LimitSettings, SearchSettings
from engine.context.request import parse_context
from engine.errors import Forbidden, InvalidInput
from engine.requests.scope import named_scope_of
from engine.types import SCOPE_FIELDS, Json
from serve_app.chat import messages as chat_messages

_RECALLING = ("filters", "top_k")
_REMEMBERING = ("metadata", "infer")
_OURS_ALONE = ("filters", "infer")
"""No language model's server knows these."""
_HEADERS = {name: f"x-remora-{name.replace('_', '-')}" for name in SCOPE_FIELDS}
_ANYTHING = "anything"


@dataclass(frozen=True, slots=True)
class ChatRequest:
    """A chat. `scope`: whose memory it is about, empty: nobody's. `recalling`, `remembering`: what was said about it.

    `body` goes to the language model; `raw`: the same as it came, where nothing had to be changed.
    """

    body: Json
    raw: bytes | None = None
    scope: Json = field(default_factory=dict)
    recalling: Json = field(default_factory=dict)
    remembering: Json = field(default_factory=dict)

    @property
    def messages(self) -> Sequence[Any]:
        """What was said; empty where it isn't a list, which the language model's server will refuse."""
        said = self.body.get("messages")
        return said if isinstance(said, list) else []

    @property
    def streams(self) -> bool:
        """Whether the answer is asked for piece by piece."""
        return self.body.get("stream") is True

    def encoded(self, memories: str = "") -> bytes:
        """What is sent, with memories put in."""
        if not memories:
            return orjson.dumps(self.body) if self.raw is None else self.raw
        return orjson.dumps({**self.body, "messages": chat_messages.with_memories(self.messages, memories)})


def parse_chat(
    body: Json, raw: bytes, headers: Headers, model: str | None, limits: LimitSettings, search: SearchSettings
) -> ChatRequest:
    """A chat, with all that concerns memory taken out of its body. `model`: asked where none is named.

    Raises:
        InvalidInput: what concerns memory is wrong; the rest is for the language model's server to judge.
        TooLarge: it is over a limit.
    """
    given = _ids(body, headers)
    ours = {*SCOPE_FIELDS, *_RECALLING, *_REMEMBERING} if given else {*SCOPE_FIELDS}
    kept = {name: value for name, value in body.items() if name not in ours}
    if kept.get("model") is None and model is not None:
        kept["model"] = model
    same = raw if kept.keys() == body.keys() and kept.get("model") == body.get("model") else None
    if not given:
        _check_none(body)
        return ChatRequest(kept, same)
    scope: Json = dict(named_scope_of(given, limits).ids().items())
    recalling, remembering = _told(body, _RECALLING), _told(body, _REMEMBERING)
    parse_context(_ANYTHING, {**scope, **recalling}, limits, search)
    requests.parse_add(_ANYTHING, {**scope, **remembering}, limits)
    return ChatRequest(kept, same, scope, recalling, remembering)


def bound_to(ids: Mapping[str, str], body: Json, headers: Headers) -> Json:
    """The body of a chat whose caller is bound to ids, with these in it.

    Raises:
        Forbidden: it names somebody else.
        InvalidInput: what names them can't be read.
    """
    named = _ids(body, headers) if ids else {}
    for name, value in ids.items():
        if name in named and named[name] != value:
            raise Forbidden(f"this key is bound to {name} {value}, and can't name another one")
    return {**body, **ids} if ids else body


def _ids(body: Json, headers: Headers) -> Json:
    """Each from the body, else from its header; the user at last from OpenAI's own field."""
    found: Json = {name: body[name] for name in SCOPE_FIELDS if body.get(name) is not None}
    for name, header in _HEADERS.items():
        values = headers.getlist(header)
        if len(values) > 1:
            raise InvalidInput(f"the header {header} is given more than once", {"field": name})
        if values and name not in found:
            found[name] = _utf8(values[0], header)
    user = body.get("user")
    if "user_id" not in found and isinstance(user, str) and user:
        found["user_id"] = user
    return found


def _utf8(value: str, header: str) -> str:
    try:
        return value.encode("latin-1").decode()
    except UnicodeError as error:
        raise InvalidInput(f"the header {header} is not valid UTF-8", {"field": header}) from error


def _told(body: Json, names: Sequence[str]) -> Json:
    return {name: body[name] for name in names if body.get(name) is not None}


def _check_none(body: Json) -> None:
    for name in _OURS_ALONE:
        if name in body:
            raise InvalidInput(
                f"{name} needs to know whose memory it is about: at least one of {', '.join(SCOPE_FIELDS)}",
                {"field": name},
            )
