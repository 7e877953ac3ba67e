"""`/metrics`: what Prometheus is told when all is well, when the runtime is silent, and when Ray is."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

import httpx
import pytest
from prometheus_client.parser import text_string_to_metric_families
from pydantic import SecretStr

from engine.config import Settings
from engine.errors import Unavailable
from engine.types import Json
from serve_app.application import create_app
from serve_app.routes import metrics

STATUS: Json = {"ready": True, "state": "ready", "version": "7", "shards": [], "actors": []}
Asked = Callable[[], Awaitable[Any]]


def answers(value: Any) -> Asked:
    """What answers with a value, raises it, or never answers (None)."""

    async def asked() -> Any:
        if value is None:
            await asyncio.Event().wait()
        if isinstance(value, Exception):
            raise value
        return value

    return asked


@asynccontextmanager
async def serving(status: Any, ray_metrics: Asked | None = None, key: str | None = None) -> AsyncIterator[Any]:
    class Api:
        pass

    api: Any = Api()
    api.status = answers(status)
    settings = Settings(admin_key=SecretStr(key) if key else None)
    app = create_app(api, settings, ray_metrics=ray_metrics)
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://127.0.0.1:8000") as client:
        yield client


def samples(text: str) -> dict[str, float]:
    """The values by name, as Prometheus' own parser reads them."""
    return {one.name: one.value for family in text_string_to_metric_families(text) for one in family.samples}


async def test_the_runtime_the_process_that_answers_and_ray_are_told_together() -> None:
    of_ray = "# HELP ray_node_cpu_count cpus\n# TYPE ray_node_cpu_count gauge\nray_node_cpu_count 2.0\n"
    async with serving(STATUS, answers(of_ray)) as http:
        await http.get("/healthz")
        reply = await http.get("/metrics")
    assert reply.status_code == 200
    assert reply.headers["content-type"].startswith("text/plain; version=0.0.4")
    found = samples(reply.text)
    assert (found["remora_ready"], found["remora_http_answers_total"], found["ray_node_cpu_count"]) == (1, 1, 2)


@pytest.mark.parametrize("status", [Unavailable("the orchestrator is away"), None], ids=["an error", "no answer"])
async def test_without_a_status_what_this_process_knows_is_told_still(
    status: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(metrics, "_PATIENCE_S", 0.05)
    async with serving(status) as http:
        reply = await http.get("/metrics")
    found = samples(reply.text)
    assert (reply.status_code, found["remora_ready"], found["remora_http_requests_running"]) == (200, 0, 1)


@pytest.mark.parametrize("trouble", [httpx.ConnectError("refused"), LookupError("no port"), None])
async def test_when_ray_does_not_answer_a_comment_says_so(trouble: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(metrics, "_PATIENCE_S", 0.05)
    async with serving(STATUS, answers(trouble)) as http:
        text = (await http.get("/metrics")).text
    assert "# Ray's own metrics are left out" in text
    assert samples(text)["remora_ready"] == 1


async def test_a_key_is_needed_where_one_is_set() -> None:
    async with serving(STATUS, key="secret") as http:
        assert (await http.get("/metrics")).status_code == 401
        assert (await http.get("/metrics", headers={"authorization": "Bearer secret"})).status_code == 200
