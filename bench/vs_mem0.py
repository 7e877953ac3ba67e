"""Remora against mem0 in one run, with the same weights, as one command: `python bench/vs_mem0.py --help`."""

from __future__ import annotations

import argparse
import asyncio
import datetime
import os
import platform
import sys
import tempfile
from collections.abc import Callable, Sequence
from importlib.metadata import version
from pathlib import Path

import psutil
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table as RichTable

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))  # So that it runs as a file too, from wherever.

from bench import mem0_environment
from bench.comparison import Plan, compare
from bench.results import Comparison, Results
from bench.tables import Table, replaced, section, tables
from engine.config import Settings, load
from engine.errors import RemoraError

PAGE = Path(__file__).resolve().parents[1] / "docs" / "benchmarks.md"
PICTURE = Path("img") / "vs_mem0.svg"
OUT = Path("build") / "vs_mem0.json"
_PACKAGES = ("remora", "ray", "torch", "transformers", "milvus-lite", "pymilvus")

out = Console(width=None if sys.stdout.isatty() else 120)
err = Console(stderr=True)


def main() -> None:
    """Measure, or read what was measured; show it, and write it where asked."""
    wanted = _arguments()
    results = _read(wanted.read) if wanted.read else _measured(wanted)
    for comparison in results.comparisons:
        for table in tables(comparison):
            out.print(_rich(table))
    if wanted.write_docs:
        _write_docs(results)


def _arguments() -> argparse.Namespace:
    plan = Plan()
    parser = argparse.ArgumentParser(
        description="Adds and searches of Remora (handle and HTTP) and of mem0's AsyncMemory on its local Qdrant, "
        "interleaved in one run on this machine, infer=False, the same weights. Takes about 6 minutes for each dtype, "
        "and a few more the first time, when mem0 is installed into an environment of its own. REMORA_* variables and "
        "remora.toml are obeyed, but for where data is kept and the port."
    )
    add = parser.add_argument
    add("--memories", type=_between(1, 100_000), default=plan.memories, metavar="N", help="loaded before (%(default)s)")
    add("--rounds", type=_between(1, 100), default=plan.rounds, metavar="N", help="(%(default)s)")
    add("--seconds", type=_between(1, 120), default=plan.seconds, metavar="S", help="a measuring window (%(default)g)")
    add(
        "--concurrency",
        type=_between(1, 512),
        nargs="+",
        default=plan.concurrency,
        metavar="N",
        help="numbers of callers (1 32)",
    )
    add(
        "--dtype",
        choices=("auto", "float32", "bfloat16"),
        nargs="+",
        default=("auto", "float32"),
        help="what Remora's model computes in, one comparison for each that differs; auto is what Remora chooses on "
        "this machine; mem0's computes in float32 (auto float32)",
    )
    add("--seed", type=_between(0, 1_000_000), default=plan.seed, metavar="N", help="of the texts (%(default)s)")
    add("--out", type=Path, default=OUT, metavar="FILE", help="results as JSON (%(default)s)")
    add("--read", type=Path, metavar="FILE", help="measure nothing: show the results of an earlier run")
    add("--write-docs", action="store_true", help="write table and picture into docs/; needs matplotlib")
    add(
        "--mem0-environment",
        type=Path,
        default=mem0_environment.default_directory(),
        metavar="DIR",
        help="where mem0 is installed, if it isn't yet (%(default)s)",
    )
    return parser.parse_args()


def _between(least: int, most: int) -> Callable[[str], int]:
    def whole_number(text: str) -> int:
        value = int(text)
        if not least <= value <= most:
            raise argparse.ArgumentTypeError(f"{value} is not between {least} and {most}")
        return value

    return whole_number


def _read(path: Path) -> Results:
    return Results.model_validate_json(path.read_text())


def _measured(wanted: argparse.Namespace) -> Results:
    plan = Plan(
        memories=wanted.memories,
        rounds=wanted.rounds,
        seconds=wanted.seconds,
        concurrency=tuple(wanted.concurrency),
        seed=wanted.seed,
    )
    started = datetime.datetime.now(datetime.UTC).strftime("%Y-%m-%d %H:%M UTC")
    comparisons = _compare_all(plan, wanted.dtype, wanted.mem0_environment)
    results = Results(
        started=started,
        machine=_machine(),
        versions={name: version(name) for name in _PACKAGES},
        options={
            "memories": plan.memories,
            "rounds": plan.rounds,
            "seconds a window": plan.seconds,
            "calls a window at most": plan.calls,
            "seed": plan.seed,
        },
        comparisons=comparisons,
    )
    wanted.out.parent.mkdir(parents=True, exist_ok=True)
    wanted.out.write_text(results.model_dump_json(indent=2) + "\n")
    err.print(f"results are in {wanted.out}")
    return results


def _compare_all(plan: Plan, dtypes: Sequence[str], environment: Path) -> tuple[Comparison, ...]:
    columns = TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn()
    dtypes = _resolved(dtypes)
    with Progress(*columns, console=err) as bar:
        task = bar.add_task("making mem0's environment", total=1 + len(dtypes) * plan.steps)
        python = mem0_environment.ensure(environment)

        def tell(text: str) -> None:
            bar.update(task, advance=1, description=text)
            if not err.is_terminal:
                err.print(text)

        compared = tuple(asyncio.run(_compare(dtype, python, plan, tell)) for dtype in dtypes)
        bar.update(task, advance=1, description="done")
        return compared


def _resolved(dtypes: Sequence[str]) -> list[str]:
    """Each once, with `auto` as what it comes to: on many machines that is float32."""
    from engine.embed.threads import let_threads_sleep

    let_threads_sleep()
    from engine.embed.device import choose_device, choose_dtype

    device = choose_device(load().embed.device)
    return list(dict.fromkeys(str(choose_dtype(one, device)).removeprefix("torch.") for one in dtypes))


async def _compare(dtype: str, python: Path, plan: Plan, tell: Callable[[str], None]) -> Comparison:
    with tempfile.TemporaryDirectory(prefix="remora-bench-", ignore_cleanup_errors=True) as name:
        directory = Path(name)
        return await compare(_settings(directory / "remora", dtype), python, directory / "mem0", plan, tell)


def _settings(data_dir: Path, dtype: str) -> Settings:
    return load(data_dir=data_dir, host="127.0.0.1", port=0, embed={"dtype": dtype})


def _machine() -> dict[str, str]:
    memory_gib = psutil.virtual_memory().total / 2**30
    return {
        "CPU": _cpu(),
        "cores": str(os.cpu_count()),
        "memory": f"{memory_gib:.0f} GiB",
        "system": f"{platform.system()} {platform.release()}",
        "Python": platform.python_version(),
    }


def _cpu() -> str:
    about = Path("/proc/cpuinfo")
    lines = about.read_text().splitlines() if about.exists() else []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor() or platform.machine()


def _rich(table: Table) -> RichTable:
    shown = RichTable(title=table.title, title_justify="left")
    for place, name in enumerate(table.header):
        shown.add_column(name, justify="left" if place < table.left else "right")
    for row in table.rows:
        shown.add_row(*row)
    return shown


def _write_docs(results: Results) -> None:
    from bench.plot import draw

    picture = PAGE.parent / PICTURE
    picture.parent.mkdir(parents=True, exist_ok=True)
    draw(results, picture)
    PAGE.write_text(replaced(PAGE.read_text(), section(results, PICTURE.as_posix())))
    err.print(f"written: {PAGE} and {picture}")


if __name__ == "__main__":
    try:
        main()
    except KeyboardInterrupt:
        err.print("Stopped; what was measured is not kept.")
        sys.exit(130)
    except (RemoraError, RuntimeError) as error:
        err.print(f"It could not be measured: {error}", markup=False)
        sys.exit(1)
