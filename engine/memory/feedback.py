"""What callers think of memories."""

from __future__ import annotations

from typing import Unpack

from engine import ids, requests
from engine.answers import feedback_answer
from engine.api import CallFields, FeedbackFields
from engine.ledger_port import Feedback, FeedbackPage
from engine.memory.absence import absence
from engine.memory.calls import read_call
from engine.memory.verbs import Verbs
from engine.types import Json


class FeedbackVerbs(Verbs):
    """Kept beside the memories; it changes none of them."""

    async def rate(
        self, memory_id: str, feedback: str | None, reason: str | None = None, **fields: Unpack[CallFields]
    ) -> Json:
        """Keep what somebody thinks of a memory; see `MemoryApi`."""
        call, memory_id = read_call(fields), ids.canonical_id(memory_id)
        rating = requests.rating_of(feedback)
        why = requests.reason_of(reason, rating)
        given = None if rating is None else Feedback(memory_id, rating, why, self._parts.clock())
        epoch = self._parts.writes.ownership.epoch
        async with self._parts.door.within(call):
            if not await self._parts.ledger.put_feedback(epoch, call.project, memory_id, given):
                raise await absence(self._parts, call, memory_id)
        return {"id": memory_id, "feedback": None if rating is None else str(rating), "feedback_reason": why}

    async def feedback(self, **fields: Unpack[FeedbackFields]) -> Json:
        """What has been said, the newest first; see `MemoryApi`."""
        asked = requests.parse_feedback(fields, self._parts.limits)
        return feedback_answer([await self.ratings(**fields)], asked.page, asked.page_size)

    async def ratings(self, **fields: Unpack[FeedbackFields]) -> FeedbackPage:
        """What leads to the end of that page; see `ShardApi`."""
        asked = requests.parse_feedback(fields, self._parts.limits)
        async with self._parts.door.reading(asked.call):
            return await self._parts.ledger.feedback(asked.call.project, asked.rating, asked.reach)
