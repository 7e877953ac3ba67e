"""What runs, where, how well: the few figures that matter. All of them are in `remora status --json`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from remora import output
from remora.output import Column, Json
from remora.views import units

_STYLES = {"ready": "bold green", "degraded": "bold yellow"}
_NODE = 8


def shown(status: Json) -> None:
    """Where it answers and what it is made of; each shard; each actor."""
    state = str(status.get("state") or "not ready")
    output.line(f"{state} at {status.get('url') or '(no HTTP)'}", _STYLES.get(state, "bold red"))
    output.line(summary(status))
    for name in ("mode", "pid", "http", "address", "dashboard"):
        if status.get(name):
            output.line(f"{name:<10} {status[name]}")
    output.line()
    _shards(status.get("shards", []))
    output.line()
    _actors(status.get("actors", []))
    for actor in status.get("actors", []):
        for notice in actor.get("notices", []):
            output.line(f"{actor['name']}: {notice}", style="yellow")


def summary(status: Json, *, model: bool = True) -> str:
    """As `1,234 memories, 2 shards, 1 embedder (all-MiniLM-L6-v2 on cpu)`; `model`: which one, and on what."""
    shards, actors = status.get("shards", []), status.get("actors", [])
    embedders = sum(actor.get("part") == "embedder" for actor in actors)
    memories = sum(ledger.get("memories", 0) for ledger in _each(shards, "ledger"))
    told = [one for one in _each(shards, "embedder") if model and "model" in one]
    which = f" ({told[0]['model']} on {told[0]['device']})" if told else ""
    parts = [units.of(memories, "memory", "memories"), units.of(len(shards), "shard")]
    return ", ".join([*parts, units.of(embedders, "embedder") + which])


def _each(shards: list[Json], name: str) -> list[Json]:
    return [shard.get(name, {}) for shard in shards]


def _shards(shards: list[Json]) -> None:
    columns = [
        Column("shard", right=True), Column("state"), Column("memories", right=True), Column("writes", right=True),
        Column("searches", right=True), Column("waiting", right=True), Column("indexes"),
    ]  # fmt: skip
    _aligned(columns, [_shard(one) for one in shards])


def _aligned(columns: Sequence[Column], rows: Sequence[Sequence[str]]) -> None:
    """A table for people, with its header also where it is piped: a program reads `--json`."""
    lines = [[column.name for column in columns], *rows]
    widths = [max(len(line[place]) for line in lines) for place in range(len(columns))]
    for number, cells in enumerate(lines):
        padded = [
            cell.rjust(width) if column.right else cell.ljust(width)
            for column, cell, width in zip(columns, cells, widths, strict=True)
        ]
        output.line("  ".join(padded).rstrip(), "dim" if number == 0 else None)


def _shard(shard: Json) -> list[str]:
    queues = shard.get("queues", {}).values()
    return [
        str(shard.get("shard", "")),
        str(shard.get("state", "")),
        units.count(shard.get("ledger", {}).get("memories")),
        units.count(shard.get("writes", {}).get("operations")),
        units.count(shard.get("searches", {}).get("pending")),
        units.count(sum(queue["waiting"] for queue in queues)),
        str(shard["error"]) if "error" in shard else _troubles(shard),
    ]


def _troubles(shard: Json) -> str:
    """What isn't as it should be; else that all is up to date."""
    parts = {name: shard.get(name, {}) for name in ("ledger", "embedder", "vector", "graph")}
    found = [f"{name}: {part['error']}" for name, part in parts.items() if "error" in part]
    found += [_behind(name, part) for name, part in parts.items() if part.get("lag") or part.get("healthy") is False]
    return "; ".join(found) or "up to date"


def _behind(name: str, index: Json) -> str:
    failing = "" if index.get("healthy") else ", failing"
    lag_s = index.get("lag_s")
    return f"{name} {units.of(index.get('lag', 0), 'change')} behind ({units.age(lag_s)}){failing}"


def _actors(actors: list[Json]) -> None:
    several = len({actor["node"] for actor in actors if "node" in actor}) > 1
    columns = [
        Column("actor"), Column("state"), *([Column("node")] if several else []), Column("process", right=True),
        Column("memory", right=True), Column("loop p95", right=True), Column("restarts", right=True), Column("calls"),
    ]  # fmt: skip
    _aligned(columns, [_actor(one, several=several) for one in actors])


def _actor(actor: Json, *, several: bool) -> list[str]:
    lag = actor.get("loop_lag_ms", {})
    return [
        actor["name"],
        "ready" if actor.get("ready") else "down",
        *([where(actor)] if several else []),
        str(actor.get("pid", "-")),
        units.memory(actor.get("rss_bytes")),
        units.time(lag.get("p95")),
        units.count(actor.get("restarts")),
        str(actor["error"]) if "error" in actor else units.count(_calls(actor)),
    ]


def where(actor: Json) -> str:
    """The machine, and the beginning of Ray's name for the node: several may be on one machine."""
    return f"{actor.get('host', '')} {str(actor.get('node', ''))[:_NODE]}".strip()


def _calls(actor: Json) -> int:
    calls: dict[str, Any] = actor.get("calls", {})
    return sum(calls.values())
