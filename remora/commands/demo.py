"""`remora demo`: a short story, told to a memory that is then asked about it."""

from __future__ import annotations

import asyncio
import secrets
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Annotated

import typer

from remora import output
from remora.commands.flags import JsonFlag, KeyFlag, UrlFlag
from remora.output import Json
from remora.signals import Stopped, stop_signals

if TYPE_CHECKING:
    from remora.demo.stage import Stage
    from remora.demo.story import Story

STOPPED = 130


def demo(
    keep: Annotated[bool, typer.Option("--keep", help="Leave the demo's memories on the running server.")] = False,
    url: UrlFlag = None,
    api_key: KeyFlag = None,
    json_: JsonFlag = False,
) -> None:
    """See in a minute what Remora does: a conversation is added, asked about, and removed again.

    Uses the Remora that runs; where none runs, it starts one for the demo and stops it afterwards.
    """
    from remora.demo.stage import find

    with stop_signals():
        try:
            with output.progress("Looking for a running Remora") as tell:
                stage = find(url, api_key, tell)
            try:
                _run(stage, keep, json_)
            finally:
                if stage.own:
                    with output.progress("Stopping what was started for the demo"):
                        stage.close()
        except Stopped:
            raise typer.Exit(STOPPED) from None


def _run(stage: Stage, keep: bool, json_: bool) -> None:
    from remora.demo.story import load
    from remora.views import demo as views

    story = load()
    user_id = f"demo-{secrets.token_hex(4)}"
    kept = keep and not stage.own
    chapters: list[Json] = []

    def tell(chapter: Json) -> None:
        chapters.append(chapter)
        if not json_:
            views.chapter(chapter)

    if not json_:
        views.opening(story.about, stage.url)
    started = time.perf_counter()
    asyncio.run(_play(stage, story, user_id, tell, clean=not stage.own and not keep))
    took_s = round(time.perf_counter() - started, 2)
    if json_:
        server = {"url": stage.url, "own": stage.own}
        output.as_json({"server": server, "user_id": user_id, "kept": kept, "took_s": took_s, "chapters": chapters})
    else:
        views.ending(user_id, took_s, own=stage.own, kept=kept)


async def _play(stage: Stage, story: Story, user_id: str, tell: Callable[[Json], None], *, clean: bool) -> None:
    """Play the story; with `clean` what it added goes again, however it ends."""
    from remora.demo.play import play
    from remora.http_api import HttpApi

    async with HttpApi(stage.url, stage.api_key) as api:
        try:
            async for chapter in play(api, story, user_id):
                tell(chapter)
        finally:
            if clean:
                await api.delete_all(user_id=user_id)
