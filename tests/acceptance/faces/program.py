"""A face that lives in a process of its own, as a user's program does, and is spoken to in lines of JSON."""

from __future__ import annotations

import json
import queue
import subprocess
import sys
import threading
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from tests.acceptance.faces.face import Refused
from tests.acceptance.faces.library import present, refusal

_ANSWER_S = 60.0
_END_S = 30.0


class Program(ABC):
    """Sends each call as a line and waits for the line that answers it."""

    lacks: frozenset[str] = frozenset()

    def __init__(self, name: str, command: Sequence[str], directory: Path, environment: Mapping[str, str]) -> None:
        self.name = name
        self._errors = (directory / f"{name}.log").open("w+")
        self._process = subprocess.Popen(
            command,
            cwd=directory,
            env=dict(environment),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._errors,
            text=True,
        )
        self._lines: queue.Queue[str | None] = queue.Queue()
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def call(self, verb: str, *arguments: Any, **fields: Any) -> Any:
        assert self._process.stdin
        self._process.stdin.write(json.dumps([verb, arguments, fields]) + "\n")
        self._process.stdin.flush()
        reply = self._reply()
        if "error" in reply:
            raise self.refusal(*reply["error"])
        return reply["answer"]

    @abstractmethod
    def refusal(self, types: list[str], args: list[Any]) -> Refused:
        """What the face raised there: the names of its class and of that one's bases, and its arguments."""

    def close(self) -> None:
        assert self._process.stdin
        self._process.stdin.close()
        self._process.wait(_END_S)
        self._reader.join()
        assert self._process.stdout
        self._process.stdout.close()
        self._errors.close()

    def _reply(self) -> dict[str, Any]:
        while (line := self._lines.get(timeout=_ANSWER_S)) is not None:
            if line.startswith("{"):  # Ray says things on stdout at times.
                answer: dict[str, Any] = json.loads(line)
                return answer
        self._errors.seek(0)
        raise AssertionError(f"{self.name} ended:\n{self._errors.read()}")

    def _read(self) -> None:
        assert self._process.stdout
        for line in self._process.stdout:
            self._lines.put(line)
        self._lines.put(None)


def _command(file: str) -> list[str]:
    return [sys.executable, "-P", str(Path(__file__).with_name(file))]


_BUILT_IN = {
    "invalid_input": "ValueError",
    "conflict": "ValueError",
    "too_large": "ValueError",
    "not_found": "LookupError",
    "purged": "LookupError",
}


class RayJob(Program):
    """`ray.get` on the actor `orchestrator-0`, from a process that has only Ray."""

    def __init__(self, directory: Path, environment: Mapping[str, str]) -> None:
        super().__init__("ray", _command("job.py"), directory, environment)

    def refusal(self, types: list[str], args: list[Any]) -> Refused:
        assert len(args) == 3, (types, args)
        code, message, _ = args
        assert types[0] == _BUILT_IN.get(code, "RuntimeError"), (types, args)
        return Refused(code, message)


class MemoryJob(Program):
    """`Memory(address=…)`: the library over actor handles."""

    def __init__(self, directory: Path, environment: Mapping[str, str]) -> None:
        super().__init__("memory-handle", _command("library_job.py"), directory, environment)

    def call(self, verb: str, *arguments: Any, **fields: Any) -> Any:
        return present(verb, super().call(verb, *arguments, **fields))

    def refusal(self, types: list[str], args: list[Any]) -> Refused:
        code, message = args
        return refusal(code, message, types)
