"""Tries to make Remora lose, double, tear or leak something: `python bench/chaos.py --help`."""

from __future__ import annotations

import argparse
import asyncio
import re
import shutil
import sys
import tempfile
import time
from collections.abc import Iterable
from contextlib import AsyncExitStack, suppress
from dataclasses import dataclass
from pathlib import Path

import httpx
from rich.console import Console

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))  # So that it runs as a file too, from wherever.

from actors import runtime as runtimes
from actors.runtime import Runtime
from bench.chaos_client import SHARED_FACTS, Caller, Tally
from bench.chaos_kills import TITLES, Killer
from bench.chaos_model import Findings, Wrong, check_shared, markers
from bench.results import percentile
from bench.tables import Table, markdown
from engine.config import load
from engine.errors import RemoraError
from engine.types import Json

out = Console(width=None if sys.stdout.isatty() else 120)
err = Console(stderr=True)

_REPORT_S = 15.0
_SETTLE_S = 120.0
_LOOK_S = 0.5
_CHUNK_BYTES = 1 << 20
_OVERLAP_BYTES = 64


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a run came to."""

    seconds: float
    tally: Tally
    findings: Findings
    killed: Json
    checked: int
    erased: int


def main() -> int:
    """Run it and show it. 0: nothing was found; 1: something was."""
    wanted = _arguments()
    outcome = _ran(wanted)
    for table in _tables(outcome):
        out.print(markdown(table), markup=False)
    for line in outcome.findings.words:
        out.print(f"- {line}", markup=False)
    return 1 if outcome.findings.counts else 0


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description="Starts a runtime on an empty directory, lets many clients add, change, delete, purge and search "
        "over HTTP while its actors and its HTTP replica are killed, and compares what there is at the end with what "
        "was acknowledged. REMORA_* variables and remora.toml are obeyed. Ends with 1 if anything was lost, doubled, "
        "torn, leaked or stale."
    )
    add = parser.add_argument
    add("--operations", type=int, default=10_000, metavar="N", help="(%(default)s)")
    add("--clients", type=int, default=64, metavar="N", help="(%(default)s)")
    add("--scopes", type=int, default=6, metavar="N", help="users of each client (%(default)s)")
    add("--kills", type=int, default=63, metavar="N", help=f"over {', '.join(TITLES)} in turn (%(default)s)")
    add("--seed", type=int, default=1, metavar="N", help="of requests and kills (%(default)s)")
    add("--model", default=None, help="the embedder; 'hashing' is fast and knows no meaning (the settings' own)")
    add("--shards", type=int, default=None, metavar="N", help="(the settings' own)")
    wanted = parser.parse_args()
    for name, least, most in (
        ("operations", 10, 1_000_000),
        ("clients", 1, 500),
        ("scopes", 1, 100),
        ("kills", 0, 10_000),
    ):
        if not least <= getattr(wanted, name) <= most:
            parser.error(f"--{name} should be between {least} and {most}")
    return wanted


def _ran(wanted: argparse.Namespace) -> Outcome:
    embed = None if wanted.model is None else {"model": wanted.model}
    directory = Path(tempfile.mkdtemp(prefix="remora-chaos-"))
    settings = load(data_dir=directory, host="127.0.0.1", port=0, embed=embed, shards=wanted.shards)
    err.print("starting a runtime")
    running = runtimes.start(settings)
    try:
        outcome, erased = asyncio.run(_driven(running, wanted))
    finally:
        running.stop()
    for path, word in _kept(directory, _words(erased)):
        outcome.findings.add(Wrong.LEAKED, f"purged {word} is in {path}")
    if outcome.findings.counts:
        err.print(f"its files are kept in {directory}")
    else:
        shutil.rmtree(directory, ignore_errors=True)
    return outcome


def _words(texts: Iterable[str]) -> set[str]:
    return {word for text in texts for word in markers(text)}


async def _driven(running: Runtime, wanted: argparse.Namespace) -> tuple[Outcome, set[str]]:
    tally, findings, shared = Tally(), Findings(), dict[str, set[str]]()
    killer = Killer(
        running.record.pid,
        kills=wanted.kills,
        operations=wanted.operations,
        done=lambda: tally.operations,
        seed=wanted.seed,
    )
    async with AsyncExitStack() as stack:
        callers = [
            Caller(
                await stack.enter_async_context(httpx.AsyncClient(base_url=str(running.url), trust_env=False)),
                seed=wanted.seed,
                number=number,
                scopes=wanted.scopes,
                tally=tally,
                findings=findings,
                shared=shared,
            )
            for number in range(wanted.clients)
        ]
        began_s = time.monotonic()
        reporting = asyncio.ensure_future(_report(tally, killer, findings, wanted.operations))
        try:
            await asyncio.gather(killer.run(), *[caller.run(wanted.operations) for caller in callers])
        finally:
            reporting.cancel()
        took_s = time.monotonic() - began_s
        err.print("over; checking what is there")
        checked = await _checked(str(running.url), callers, shared, findings)
    erased = {text for caller in callers for text in caller.erased}
    gone = _words(text for caller in callers for text in caller.gone)
    kept = await asyncio.to_thread(lambda: list(_kept(running.settings.data_dir, _words(erased))))
    for path, word in kept:
        if word in gone:
            findings.add(Wrong.LEAKED, f"purged {word} is in {path}, though its purge said that nothing holds it")
        else:
            err.print(f"{word} is still in {path}; its purge did not say that nothing holds it", markup=False)
    unfinished = ", ".join(f"{count} {part}" for part, count in tally.unfinished.items()) or "none"
    err.print(f"{tally.done['purge']} purges; answered while erasing went on: {unfinished}", markup=False)
    await _erased(str(running.url), findings)
    return Outcome(took_s, tally, findings, dict(killer.killed), checked, len(erased)), erased


async def _report(tally: Tally, killer: Killer, findings: Findings, most: int) -> None:
    while True:
        await asyncio.sleep(_REPORT_S)
        bad = ", ".join(f"{count} {wrong}" for wrong, count in findings.counts.items()) or "nothing wrong"
        err.print(f"{tally.operations} of {most} operations, {killer.killed.total()} kills, {bad}")


async def _checked(url: str, callers: list[Caller], shared: dict[str, set[str]], findings: Findings) -> int:
    """Every scope against its model, and the stores against each other; how many memories these compared."""
    await asyncio.gather(*[caller.check() for caller in callers])
    known = {text: ids for text, ids in shared.items() if text in SHARED_FACTS}
    check_shared(known, await callers[0].shared_memories(), findings)
    async with httpx.AsyncClient(base_url=url, timeout=_SETTLE_S, trust_env=False) as http:
        return await _verified(http, findings)


async def _verified(http: httpx.AsyncClient, findings: Findings) -> int:
    checked, cursor = 0, None
    while True:
        reply = await http.post("/v1/verify/", json={"cursor": cursor})
        if not reply.is_success:
            findings.add(Wrong.REFUSED, f"verify: {reply.status_code} {reply.text[:300]}")
            return checked
        answer: Json = reply.json()
        checked += int(answer["checked"])
        for what in (*answer["differences"], *answer["problems"]):
            findings.add(Wrong.TORN, f"verify: {what}")
        if (cursor := answer["next"]) is None:
            return checked


async def _erased(url: str, findings: Findings) -> None:
    """Wait until no part says any more that its files hold what was purged: a purge whose answer names it goes on."""
    began_s, owing = time.monotonic(), ["nothing told"]
    async with httpx.AsyncClient(base_url=url, timeout=_SETTLE_S, trust_env=False) as http:
        while owing:
            if time.monotonic() - began_s > _SETTLE_S:
                findings.add(Wrong.LEAKED, f"files still hold what was purged after {_SETTLE_S:.0f} s: {owing}")
                return
            reply = await http.get("/v1/status/")
            shards = reply.json()["shards"] if reply.is_success else [{}]
            owing = [
                f"{part} of shard {number}"
                for number, shard in enumerate(shards)
                for part in ("ledger", "vector", "graph")
                if shard.get(part, {}).get("unerased", True)
            ]
            if owing:
                await asyncio.sleep(_LOOK_S)
    err.print(f"no part owes an erasure any more after {time.monotonic() - began_s:.1f} s")


def _kept(directory: Path, words: set[str]) -> Iterable[tuple[Path, str]]:
    """The words of purged texts that a file still holds, each with its file."""
    pattern = re.compile(rb"m\d+c\d+n\d+")
    for path in directory.rglob("*"):
        if not path.is_file() or path.is_symlink():
            continue
        seen: set[str] = set()
        with suppress(FileNotFoundError), path.open("rb") as file:  # A file in use may be replaced meanwhile.
            tail = b""
            while chunk := file.read(_CHUNK_BYTES):
                seen |= {found.decode() for found in pattern.findall(tail + chunk)}
                tail = chunk[-_OVERLAP_BYTES:]
        yield from ((path.relative_to(directory), word) for word in sorted(seen & words))


def _tables(outcome: Outcome) -> list[Table]:
    tally, counts = outcome.tally, outcome.findings.counts
    verdict = Table(
        f"{tally.operations} operations, {sum(outcome.killed.values())} kills in {outcome.seconds:.0f} s",
        (*[str(wrong) for wrong in Wrong], "longest without a write s", "without a read s", "search p99 s"),
        (
            (
                *[str(counts[wrong]) for wrong in Wrong],
                f"{tally.gaps_s['write']:.1f}",
                f"{tally.gaps_s['read']:.1f}",
                f"{percentile(tally.read_s, 0.99):.2f}",
            ),
        ),
        left=0,
    )
    kills = Table("Kills", tuple(outcome.killed), (tuple(map(str, outcome.killed.values())),), left=0)
    done = Table(
        f"Operations ({tally.sent} requests, {tally.refused} refused for a while; {outcome.checked} memories compared "
        f"in all stores at the end, {outcome.erased} texts purged)",
        tuple(tally.done),
        (tuple(map(str, tally.done.values())),),
        left=0,
    )
    return [verdict, kills, done]


if __name__ == "__main__":
    try:
        sys.exit(main())
    except KeyboardInterrupt:
        err.print("Stopped.")
        sys.exit(130)
    except (RemoraError, RuntimeError, OSError) as error:
        err.print(f"It could not be run: {error}", markup=False)
        sys.exit(2)
