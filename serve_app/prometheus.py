"""The runtime's status as Prometheus reads it: a pure translation. Names, units and labels are told by `# HELP` lines.

What the status leaves out, as of a part that doesn't answer, gives no sample; `remora_actor_up` and
`remora_shard_ready` tell of it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import accumulate
from typing import Any, cast

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily, Metric
from prometheus_client.registry import Collector

from engine.figures import BOUNDS
from engine.types import Json

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"

_MS = 0.001
_TIMES = tuple(bound for bound in BOUNDS[1::2] if bound <= 65_536)
_SIZES = tuple(bound for bound in BOUNDS if 1 <= bound <= 1024)

Labels = Mapping[str, str]


def render(status: Json) -> str:
    """A status as `MemoryApi.status` answers it, in Prometheus' text format."""
    families = _Families()
    _runtime(families, status)
    for shard in status.get("shards", []):
        _shard(families, shard)
    for actor in status.get("actors", []):
        _actor(families, actor)
    if replica := status.get("replica"):
        _replica(families, replica)
    return generate_latest(cast(CollectorRegistry, families)).decode()


class _Families(Collector):
    """Samples, gathered by the name of their metric. A sample without a value is none."""

    def __init__(self) -> None:
        self._families: dict[str, Any] = {}

    def collect(self) -> Iterator[Metric]:
        """All metrics, as `generate_latest` asks for them."""
        yield from self._families.values()

    def gauge(self, name: str, about: str, labels: Labels, value: float | None) -> None:
        if value is not None:
            self._family(GaugeMetricFamily, name, about, labels).add_metric([*labels.values()], value)

    def counter(self, name: str, about: str, labels: Labels, value: float | None) -> None:
        """`name` without `_total`, which is added."""
        if value is not None:
            self._family(CounterMetricFamily, name, about, labels).add_metric([*labels.values()], value)

    def times(self, name: str, about: str, labels: Labels, figures_ms: Json | None) -> None:
        """A histogram in seconds of figures in milliseconds."""
        self._histogram(name, about, labels, figures_ms, _TIMES, _MS)

    def sizes(self, name: str, about: str, labels: Labels, figures: Json | None) -> None:
        self._histogram(name, about, labels, figures, _SIZES, 1)

    def _histogram(
        self, name: str, about: str, labels: Labels, figures: Json | None, bounds: Sequence[float], unit: float
    ) -> None:
        if figures is None:
            return
        found = [(float(bound), count) for bound, count in figures["buckets"].items()]
        inside = [
            sum(count for bound, count in found if below < bound <= above)
            for below, above in zip((0.0, *bounds), bounds, strict=False)
        ]
        rows = [(f"{bound * unit:.7g}", up_to) for bound, up_to in zip(bounds, accumulate(inside), strict=True)]
        rows.append(("+Inf", figures["count"]))
        family = self._family(HistogramMetricFamily, name, about, labels)
        family.add_metric([*labels.values()], buckets=rows, sum_value=figures["sum"] * unit)

    def _family(self, kind: Any, name: str, about: str, labels: Labels) -> Any:
        if name not in self._families:
            self._families[name] = kind(name, about, labels=[*labels])
        return self._families[name]


def _runtime(out: _Families, status: Json) -> None:
    out.gauge("remora_info", "The version that runs.", {"version": str(status.get("version", ""))}, 1)
    out.gauge("remora_ready", "1 when adds and searches will be answered.", {}, bool(status.get("ready")))


def _shard(out: _Families, shard: Json) -> None:
    at = {"shard": str(shard.get("shard", 0))}
    out.gauge("remora_shard_ready", "1 when the shard answers adds and searches.", at, bool(shard.get("ready")))
    out.gauge(
        "remora_shard_degraded", "1 when a part of the shard is behind or away.", at, shard.get("state") != "ready"
    )
    ledger = shard.get("ledger", {})
    out.gauge("remora_ledger_position", "How many changes the ledger has.", at, ledger.get("position"))
    out.gauge("remora_memories", "Memories that are live.", at, ledger.get("memories"))
    _writes(out, at, shard.get("writes", {}))
    searches = shard.get("searches", {})
    out.counter("remora_searches", "Searches that this shard was asked.", at, searches.get("searches"))
    for name in ("vector", "graph"):
        _index(out, {**at, "index": name}, shard.get(name, {}))
    _signals(out, at, shard.get("signals", {}))
    for name, gate in shard.get("gates", {}).items():
        _gate(out, {**at, "gate": name}, gate)
    for name, calls in shard.get("calls_per_request", {}).items():
        out.gauge(
            "remora_calls_per_request",
            "Calls of a part per request that may need it, lately; below 1 requests share calls.",
            {**at, "part": name},
            calls,
        )
    for name, queue in shard.get("queues", {}).items():
        _queue(out, {"actor": f"orchestrator-{at['shard']}", "queue": name}, queue)


def _writes(out: _Families, at: Labels, writes: Json) -> None:
    out.counter("remora_operations_accepted", "Operations made durable.", at, writes.get("accepted"))
    out.counter("remora_operations_finished", "Operations carried out.", at, writes.get("finished"))
    out.counter("remora_operations_degraded", "Answered before every index had them.", at, writes.get("degraded"))
    out.counter("remora_ledger_transactions", "Transactions of the ledger.", at, writes.get("transactions"))
    out.gauge("remora_lanes", "Routing keys with operations under way.", at, writes.get("lanes"))
    out.times("remora_operation_seconds", "From submission to the end of an operation.", at, writes.get("took_ms"))


def _index(out: _Families, at: Labels, index: Json) -> None:
    healthy = index.get("healthy")
    out.gauge("remora_index_healthy", "1 when the index takes what it is given.", at, healthy)
    out.gauge("remora_index_lag_changes", "Changes that the index doesn't have yet.", at, index.get("lag"))
    out.gauge("remora_index_lag_seconds", "Age of the oldest commit that the index lacks.", at, index.get("lag_s"))
    out.gauge("remora_index_failures", "Pushes to the index that failed in a row.", at, index.get("failures"))
    out.times("remora_index_late_seconds", "From a commit until the index had it.", at, index.get("late_ms"))


def _signals(out: _Families, at: Labels, signals: Json) -> None:
    out.gauge("remora_signals_pending", "Memories whose derived signals are due.", at, signals.get("pending"))
    out.gauge("remora_signals_complete", "Memories that have derived signals.", at, signals.get("complete"))
    out.gauge("remora_signals_lag_seconds", "How long the oldest of those due waits.", at, signals.get("lag_s"))
    out.gauge("remora_signals_rate", "Memories a second that got theirs, lately.", at, signals.get("rate"))
    out.counter("remora_signals_computed", "Derived signals computed.", at, signals.get("computed"))
    out.gauge("remora_signals_failures", "Steps that failed in a row.", at, signals.get("failures"))
    for part, size in signals.get("bytes_per_memory", {}).items():
        out.gauge("remora_disk_bytes_per_memory", "Disk that a memory takes.", {**at, "part": part}, size)


def _gate(out: _Families, at: Labels, gate: Json) -> None:
    out.gauge("remora_gate_pending", "Requests under way.", at, gate.get("pending"))
    out.gauge("remora_gate_limit", "Requests that may be under way.", at, gate.get("most"))
    out.gauge("remora_gate_pending_bytes", "Bytes of the requests under way.", at, gate.get("bytes"))
    out.gauge("remora_gate_pending_tokens", "Tokens of the requests under way.", at, gate.get("tokens"))
    out.gauge("remora_gate_wait_seconds", "How long what callers wait for takes.", at, gate.get("wait_s"))
    out.counter("remora_gate_refused", "Requests refused because too many were under way.", at, gate.get("refused"))


def _queue(out: _Families, at: Labels, queue: Json) -> None:
    out.gauge("remora_queue_waiting", "Items that wait.", at, queue.get("waiting"))
    out.gauge("remora_queue_capacity", "Items that may wait.", at, queue.get("capacity"))
    oldest_ms = queue.get("oldest_ms")
    out.gauge(
        "remora_queue_oldest_seconds",
        "How long the longest waiting item has waited so far.",
        at,
        None if oldest_ms is None else oldest_ms * _MS,
    )
    out.gauge("remora_queue_batches_running", "Batches under way.", at, queue.get("running"))
    out.counter("remora_queue_refused", "Items refused because the queue was full.", at, queue.get("refused"))
    out.times("remora_queue_wait_seconds", "How long items waited until they were taken.", at, queue.get("wait_ms"))
    out.sizes("remora_queue_batch_items", "How many items travelled together.", at, queue.get("batch"))
    out.times("remora_queue_batch_seconds", "How long a batch took.", at, queue.get("took_ms"))


def _actor(out: _Families, actor: Json) -> None:
    at = {"actor": str(actor.get("name", ""))}
    out.gauge("remora_actor_up", "1 when the actor answers and can do its work.", at, bool(actor.get("ready")))
    out.counter("remora_actor_restarts", "Times that Ray started the actor again.", at, actor.get("restarts"))
    out.gauge("remora_actor_resident_memory_bytes", "Memory of the process.", at, actor.get("rss_bytes"))
    out.counter("remora_actor_cpu_seconds", "Processor time of the process.", at, actor.get("cpu_s"))
    out.gauge("remora_actor_calls_running", "Calls under way.", at, actor.get("running"))
    _lag(out, "remora_actor", at, actor.get("loop_lag_ms"))
    for verb, calls in actor.get("calls", {}).items():
        out.counter("remora_actor_calls", "Calls taken.", {**at, "verb": verb}, calls)
    for verb, figures in actor.get("took_ms", {}).items():
        out.times("remora_actor_call_seconds", "How long calls took.", {**at, "verb": verb}, figures)
    for name, count in actor.get("counters", {}).items():
        out.counter("remora_actor_work", "What the part itself counts.", {**at, "what": name}, count)
    for name, queue in actor.get("queues", {}).items():
        _queue(out, {**at, "queue": name}, queue)
    _language_model(out, at, actor.get("language_model", {}))
    exchange = actor.get("exchange", {})
    out.sizes("remora_exchange_calls", "How many calls reached the actor together.", at, exchange.get("calls"))
    out.sizes("remora_exchange_replies", "How many answers left the actor together.", at, exchange.get("replies"))


def _language_model(out: _Families, at: Labels, model: Json) -> None:
    name = "remora_language_model"
    out.counter(f"{name}_calls", "Times that the model was asked, with retries.", at, model.get("calls"))
    out.counter(f"{name}_retries", "Tries that failed and were followed by another.", at, model.get("retries"))
    out.counter(f"{name}_failures", "Questions that got no answer.", at, model.get("failures"))
    out.counter(f"{name}_prompt_tokens", "Tokens of questions.", at, model.get("prompt_tokens"))
    out.counter(f"{name}_completion_tokens", "Tokens of answers.", at, model.get("completion_tokens"))
    out.gauge(f"{name}_waiting", "Questions that wait for their turn.", at, model.get("waiting"))
    out.gauge(f"{name}_in_flight", "Questions that the model has.", at, model.get("in_flight"))


def _lag(out: _Families, prefix: str, at: Labels, lag_ms: Json | None) -> None:
    if lag_ms is None:
        return
    out.times(f"{prefix}_loop_lag_seconds", "How late the event loop was when it was asked.", at, lag_ms)
    out.gauge(f"{prefix}_loop_late_seconds", "How late the event loop is now.", at, lag_ms.get("now", 0.0) * _MS)


def _replica(out: _Families, replica: Json) -> None:
    at = {"replica": str(replica.get("pid", ""))}
    out.gauge("remora_http_requests_running", "HTTP requests under way in this replica.", at, replica.get("running"))
    out.gauge("remora_http_resident_memory_bytes", "Memory of the replica.", at, replica.get("rss_bytes"))
    out.counter("remora_http_cpu_seconds", "Processor time of the replica.", at, replica.get("cpu_s"))
    for status, count in replica.get("answers", {}).items():
        out.counter("remora_http_answers", "HTTP answers by status.", {**at, "status": status}, count)
    out.times("remora_http_request_seconds", "From the request to the end of its answer.", at, replica.get("took_ms"))
    for name, gate in replica.get("places", {}).items():
        _gate(out, {**at, "gate": f"http {name}"}, gate)
    if chats := replica.get("chats"):
        _chats(out, at, chats)
    _lag(out, "remora_http", at, replica.get("loop_lag_ms"))


def _chats(out: _Families, at: Labels, chats: Json) -> None:
    turns = chats["turns"]
    _gate(out, {**at, "gate": "http chats"}, chats["gate"])
    _gate(out, {**at, "gate": "http turns"}, turns["gate"])
    out.counter("remora_chat_turns_accepted", "Turns of chats that the memory took.", at, turns["accepted"])
    out.counter("remora_chat_turns_retries", "Times that the memory was away for a turn.", at, turns["retries"])
    out.counter("remora_chat_turns_failed", "Turns that the memory refused.", at, turns["failed"])
