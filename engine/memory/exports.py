"""Exports: what a project has asked for. The memories themselves are read when an export is fetched."""

from __future__ import annotations

import uuid
from typing import Any, Unpack

from engine import ids, requests
from engine.api import ExportFields
from engine.errors import InvalidInput, NotFound
from engine.exports.kept import found, with_new
from engine.exports.shape import shape_of
from engine.memory.verbs import Verbs
from engine.types import Json

_NAME = "exports"


class ExportVerbs(Verbs):
    """Kept in one place, so that they are found wherever they were asked for."""

    async def make_export(self, schema: Any, **fields: Unpack[ExportFields]) -> Json:
        """Ask for an export; see `MemoryApi`."""
        call, scope = requests.parse_export(fields, self._parts.limits)
        if not fields.get("filters"):
            raise InvalidInput("filters are needed: they say of which memories", {"field": "filters"})
        export = {
            "id": str(uuid.uuid4()),
            "schema": shape_of(schema).schema,
            "filters": fields.get("filters"),
            "scope": scope,
            "created_at_us": self._parts.clock(),
        }
        epoch, ledger = self._parts.writes.ownership.epoch, self._parts.ledger
        async with self._parts.door.within(call), self._parts.exporting:
            kept = await ledger.setting(call.project, _NAME)
            await ledger.put_setting(epoch, call.project, _NAME, with_new(kept, export))
        return {"id": export["id"]}

    async def export(self, export_id: str | None = None, **fields: Unpack[ExportFields]) -> Json:
        """What was asked for; see `MemoryApi`."""
        call, scope = requests.parse_export(fields, self._parts.limits)
        named = None if export_id is None else ids.canonical_id(export_id, "memory_export_id")
        if named is None and not fields.get("filters"):
            raise InvalidInput("memory_export_id or filters are needed", {"field": "memory_export_id"})
        async with self._parts.door.reading(call):
            kept = await self._parts.ledger.setting(call.project, _NAME)
        export = found(kept, named, scope, fields.get("filters"))
        if export is None:
            raise NotFound("no such export", {"memory_export_id": named})
        return {name: export[name] for name in ("id", "schema", "filters")} | {**export["scope"]}
