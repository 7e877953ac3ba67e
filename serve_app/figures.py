"""What one replica says of itself: requests under way, answers by status, how long they took, how late its loop is."""

from __future__ import annotations

import time
from collections import Counter

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from actors.vitals import Vitals
from engine.figures import Histogram
from engine.shares import Shares
from engine.types import Json
from serve_app.chat import ChatDoor


class ReplicaFigures:
    """Of the replica that this runs in. Others of the same runtime have their own.

    `places`: where it counts the requests that it has admitted. `chats`: the same of chats.
    """

    def __init__(self, places: Shares, chats: ChatDoor) -> None:
        self._places = places
        self._chats = chats
        self._vitals = Vitals()
        self._running = 0
        self._answers: Counter[str] = Counter()
        self._took_ms = Histogram()

    def begin(self) -> float:
        """A request has come in; what `end` needs to know of it."""
        self._vitals.watch()
        self._running += 1
        return time.monotonic()

    def end(self, began_s: float, status: int) -> None:
        """It has been answered; 0: it went away before."""
        self._running -= 1
        self._answers[str(status)] += 1
        self._took_ms.record((time.monotonic() - began_s) * 1000)

    def figures(self) -> Json:
        """Plain values; `docs/operations.md` explains each name."""
        return {
            **self._vitals.figures(),
            "running": self._running,
            "answers": dict(self._answers),
            "took_ms": self._took_ms.figures(),
            "places": self._places.figures(),
            "chats": self._chats.figures(),
        }


class Counted:
    """ASGI middleware: counts every request and its answer in `figures`."""

    def __init__(self, app: ASGIApp, figures: ReplicaFigures) -> None:
        self._app = app
        self._figures = figures

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Run the request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        status = 0

        async def watched(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        began_s = self._figures.begin()
        try:
            await self._app(scope, receive, watched)
        finally:
            self._figures.end(began_s, status)
