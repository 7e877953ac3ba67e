"""Requests made up from the OpenAPI description, sent over HTTP to a whole memory system with a language model.

`python -m tests.fuzz --calls 10000` finds answers that no client could foresee: a 5xx, a status or a content type that
isn't described, a body that breaks its schema.
"""

from __future__ import annotations

import asyncio
import math
import os
import sys
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import SecretStr
from starlette.types import ASGIApp, Receive, Scope, Send

from engine.config import LlmSettings, Settings
from engine.in_process import in_process
from engine.llm import build
from serve_app.application import create_app
from tests.provider import DONE, Reply, chunk, provider, served

_ROOT = Path(__file__).parents[2]
_KEY = "the-key"
_CHECKS = (
    "no_server_error",
    "status_code_conformance",
    "content_type_conformance",
    "response_headers_conformance",
    "response_schema_conformance",
)


@dataclass(frozen=True, slots=True)
class Fuzzed:
    """`calls`: requests that came. `failed`: something was found; `report` says what, and how to see it again."""

    calls: int
    failed: bool
    report: str


class _Counted:
    """An application, and how many requests it was asked."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app
        self.calls = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Run the request."""
        self.calls += scope["type"] == "http"
        await self._app(scope, receive, send)


async def fuzz(calls: int, seed: int, *, deadline_s: float) -> Fuzzed:
    """Send at least `calls` requests, the same ones for the same `seed`.

    Raises:
        TimeoutError: they took longer than `deadline_s`.
    """
    async with provider(choose=_answer) as model:
        settings = Settings(admin_key=SecretStr(_KEY), llm=LlmSettings(base_url=model.url, model="scripted"))
        asked = build(settings.llm)
        memory = in_process(settings, language_model=asked)
        await memory.start()
        try:
            app = create_app(memory, settings)
            counted = _Counted(app)
            async with served(counted, lifespan=True) as url:
                operations = sum(len(methods) for methods in app.openapi()["paths"].values())
                failed, report = await _schemathesis(url, math.ceil(calls / operations), seed, deadline_s)
        finally:
            await memory.close()
            if asked is not None:
                await asked.close()
    return Fuzzed(counted.calls, failed, report)


def _answer(asked: Mapping[str, Any]) -> Reply:
    """What the language model says: to chats a greeting, to questions for facts none."""
    if asked.get("stream") is True:
        return Reply(stream=(chunk("Hello.", role="assistant"), chunk(finish="stop"), DONE))
    return Reply('{"facts": []}' if "response_format" in asked else "Hello.")


async def _schemathesis(url: str, examples: int, seed: int, deadline_s: float) -> tuple[bool, str]:
    command = [
        str(Path(sys.executable).with_name("schemathesis")), "run", f"{url}/openapi.json",
        "--header", f"Authorization: Bearer {_KEY}",
        "--max-examples", str(examples), "--seed", str(seed), "--checks", ",".join(_CHECKS),
        "--request-timeout", "60", "--continue-on-failure", "--warnings", "off", "--no-color",
    ]  # fmt: skip
    variables = {"SCHEMATHESIS_HOOKS": "tests.fuzz.checks", "PYTHONPATH": str(_ROOT), "NO_PROXY": "127.0.0.1"}
    with tempfile.TemporaryDirectory() as directory:  # It keeps what it finds where it runs.
        process = await asyncio.create_subprocess_exec(
            *command,
            cwd=directory,
            env={**os.environ, **variables},
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
        )
        try:
            async with asyncio.timeout(deadline_s):
                report, _ = await process.communicate()
        finally:
            if process.returncode is None:
                process.kill()
                await process.wait()
    return process.returncode != 0, report.decode(errors="replace")
