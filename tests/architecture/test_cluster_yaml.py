"""`cluster.yaml` is what Ray's own launcher accepts."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).parents[2]


@pytest.fixture
def cluster() -> dict[str, Any]:
    return yaml.safe_load((ROOT / "cluster.yaml").read_text())


def validated(cluster: dict[str, Any]) -> dict[str, Any]:
    """The configuration as `ray up` prepares and validates it. Raises what Ray raises."""
    from ray.autoscaler._private.util import prepare_config, validate_config

    prepared: dict[str, Any] = prepare_config(cluster)
    validate_config(prepared)
    return prepared


def test_ray_up_accepts_the_file(cluster: dict[str, Any]) -> None:
    prepared = validated(cluster)
    assert prepared["provider"]["type"] == "local"
    assert prepared["max_workers"] == len(cluster["provider"]["worker_ips"])


def test_ray_up_would_refuse_a_misspelt_key(cluster: dict[str, Any]) -> None:
    with pytest.raises(Exception, match="head_start_commands"):
        validated({**cluster, "head_start_commands": ["ray start --head"]})


def test_every_ray_start_switches_telemetry_off(cluster: dict[str, Any]) -> None:
    commands = [*cluster["head_start_ray_commands"], *cluster["worker_start_ray_commands"]]
    starts = [command for command in commands if "ray start" in command]
    assert len(starts) == 2
    assert all("RAY_USAGE_STATS_ENABLED=0" in command for command in starts)
