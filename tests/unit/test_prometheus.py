"""A status becomes samples that Prometheus' own parser reads."""

from __future__ import annotations

from typing import Any

import pytest
from prometheus_client.parser import text_string_to_metric_families

from engine.figures import Histogram
from serve_app.prometheus import render


def figures(*values: float) -> dict[str, Any]:
    recorded = Histogram()
    for value in values:
        recorded.record(value)
    return recorded.figures()


QUEUE = {
    "waiting": 3,
    "capacity": 100,
    "oldest_ms": 1500.0,
    "running": 1,
    "refused": 2,
    "wait_ms": figures(0.1, 3, 5000),
    "batch": figures(1, 1, 64),
    "took_ms": figures(20),
}
MODEL = {
    "model": "m",
    "calls": 9,
    "failures": 1,
    "retries": 2,
    "prompt_tokens": 80,
    "completion_tokens": 40,
    "waiting": 3,
    "in_flight": 8,
    "structured": "json_schema",
}
STATUS = {
    "state": "degraded",
    "ready": True,
    "version": "0.1.0",
    "shards": [
        {
            "shard": 0,
            "state": "degraded",
            "ready": True,
            "ledger": {"position": 12, "memories": 9},
            "vector": {"position": 12, "lag": 0, "lag_s": 0.0, "healthy": True, "failures": 0, "late_ms": figures(4)},
            "graph": {"position": 9, "lag": 3, "lag_s": 2.5, "healthy": False, "failures": 4, "late_ms": figures()},
            "signals": {"pending": 6, "lag_s": 0.5, "complete": 3, "bytes_per_memory": {"tokens": 2880}},
            "writes": {
                "accepted": 7,
                "finished": 6,
                "degraded": 1,
                "transactions": 3,
                "lanes": 1,
                "took_ms": figures(9),
            },
            "searches": {"searches": 5},
            "gates": {"reads": {"pending": 1, "most": 8, "bytes": 0, "most_bytes": 9, "refused": 4}},
            "queues": {"ledger": QUEUE},
            "calls_per_request": {"ledger": 0.25, "vector": None},
        },
        {"shard": 1, "state": "unavailable", "ready": False, "error": "orchestrator-1 is down"},
    ],
    "actors": [
        {
            "name": "embedder-0",
            "ready": True,
            "restarts": 2,
            "rss_bytes": 1000,
            "cpu_s": 3.5,
            "running": 1,
            "loop_lag_ms": {**figures(1, 2), "now": 250.0},
            "calls": {"encode": 4},
            "took_ms": {"encode": figures(11)},
            "counters": {"tokens": 99},
            "queues": {"model": QUEUE},
            "exchange": {"calls": figures(1, 5), "replies": figures(6)},
        },
        {"name": "language-model-0", "ready": True, "language_model": MODEL},
        {"name": 'odd"name\n', "ready": False, "error": "is down"},
    ],
    "replica": {
        "pid": 77,
        "running": 1,
        "answers": {"200": 5},
        "took_ms": figures(7),
        "rss_bytes": 5,
        "cpu_s": 1.0,
        "loop_lag_ms": {**figures(3), "now": 0.0},
    },
}


def samples(status: dict[str, Any]) -> dict[tuple[str, frozenset[tuple[str, str]]], float]:
    found = {}
    for family in text_string_to_metric_families(render(status)):
        for one in family.samples:
            key = (one.name, frozenset(one.labels.items()))
            assert key not in found, f"{key} twice"
            found[key] = one.value
    return found


def sample(name: str, **labels: str) -> float:
    return samples(STATUS)[name, frozenset(labels.items())]


@pytest.mark.parametrize(
    ("name", "labels", "value"),
    [
        ("remora_info", {"version": "0.1.0"}, 1),
        ("remora_ready", {}, 1),
        ("remora_shard_ready", {"shard": "1"}, 0),
        ("remora_shard_degraded", {"shard": "0"}, 1),
        ("remora_operations_accepted_total", {"shard": "0"}, 7),
        ("remora_index_lag_seconds", {"shard": "0", "index": "graph"}, 2.5),
        ("remora_index_healthy", {"shard": "0", "index": "graph"}, 0),
        ("remora_signals_pending", {"shard": "0"}, 6),
        ("remora_signals_lag_seconds", {"shard": "0"}, 0.5),
        ("remora_disk_bytes_per_memory", {"shard": "0", "part": "tokens"}, 2880),
        ("remora_gate_refused_total", {"shard": "0", "gate": "reads"}, 4),
        ("remora_calls_per_request", {"shard": "0", "part": "ledger"}, 0.25),
        ("remora_queue_waiting", {"actor": "orchestrator-0", "queue": "ledger"}, 3),
        ("remora_queue_waiting", {"actor": "embedder-0", "queue": "model"}, 3),
        ("remora_queue_oldest_seconds", {"actor": "embedder-0", "queue": "model"}, 1.5),
        ("remora_actor_up", {"actor": "embedder-0"}, 1),
        ("remora_actor_up", {"actor": 'odd"name\n'}, 0),
        ("remora_actor_restarts_total", {"actor": "embedder-0"}, 2),
        ("remora_actor_loop_late_seconds", {"actor": "embedder-0"}, 0.25),
        ("remora_actor_calls_total", {"actor": "embedder-0", "verb": "encode"}, 4),
        ("remora_language_model_calls_total", {"actor": "language-model-0"}, 9),
        ("remora_language_model_failures_total", {"actor": "language-model-0"}, 1),
        ("remora_language_model_retries_total", {"actor": "language-model-0"}, 2),
        ("remora_language_model_prompt_tokens_total", {"actor": "language-model-0"}, 80),
        ("remora_language_model_completion_tokens_total", {"actor": "language-model-0"}, 40),
        ("remora_language_model_waiting", {"actor": "language-model-0"}, 3),
        ("remora_language_model_in_flight", {"actor": "language-model-0"}, 8),
        ("remora_exchange_calls_sum", {"actor": "embedder-0"}, 6),
        ("remora_http_answers_total", {"replica": "77", "status": "200"}, 5),
    ],
)
def test_a_figure_is_found_by_name_and_labels(name: str, labels: dict[str, str], value: float) -> None:
    assert sample(name, **labels) == value


def test_times_are_histograms_in_seconds() -> None:
    at = {"actor": "orchestrator-0", "queue": "ledger"}
    assert sample("remora_queue_wait_seconds_count", **at) == 3
    assert sample("remora_queue_wait_seconds_sum", **at) == pytest.approx(5.0031)
    assert sample("remora_queue_wait_seconds_bucket", le="0.00025", **at) == 1
    assert sample("remora_queue_wait_seconds_bucket", le="0.004", **at) == 2
    assert sample("remora_queue_wait_seconds_bucket", le="4.096", **at) == 2
    assert sample("remora_queue_wait_seconds_bucket", le="+Inf", **at) == 3


def test_sizes_are_histograms_of_whole_numbers() -> None:
    at = {"actor": "embedder-0", "queue": "model"}
    assert sample("remora_queue_batch_items_bucket", le="1", **at) == 2
    assert sample("remora_queue_batch_items_bucket", le="32", **at) == 2
    assert sample("remora_queue_batch_items_bucket", le="64", **at) == 3


def test_buckets_of_a_histogram_never_fall() -> None:
    for family in text_string_to_metric_families(render(STATUS)):
        series: dict[frozenset[tuple[str, str]], list[float]] = {}
        for one in family.samples:
            if one.name.endswith("_bucket"):
                labels = frozenset((name, text) for name, text in one.labels.items() if name != "le")
                series.setdefault(labels, []).append(one.value)
        assert all(values == sorted(values) for values in series.values()), family.name


def test_every_metric_is_explained_and_named_as_ours() -> None:
    for family in text_string_to_metric_families(render(STATUS)):
        assert family.name.startswith("remora_")
        assert family.documentation.endswith(".")


def test_a_ratio_that_nobody_can_tell_gives_no_sample() -> None:
    assert ("remora_calls_per_request", frozenset({("shard", "0"), ("part", "vector")})) not in samples(STATUS)


def test_a_runtime_that_says_next_to_nothing_is_shown_as_not_ready() -> None:
    assert samples({"state": "unavailable", "ready": False})["remora_ready", frozenset()] == 0
