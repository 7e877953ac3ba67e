"""How often a key may ask: a token bucket for each, in every process that answers HTTP."""

from __future__ import annotations

import math
from collections import OrderedDict
from collections.abc import Callable

from starlette.datastructures import MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from engine.bucket import Bucket
from engine.errors import RateLimited
from serve_app.auth import KEY, is_open
from serve_app.errors import rate_headers
from serve_app.paths import route_path

_MOST_KEYS = 10_000
_UNCOUNTED = frozenset({"/metrics", "/v1/ping"})


class Rates:
    """The buckets of this process; the one that was asked longest ago goes when there are too many.

    Args:
        per_minute: requests of each key.
        clock: seconds.
    """

    def __init__(self, per_minute: float, clock: Callable[[], float]) -> None:
        self.per_minute = per_minute
        self._clock = clock
        self._buckets: OrderedDict[bytes, Bucket] = OrderedDict()

    def take(self, key: bytes) -> dict[str, int]:
        """Count a request: the `limit`, what is `remaining` of it, and in how many seconds all of it is there again
        (`reset`).

        Raises:
            RateLimited: it is one too many.
        """
        now_s = self._clock()
        bucket = self._bucket(key, now_s)
        wait_s = bucket.wait_s(1, now_s)
        if wait_s > 0:
            raise RateLimited(
                f"more than {self.per_minute:g} requests a minute with this key; try again in {math.ceil(wait_s)} s",
                {"retry_after_s": wait_s, "setting": "access.requests_per_minute", "rate": self._told(bucket, now_s)},
            )
        bucket.spend(1, now_s)
        return self._told(bucket, now_s)

    def _told(self, bucket: Bucket, now_s: float) -> dict[str, int]:
        return {
            "limit": math.floor(self.per_minute),
            "remaining": max(0, math.floor(bucket.held(now_s))),
            "reset": math.ceil(bucket.full_in_s(now_s)),
        }

    def _bucket(self, key: bytes, now_s: float) -> Bucket:
        bucket = self._buckets.pop(key, None) or Bucket(self.per_minute, now_s)
        self._buckets[key] = bucket
        if len(self._buckets) > _MOST_KEYS:
            self._buckets.popitem(last=False)
        return bucket


class RateLimit:
    """ASGI middleware: refuses what a key asks too often, and tells each answer how much is left.

    Health, documentation, figures and pings are not counted. Comes behind the check of keys, so that nobody makes up
    keys to have more buckets.
    """

    def __init__(self, app: ASGIApp, rates: Rates) -> None:
        self._app = app
        self._rates = rates

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Run the request, unless it is one too many.

        Raises:
            RateLimited: it is.
        """
        path = route_path(scope) if scope["type"] == "http" else ""
        if scope["type"] != "http" or is_open(path) or path in _UNCOUNTED:
            await self._app(scope, receive, send)
            return
        told = self._rates.take(scope.get(KEY, b""))

        async def send_with_rate(message: Message) -> None:
            if message["type"] == "http.response.start":
                MutableHeaders(scope=message).update(rate_headers(told))
            await send(message)

        await self._app(scope, receive, send_with_rate)
