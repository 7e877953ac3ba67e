"""Whether what is stored can be read, and belongs to these settings."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from urllib.parse import urlsplit

from engine import ledger
from engine.config import Settings
from engine.embed import HASHING, inspection
from engine.errors import InvalidInput, InvariantViolated, RemoraError, Unavailable
from engine.graph import inspection as graph_inspection
from engine.ledger.inspection import LedgerReport
from engine.vector import lite_file, lite_path
from remora.doctor.finding import Finding, failure, ok, warning
from remora.views import units

_CONNECT_S = 3.0
_MILVUS_PORT = 19530


def ledgers(settings: Settings) -> tuple[list[Finding], int | None]:
    """Each ledger, and the newest time in any of them (microseconds)."""
    found: list[Finding] = []
    newest: list[int] = []
    for shard in range(settings.shards):
        try:
            report = ledger.inspect(settings, shard)
        except InvariantViolated as error:
            advice = "Stop Remora, copy the file away, and restore a backup; the ledger is the only truth."
            found.append(failure("ledger", error.message, advice))
        except (InvalidInput, Unavailable) as error:
            found.append(failure("ledger", error.message, "Check that it can be reached and that ledger.url is right."))
        else:
            found += [] if report is None else [_ledger(settings, shard, report)]
            newest += [] if report is None or report.newest_us is None else [report.newest_us]
    return found or [ok("ledger", "none yet")], max(newest, default=None)


def _ledger(settings: Settings, shard: int, report: LedgerReport) -> Finding:
    made = report.shards or 1
    if made != settings.shards:
        advice = f"Set REMORA_SHARDS={made}, or use another data directory."
        return failure("ledger", f"{report.place} was made for {made} shards, {settings.shards} are set", advice)
    return ok("ledger", f"shard {shard}: {_told(report)}")


def vectors(settings: Settings, running: bool) -> Iterator[Finding]:
    """Each vector file, or the server."""
    uri = settings.vector.uri
    if uri is not None and uri.startswith(("http://", "https://")):
        yield _server(uri)
        return
    for shard in range(settings.shards):
        path = settings.data_dir / f"vector-{shard}.db" if uri is None else lite_path(uri, shard)
        yield from _vector_file(settings, path, running)


def graphs(settings: Settings, running: bool) -> Iterator[Finding]:
    """Each graph snapshot."""
    for shard in range(settings.shards):
        path = settings.data_dir / f"graph-{shard}.msgpack"
        try:
            report = graph_inspection.inspect(path, shard)
        except InvariantViolated as error:
            advice = (
                "Nothing is lost: it is set aside, and the graph is built anew from the ledger at the next start; "
                "`remora verify` compares the two."
            )
            mend = None if running else partial(_set_aside, path)
            yield warning("graph", error.message, advice, mend)
            continue
        known = "no snapshot yet" if report is None else f"{_memories(report.memories)}, position {report.position}"
        yield ok("graph", f"shard {shard}: {known}")


def _told(report: LedgerReport) -> str:
    unfinished = units.of(report.unfinished, "operation")
    waiting = f", {unfinished} to be finished" if report.unfinished else ""
    return f"{_memories(report.memories)}, position {report.position}{waiting}"


def _memories(count: int) -> str:
    return units.of(count, "memory", "memories")


def _vector_file(settings: Settings, path: Path, running: bool) -> Iterator[Finding]:
    report = lite_file.inspect(path)
    if report.locked and not running:
        advice = (
            "End the process that has it open: `remora down`, or `remora doctor --fix` if it is a leftover of ours."
        )
        yield failure("vectors", f"{report.place} is open in another process", advice)
    elif not report.exists:
        yield ok("vectors", f"{path.name}: none yet")
    elif report.mark is None:
        advice = "Nothing is lost: the next start builds it anew from the ledger; `remora verify` compares the two."
        yield warning("vectors", f"{path} has no mark that can be read", advice)
    elif (model := _identity(settings)) not in (None, report.mark.model):
        advice = f"Set embed.model back, or remove {report.place} and {path.name}.mark.json to have it built anew."
        yield failure("vectors", f"{path} was made by {report.mark.model}, set is {model}", advice)
    else:
        yield ok("vectors", f"{path.name}: {report.mark.model}, position {report.mark.position}")


def _identity(settings: Settings) -> str | None:
    """What the model that is set marks its vectors with; None: can't be told here."""
    if settings.embed.model == HASHING:
        return None
    try:
        return inspection.inspect(settings.embed).identity
    except RemoraError:
        return None


def _server(uri: str) -> Finding:
    parts = urlsplit(uri)
    try:
        with socket.create_connection((parts.hostname or "", parts.port or _MILVUS_PORT), _CONNECT_S):
            return ok("vectors", f"a Milvus listens at {parts.hostname}:{parts.port or _MILVUS_PORT}")
    except (OSError, ValueError) as error:
        return failure("vectors", f"nothing listens at {uri}: {error}", "Start Milvus, or correct vector.uri.")


def _set_aside(path: Path) -> None:
    graph_inspection.set_aside(path)
