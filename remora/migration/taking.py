"""Memories of another system taken into a running Remora: what is there already stays, the rest is added."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, TypeAlias

from remora.batch_sending import send
from remora.bulk import Limits, groups
from remora.errors import TooLarge
from remora.http_requests import encoded
from remora.migration.records import BadRow, Json, Row, item_of, origin_of, scope_of
from remora.patience import patiently

if TYPE_CHECKING:
    from remora.http_api import HttpApi

_PART = Limits(items=100)
_PAGE = 1000
_PATIENCE_S = 60.0
_FIRST_PATIENCE_S = 3.0
_TYPES = {"user": "user_id", "agent": "agent_id", "app": "app_id", "run": "run_id"}

Told: TypeAlias = Callable[[int, int], None]
Scope: TypeAlias = tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class Bad:
    """A row that wasn't taken, by its number in the source, and why."""

    row: int
    reason: str


@dataclass(slots=True)
class Batch:
    """What a source holds: the items with the numbers of their rows, and the rows that are none.

    `expired`: rows that nobody could find any more, on the day `today` in UTC; they aren't among the items.
    """

    today: str = field(default_factory=lambda: datetime.now(UTC).date().isoformat())
    read: int = 0
    expired: int = 0
    items: list[tuple[int, Json]] = field(default_factory=list)
    twice: int = 0
    bad: list[Bad] = field(default_factory=list)

    def take(self, row: Row, seen: set[str]) -> None:
        """Look at one more row; `seen`: the keys of those before."""
        self.read += 1
        try:
            item = item_of(row.value)
        except BadRow as error:
            self.bad.append(Bad(row.number, str(error)))
            return
        if item["idempotency_key"] in seen:
            self.twice += 1
            return
        if item.get("expiration_date", self.today) < self.today:
            self.expired += 1
            return
        seen.add(item["idempotency_key"])
        self.items.append((row.number, item))

    @property
    def scopes(self) -> set[Scope]:
        """Whose they are."""
        return {scope_of(item) for _, item in self.items}


@dataclass(slots=True)
class Taken:
    """What became of the items: `known`: it was there already; `under_way`: it is safe, and takes effect by itself."""

    added: int = 0
    known: int = 0
    under_way: int = 0
    bad: list[Bad] = field(default_factory=list)


def batch_of(rows: Iterable[Row]) -> Batch:
    """All rows of a source."""
    batch, seen = Batch(), set[str]()
    for row in rows:
        batch.take(row, seen)
    return batch


async def take(api: HttpApi, batch: Batch, told: Told) -> Taken:
    """Add what isn't there yet, in parts; done again it goes on where it stopped.

    Args:
        api: where they go.
        batch: what is to be taken.
        told: how many of how many are done.

    Raises:
        RemoraError: the server refuses everything, or can't be reached for too long.
    """
    taken = Taken()
    there = await _origins(api, batch.scopes)
    run = uuid.uuid4().hex
    missing = [(number, _of_run(item, run)) for number, item in batch.items if not _is_there(item, there)]
    taken.known = len(batch.items) - len(missing)
    total = len(batch.items)
    told(taken.known, total)
    for places in groups([len(encoded(item)) for _, item in missing], _PART):
        part = [missing[at] for at in places]
        for (number, _), answer in zip(part, await _sent(api, [item for _, item in part]), strict=True):
            _count(taken, number, answer)
        told(taken.known + taken.added + taken.under_way + len(taken.bad), total)
    return taken


def _of_run(item: Json, run: str) -> Json:
    """With the key of this run: sent twice in it, it has one effect. A later run is answered what is so then, not what
    an earlier one was."""
    return {**item, "idempotency_key": f"{item['idempotency_key']}-{run}"}


async def _sent(api: HttpApi, items: Sequence[Json]) -> Sequence[Json]:
    try:
        return await patiently(lambda: send(api, items))
    except TooLarge as error:
        if len(items) > 1:
            raise
        return [{"error": {"code": error.code, "message": error.message, "details": error.details}}]


def _is_there(item: Json, there: set[Any]) -> bool:
    origin = origin_of(item)
    return origin[0] is not None and origin in there


def _count(taken: Taken, number: int, answer: Json) -> None:
    if "error" in answer:
        taken.bad.append(Bad(number, str(answer["error"].get("message"))))
    elif answer.get("status") in {"PENDING", "RUNNING"}:
        taken.under_way += 1
    elif any(one["event"] == "ADD" for one in answer.get("results", ())):
        taken.added += 1
    else:
        taken.known += 1


async def _origins(api: HttpApi, scopes: Iterable[Scope]) -> set[Any]:
    """Which memories of other systems these scopes have already."""
    owners = await _owners(api)
    found = set()
    for scope in scopes:
        if owners.issuperset(scope):
            for memory in await _pages(lambda page, scope=scope: api.list(**dict(scope), page=page, page_size=_PAGE)):  # type: ignore[misc]
                found.add(origin_of({**memory, "metadata": memory.get("metadata") or {}}))
    return found


async def _owners(api: HttpApi) -> set[tuple[str, str]]:
    # The first that is asked: if nobody is there, that should be told soon.
    owners = await _pages(lambda page: api.entities(page=page, page_size=_PAGE), most_s=_FIRST_PATIENCE_S)
    return {(_TYPES[one["type"]], one["id"]) for one in owners}


async def _pages(ask: Callable[[int], Any], most_s: float = _PATIENCE_S) -> Sequence[Json]:
    rows: list[Json] = []
    page = 1
    while True:
        answer = await patiently(lambda page=page: ask(page), most_s=most_s)  # type: ignore[misc]
        rows += answer["results"]
        if not answer["results"] or len(rows) >= answer["count"]:
            return rows
        page += 1
