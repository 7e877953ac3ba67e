"""`Remora` and `AsyncRemora`: chats that remember, by the OpenAI SDK over a running server."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from functools import cached_property
from types import TracebackType
from typing import TYPE_CHECKING, Any, Generic, Literal, Self, TypeAlias, TypeVar, overload

import openai
from openai.types.chat import ChatCompletion, ChatCompletionChunk

from remora.blocking import Memory
from remora.http_address import address_of, is_local
from remora.memory import AsyncMemory

if TYPE_CHECKING:
    from openai.types.chat import ChatCompletionMessageParam

Json: TypeAlias = dict[str, Any]
SdkT = TypeVar("SdkT", openai.OpenAI, openai.AsyncOpenAI)

_URL = "http://127.0.0.1:8000"
_VERSION = "/v1"
_NO_KEY = "none"
"""The SDK wants a key; a server without one ignores it."""
_KEY_VARIABLE = "REMORA_API_KEY"


class _Completions(Generic[SdkT]):
    """What both kinds have: the SDK, and whose memory it is about where a call doesn't say."""

    def __init__(self, sdk: SdkT, scope: Mapping[str, str]) -> None:
        self._sdk: SdkT = sdk
        self._scope = scope

    def _arguments(self, messages: Any, model: str | None, ours: Json, fields: Json) -> Json:
        """The SDK's arguments: what it doesn't know goes into the body."""
        told = {**self._scope, **{name: value for name, value in ours.items() if value is not None}}
        extra = {**told, **(fields.pop("extra_body", None) or {})}
        return {"messages": messages, "model": openai.omit if model is None else model, **fields, "extra_body": extra}


class Completions(_Completions[openai.OpenAI]):
    """`client.chat.completions`."""

    @overload
    def create(
        self,
        *,
        messages: Iterable[ChatCompletionMessageParam],
        model: str | None = ...,
        stream: Literal[False] = ...,
        user_id: str | None = ...,
        agent_id: str | None = ...,
        app_id: str | None = ...,
        run_id: str | None = ...,
        metadata: Json | None = ...,
        filters: Json | None = ...,
        top_k: int | None = ...,
        infer: bool | None = ...,
        **fields: Any,
    ) -> ChatCompletion: ...

    @overload
    def create(
        self,
        *,
        messages: Iterable[ChatCompletionMessageParam],
        stream: Literal[True],
        model: str | None = ...,
        user_id: str | None = ...,
        agent_id: str | None = ...,
        app_id: str | None = ...,
        run_id: str | None = ...,
        metadata: Json | None = ...,
        filters: Json | None = ...,
        top_k: int | None = ...,
        infer: bool | None = ...,
        **fields: Any,
    ) -> openai.Stream[ChatCompletionChunk]: ...

    def create(
        self,
        *,
        messages: Iterable[ChatCompletionMessageParam],
        model: str | None = None,
        user_id: str | None = None,
        agent_id: str | None = None,
        app_id: str | None = None,
        run_id: str | None = None,
        metadata: Json | None = None,
        filters: Json | None = None,
        top_k: int | None = None,
        infer: bool | None = None,
        **fields: Any,
    ) -> Any:
        """A chat with what is remembered of its user, which is then remembered too; answers the SDK's own objects.

        `model`: the server's one if it isn't given. The four ids say whose memory it is about; without any it is a chat
        like any other. `metadata` is kept with what is remembered, `filters` and `top_k` choose what goes into the
        prompt, `infer` is as in `Memory.add`. All other fields are the SDK's, as its errors are.
        """
        scope = {"user_id": user_id, "agent_id": agent_id, "app_id": app_id, "run_id": run_id}
        ours = {**scope, "metadata": metadata, "filters": filters, "top_k": top_k, "infer": infer}
        return self._sdk.chat.completions.create(**self._arguments(messages, model, ours, fields))


class AsyncCompletions(_Completions[openai.AsyncOpenAI]):
    """`client.chat.completions`, to be awaited."""

    @overload
    async def create(
        self,
        *,
        messages: Iterable[ChatCompletionMessageParam],
        model: str | None = ...,
        stream: Literal[False] = ...,
        user_id: str | None = ...,
        agent_id: str | None = ...,
        app_id: str | None = ...,
        run_id: str | None = ...,
        metadata: Json | None = ...,
        filters: Json | None = ...,
        top_k: int | None = ...,
        infer: bool | None = ...,
        **fields: Any,
    ) -> ChatCompletion: ...

    @overload
    async def create(
        self,
        *,
        messages: Iterable[ChatCompletionMessageParam],
        stream: Literal[True],
        model: str | None = ...,
        user_id: str | None = ...,
        agent_id: str | None = ...,
        app_id: str | None = ...,
        run_id: str | None = ...,
        metadata: Json | None = ...,
        filters: Json | None = ...,
        top_k: int | None = ...,
        infer: bool | None = ...,
        **fields: Any,
    ) -> openai.AsyncStream[ChatCompletionChunk]: ...

    async def create(
        self,
        *,
        messages: Iterable[ChatCompletionMessageParam],
        model: str | None = None,
        user_id: str | None = None,
        agent_id: str | None = None,
        app_id: str | None = None,
        run_id: str | None = None,
        metadata: Json | None = None,
        filters: Json | None = None,
        top_k: int | None = None,
        infer: bool | None = None,
        **fields: Any,
    ) -> Any:
        """See `Completions.create`."""
        scope = {"user_id": user_id, "agent_id": agent_id, "app_id": app_id, "run_id": run_id}
        ours = {**scope, "metadata": metadata, "filters": filters, "top_k": top_k, "infer": infer}
        return await self._sdk.chat.completions.create(**self._arguments(messages, model, ours, fields))


class Chat:
    """`client.chat`."""

    def __init__(self, completions: Completions) -> None:
        self.completions = completions


class AsyncChat:
    """`client.chat`, to be awaited."""

    def __init__(self, completions: AsyncCompletions) -> None:
        self.completions = completions


class Remora:
    """A language model that remembers: the OpenAI SDK, over a Remora that has one behind it.

    Example:
        with Remora(user_id="ana") as client:
            hello = [{"role": "user", "content": "My boat is called Aurora."}]
            print(client.chat.completions.create(messages=hello).choices[0].message.content)

    `openai` is the SDK's client itself, for all else that it can; `memory` the memory of the same server.

    Args:
        base_url: where Remora answers.
        api_key: its key; without it REMORA_API_KEY counts.
        user_id: of chats that don't say, as `agent_id`, `app_id` and `run_id`.
        options: of `openai.OpenAI`, as `timeout` and `max_retries`.
    """

    def __init__(
        self,
        base_url: str = _URL,
        api_key: str | None = None,
        *,
        user_id: str | None = None,
        agent_id: str | None = None,
        app_id: str | None = None,
        run_id: str | None = None,
        **options: Any,
    ) -> None:
        self._url, self._key = _server(base_url), _key(api_key)
        if is_local(address_of(self._url).host):
            options.setdefault("http_client", openai.DefaultHttpxClient(trust_env=False))
        self.openai = openai.OpenAI(base_url=self._url + _VERSION, api_key=self._key or _NO_KEY, **options)
        scope = _scope(user_id=user_id, agent_id=agent_id, app_id=app_id, run_id=run_id)
        self.chat = Chat(Completions(self.openai, scope))

    @cached_property
    def memory(self) -> Memory:
        """The memory behind the chats."""
        return Memory(self._url, api_key=self._key)

    def close(self) -> None:
        """Let the connections go."""
        self.openai.close()
        if "memory" in self.__dict__:
            self.memory.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


class AsyncRemora:
    """`Remora`, to be awaited; see there."""

    def __init__(
        self,
        base_url: str = _URL,
        api_key: str | None = None,
        *,
        user_id: str | None = None,
        agent_id: str | None = None,
        app_id: str | None = None,
        run_id: str | None = None,
        **options: Any,
    ) -> None:
        self._url, self._key = _server(base_url), _key(api_key)
        if is_local(address_of(self._url).host):
            options.setdefault("http_client", openai.DefaultAsyncHttpxClient(trust_env=False))
        self.openai = openai.AsyncOpenAI(base_url=self._url + _VERSION, api_key=self._key or _NO_KEY, **options)
        scope = _scope(user_id=user_id, agent_id=agent_id, app_id=app_id, run_id=run_id)
        self.chat = AsyncChat(AsyncCompletions(self.openai, scope))

    @cached_property
    def memory(self) -> AsyncMemory:
        """The memory behind the chats."""
        return AsyncMemory(self._url, api_key=self._key)

    async def close(self) -> None:
        """Let the connections go."""
        await self.openai.close()
        if "memory" in self.__dict__:
            await self.memory.close()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()


def _server(base_url: str) -> str:
    """The server's address, also where that of its OpenAI routes is given."""
    return str(address_of(base_url)).removesuffix(_VERSION)


def _key(given: str | None) -> str | None:
    return given or os.environ.get(_KEY_VARIABLE)


def _scope(**ids: str | None) -> dict[str, str]:
    return {name: value for name, value in ids.items() if value is not None}
