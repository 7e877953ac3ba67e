"""Keys for people."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime

from remora import output
from remora.output import Column, Json

_COLUMNS = tuple(map(Column, ("id", "name", "role", "project", "bound to", "state", "ends")))
_LOG = tuple(map(Column, ("at", "who", "action", "project", "outcome", "named")))
_SHOWN = frozenset({"at", "who", "action", "project", "outcome"})
_IDS = ("user_id", "agent_id", "app_id", "run_id")


def made(key: Json) -> None:
    """A new key, alone on stdout, and what there is to know of it beside."""
    output.line(key["key"])
    output.note(f"{key['name']} ({key['id']}), role {key['role']}{_bound(key)}. It is not shown again.", "green")
    output.note("It holds on a Remora that has REMORA_ADMIN_KEY set.")


def listed(keys: Sequence[Json]) -> None:
    """A row for each."""
    rows = [
        [one["id"], one["name"], one["role"], one["project"], _ids(one), one["state"], _day(one["expires_s"])]
        for one in keys
    ]
    output.table(_COLUMNS, rows, "No keys yet: remora keys create NAME")


def witnessed(entries: Sequence[Json]) -> None:
    """A row for each entry of the audit log."""
    rows = [
        [one["at"][:19], one["who"], one["action"], one["project"] or "", one["outcome"], _named(one)]
        for one in entries
    ]
    output.table(_LOG, rows, "Nothing yet.")


def _named(entry: Json) -> str:
    return " ".join(f"{name}={value}" for name, value in entry.items() if name not in _SHOWN)


def _bound(key: Json) -> str:
    ids = _ids(key)
    return f", bound to {ids}" if ids else ""


def _ids(key: Json) -> str:
    return " ".join(f"{name}={key[name]}" for name in _IDS if key[name] is not None)


def _day(at_s: float | None) -> str:
    return "" if at_s is None else datetime.fromtimestamp(at_s, UTC).date().isoformat()
