"""The Serve application that `serve run serve_app.app:build` makes: options and settings. No cluster is started."""

from __future__ import annotations

from typing import Any

import pytest
from ray import serve

from engine.config import Settings
from engine.errors import InvalidInput
from serve_app.app import build, nested


def parts(application: serve.Application) -> tuple[Any, Settings]:
    """The deployment, and the settings that each replica is made with."""
    bound: Any = application._bound_deployment
    return bound, bound.init_args[0]


def test_arguments_are_settings_by_their_dotted_names() -> None:
    args = {"runtime.replicas": "2", "runtime.namespace": "n", "port": "9000"}
    assert nested(args) == {"runtime": {"replicas": "2", "namespace": "n"}, "port": "9000"}
    deployment, settings = parts(build(args))
    assert (settings.runtime.replicas, settings.runtime.namespace, settings.port) == (2, "n", 9000)
    assert deployment.num_replicas == 2


def test_what_is_not_given_comes_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("REMORA_RUNTIME_REPLICAS", "3")
    monkeypatch.setenv("REMORA_LIMITS_BODY_BYTES", "1000")
    _, settings = parts(build({"limits.messages": "7"}))
    assert (settings.runtime.replicas, settings.limits.body_bytes, settings.limits.messages) == (3, 1000, 7)


@pytest.mark.parametrize("args", [{"runtime.replicas": "none"}, {"runtime.replicas": "0"}, {"limits.bodybytes": "1"}])
def test_a_wrong_argument_is_refused_by_name(args: dict[str, str]) -> None:
    with pytest.raises(InvalidInput, match=next(iter(args))):
        build(args)


def test_a_replica_reserves_no_cpu_logs_no_access_and_takes_more_than_the_engine_admits() -> None:
    deployment, settings = parts(build())
    assert deployment.ray_actor_options["num_cpus"] == 0
    assert deployment._deployment_config.logging_config["enable_access_log"] is False
    assert deployment.max_ongoing_requests > settings.limits.pending_operations + settings.limits.pending_reads
