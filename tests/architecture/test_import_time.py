"""Importing Remora costs a job next to nothing: no model, no Ray, no layer of its own before one is needed."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

LIMIT_S = 0.3
HEAVY = ("torch", "ray", "transformers", "spacy", "pymilvus", "networkx", "sqlalchemy", "numpy", "fastapi", "typer")
LAYERS = ("engine", "actors", "serve_app")
PROGRAM = """
import json, sys, time
before = time.perf_counter()
{statement}
print(json.dumps([time.perf_counter() - before, sorted(sys.modules)]))
"""


def imported(statement: str) -> tuple[float, set[str]]:
    """How long a statement takes in a fresh Python, and the top-level modules that are there afterwards."""
    program = PROGRAM.format(statement=statement)
    said = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True, timeout=60)
    took_s, modules = json.loads(said.stdout)
    return took_s, {name.partition(".")[0] for name in modules}


@pytest.mark.parametrize(
    ("statement", "absent"),
    [
        ("import remora", (*HEAVY, *LAYERS, "httpx")),
        ("from remora import Memory, AsyncMemory", (*HEAVY, *LAYERS)),
    ],
)
def test_an_import_is_quick_and_loads_nothing_heavy(statement: str, absent: tuple[str, ...]) -> None:
    # The best of several: a busy machine makes some slow, and the code none quick.
    runs = [imported(statement) for _ in range(5)]

    assert runs[0][1].isdisjoint(absent)
    assert min(took_s for took_s, _ in runs) < LIMIT_S


def test_a_memory_over_http_needs_neither_ray_nor_a_model() -> None:
    _, modules = imported("from remora import Memory; Memory('http://127.0.0.1:1').close()")

    assert modules.isdisjoint((*HEAVY, *LAYERS))
