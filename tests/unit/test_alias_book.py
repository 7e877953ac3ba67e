"""Names that mean the same, remembered beside the ledger that keeps them."""

from __future__ import annotations

import asyncio
from typing import cast

from engine.alias_book import AliasBook
from engine.ledger_port import Alias, Ledger
from engine.types import Scope


class _SlowLedger:
    """Its first answer is one of before, and is on its way until `late` is set."""

    def __init__(self) -> None:
        self.kept: tuple[Alias, ...] = ()
        self.asked, self.late = asyncio.Event(), asyncio.Event()

    async def aliases(self, project: str) -> tuple[Alias, ...]:
        found = self.kept
        if not self.asked.is_set():
            self.asked.set()
            await self.late.wait()
        return found

    async def put_alias(self, epoch: int, project: str, alias: Alias) -> None:
        self.kept = (alias,)


async def test_a_merge_is_known_although_an_older_reading_ends_after_it() -> None:
    ledger = _SlowLedger()
    book = AliasBook(cast(Ledger, ledger))
    reading = asyncio.create_task(book.standing("p", {"user_id": "ann"}))
    await ledger.asked.wait()
    await book.merge(1, "p", Alias(Scope(user_id="ann"), "nana", "Nana", "Clara"))
    book_of_then = await book.standing("p", {"user_id": "ann"})
    ledger.late.set()
    assert await reading == {}
    assert book_of_then == await book.standing("p", {"user_id": "ann"}) == {"nana": "Clara"}
