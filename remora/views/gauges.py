"""The rows of `remora top`: traffic, queues, indexes, processes. What is near its limit is coloured. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from rich.text import Text

from remora.figures import Between, Json, highest, inner, total
from remora.output import harmless
from remora.views import units

_GRAVE, _NOTABLE = "bold red", "yellow"
_WAIT_MS = (200.0, 2000.0)
_LOOP_MS = (50.0, 250.0)
_LAG_S = (1.0, 10.0)
_FILLED = (0.25, 0.75)
_MS = 1000.0


@dataclass(frozen=True, slots=True)
class Row:
    """Of a table. `pressure`: where not all rows fit, those with the most are shown."""

    cells: tuple[Text, ...]
    pressure: float = 0.0


def _cell(text: str, value: float | None = None, limits: tuple[float, float] | None = None) -> Text:
    """A cell, coloured when its value is beyond the first or the second limit."""
    if value is None or limits is None or value < limits[0]:
        return Text(harmless(text))
    return Text(harmless(text), style=_GRAVE if value >= limits[1] else _NOTABLE)


def _lately(figures: Json | None, name: str) -> float | None:
    """A recent figure; None where nothing came lately."""
    return figures[name] if figures and figures["recent"] else None


def _time(figures: Json | None, name: str, limits: tuple[float, float] | None = None) -> Text:
    value = _lately(figures, name)
    return _cell(units.time(value), value, limits)


def _above_zero(text: str, value: float | None) -> Text:
    return Text(text, style=_NOTABLE if value else "")


def traffic(shards: list[Between], actors: list[Between], replica: Between) -> Iterator[Row]:
    """Writes, searches and HTTP requests: how many a second, how many now, how long they take, how many are refused."""
    gates = {"writes": "operations", "searches": "reads"}
    rates = {
        "writes": total(shard.per_s(lambda one: one["writes"]["accepted"]) for shard in shards),
        "searches": total(shard.per_s(lambda one: one["searches"]["searches"]) for shard in shards),
    }
    times = {
        "writes": [inner(shard.after, "writes", "took_ms") for shard in shards],
        "searches": [inner(actor.after, "took_ms", "search") for actor in actors],
    }
    for name, gate in gates.items():
        under_way = total(inner(shard.after, "gates", gate, "pending") for shard in shards)
        refused = total(shard.inner("gates", gate).per_s(lambda one: one["refused"]) for shard in shards)
        yield _traffic(name, rates[name], under_way, times[name], refused)
    rate = replica.per_s(lambda one: sum(one["answers"].values()))
    refused = replica.per_s(lambda one: one["answers"].get("429", 0))
    yield _traffic("http", rate, replica.after.get("running"), [replica.after.get("took_ms")], refused)


def _traffic(
    name: str, per_s: float | None, under_way: float | None, times: list[Json | None], refused: float | None
) -> Row:
    cells = [Text(name), _cell(units.rate(per_s)), _cell(units.count(under_way))]
    for quantile in ("p50", "p95", "max"):
        worst = highest(_lately(figures, quantile) for figures in times)
        cells.append(_cell(units.time(worst), worst, _WAIT_MS))
    return Row((*cells, _above_zero(units.rate(refused), refused)))


def queues(shards: list[Between], actors: list[Between]) -> Iterator[Row]:
    """Every queue: what waits, since when, how long items wait, how many travel together, how often and how long."""
    several = len(shards) > 1
    for shard in shards:
        ratios = shard.after.get("calls_per_request", {})
        for name in shard.after.get("queues", {}):
            title = f"{name} {shard.after['shard']}" if several else name
            yield _queue(title, shard.inner("queues", name), ratios.get(name))
    for actor in actors:
        own = actor.after.get("queues", {})
        for name in own:
            title = actor.after["name"] if len(own) == 1 else f"{name} of {actor.after['name']}"
            yield _queue(title, actor.inner("queues", name), None)


def _queue(title: str, queue: Between, per_request: float | None) -> Row:
    now = queue.after
    wait, batch, took = now["wait_ms"], now["batch"], now["took_ms"]
    filled = now["waiting"] / now["capacity"]
    cells = (
        Text(title),
        _cell(units.count(now["waiting"]), filled, _FILLED),
        _cell(units.time(now["oldest_ms"]) if now["waiting"] else "-", now["oldest_ms"], _WAIT_MS),
        _time(wait, "p50", _WAIT_MS),
        _time(wait, "p95", _WAIT_MS),
        _cell(units.size(_lately(batch, "mean"))),
        _cell(units.count(_lately(batch, "max"))),
        _cell(units.rate(queue.per_s(lambda one: one["batches"]))),
        _time(took, "p95"),
        _cell(units.ratio(per_request)),
    )
    return Row(cells, max(filled * 100 * _MS, now["oldest_ms"], wait["p95"]))


def indexes(shards: list[Between]) -> Iterator[Row]:
    """Each index: how far behind the ledger, since when, and how long a change takes to be in it."""
    several = len(shards) > 1
    for shard in shards:
        for name in ("vector", "graph"):
            index = shard.after.get(name)
            if isinstance(index, dict) and "late_ms" in index:
                yield _index(f"{name} {shard.after['shard']}" if several else name, index)


def _index(title: str, index: Json) -> Row:
    late, healthy = index["late_ms"], bool(index.get("healthy"))
    state = Text("up to date" if healthy and not index["lag"] else "catching up" if healthy else "failing")
    state.stylize("" if healthy else _GRAVE)
    cells = (
        Text(title),
        _cell(units.count(index["lag"]), index["lag_s"], _LAG_S),
        _cell(units.age(index["lag_s"]) if index["lag"] else "-", index["lag_s"], _LAG_S),
        _time(late, "p50", _WAIT_MS),
        _time(late, "p95", _WAIT_MS),
        state,
    )
    return Row(cells, index["lag_s"] + (0 if healthy else _MS))


def processes(actors: list[Between], replica: Between) -> Iterator[Row]:
    """Each process: processor, memory, how late its loop is, calls, restarts; its slowest verbs."""
    for actor in actors:
        calls = actor.per_s(lambda one: sum(one["calls"].values()))
        yield _process(str(actor.after["name"]), actor, calls, _slowest(actor.after))
    if replica.after:
        calls = replica.per_s(lambda one: sum(one["answers"].values()))
        yield _process("http replica", replica, calls, "")


def _process(name: str, process: Between, calls: float | None, remark: str) -> Row:
    now = process.after
    lag = now.get("loop_lag_ms", {})
    late = highest([_lately(lag, "p95"), lag.get("now")])
    busy = process.per_s(lambda one: one["cpu_s"])
    failed = now.get("ready") is False
    cells = (
        Text(name, style=_GRAVE if failed else ""),
        _cell(units.share(busy)),
        _cell(units.memory(now.get("rss_bytes"))),
        _time(lag, "p50"),
        _cell(units.time(late), late, _LOOP_MS),
        _time(lag, "max"),
        _cell(units.rate(calls)),
        _cell(units.count(now.get("running"))),
        _above_zero(units.count(now.get("restarts")), now.get("restarts")),
        Text(harmless(remark), style="dim"),
    )
    return Row(cells, 1e9 if failed else (late or 0.0) + (busy or 0.0))


def _slowest(actor: Json) -> str:
    """As `encode 35 ms, info 1.0 ms`: the verbs that took longest lately."""
    took = {verb: figures["p95"] for verb, figures in actor.get("took_ms", {}).items() if figures["recent"]}
    longest = sorted(took.items(), key=lambda one: -one[1])
    return ", ".join(f"{verb} {units.time(p95)}" for verb, p95 in longest[:3])
