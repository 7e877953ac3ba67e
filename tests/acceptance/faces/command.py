"""The `remora` command: flags in, JSON and exit codes out, each call a process of its own."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tests.acceptance.faces.face import Refused

EXIT_CODES = {
    "invalid_input": 2,
    "too_large": 2,
    "conflict": 2,
    "not_found": 3,
    "purged": 3,
    "unavailable": 4,
    "deadline_exceeded": 4,
    "internal": 1,
}
_COMMANDS = {
    "delete_all": ["delete", "--all", "--yes"],
    "operation": ["operations"],
    "operations": ["operations", "list"],
    "retry": ["operations", "retry"],
    "graph_entities": ["graph", "entities"],
    "neighbours": ["graph", "neighbours"],
    "path": ["graph", "path"],
    "communities": ["graph", "communities"],
    "merge_entities": ["graph", "merge"],
    "split_entity": ["graph", "split"],
}
_FLAGS = {"expiration_date": "--expires"}
_ANSWER_S = 60.0


class Command:
    """`remora VERB … --json`."""

    name = "command"
    lacks = frozenset({"search_batch"})

    def __init__(self, script: str, directory: Path, environment: Mapping[str, str]) -> None:
        self._script = script
        self._directory = directory
        self._environment = dict(environment)

    def call(self, verb: str, *arguments: Any, **fields: Any) -> Any:
        match verb, arguments:
            case "add_batch", (items,):
                return self._file(items)
            case "add", (list(messages),):
                # Several messages of one request: a file with one item.
                return self._only({"messages": messages, **fields})
            case "add", (text,):
                # By stdin: no argument can hold every text.
                return self._run(["add"], [*_flags(fields), "-"], text)
            case "update", (memory_id,):
                text = [fields.pop("text")] if "text" in fields else []
                return self._run(["update"], [*_flags(fields), "--", memory_id, *text])
            case "purge", ():
                one = [fields.pop("memory_id")] if "memory_id" in fields else []
                return self._run(["purge", "--yes"], [*_flags(fields), "--", *one])
            case _:
                return self._run(
                    _COMMANDS.get(verb, [verb]), [*_flags(fields), *(["--", *arguments] if arguments else [])]
                )

    def close(self) -> None: ...

    def _only(self, item: dict[str, Any]) -> Any:
        (answer,) = self._file([item])
        if "error" in answer:
            raise Refused(answer["error"]["code"], answer["error"]["message"])
        return answer

    def _file(self, items: list[dict[str, Any]]) -> Any:
        """`remora add --file -`; its exit code is that of the first item that was refused."""
        done = self._start(["add"], ["--file", "-"], "\n".join(json.dumps(item) for item in items))
        results: list[dict[str, Any]] = json.loads(done.stdout)["results"]
        errors = [result["error"]["code"] for result in results if "error" in result]
        assert done.returncode == (EXIT_CODES[errors[0]] if errors else 0), done.stderr
        return results

    def _run(self, command: list[str], words: list[str], stdin: str = "") -> Any:
        done = self._start(command, words, stdin)
        if done.returncode == 0:
            return json.loads(done.stdout)
        raise _refusal(done)

    def _start(self, command: list[str], words: list[str], stdin: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [self._script, *command, "--json", *words],
            cwd=self._directory,
            env=self._environment,
            input=stdin,
            capture_output=True,
            text=True,
            timeout=_ANSWER_S,
        )


def _flags(fields: Mapping[str, Any]) -> list[str]:
    return [word for name, value in fields.items() for word in _flag(name, value)]


def _flag(name: str, value: Any) -> list[str]:
    if name == "wait":
        return [] if value else ["--no-wait"]
    flag = _FLAGS.get(name, "--" + name.replace("_", "-"))
    if value is True:
        return [flag]
    return [flag, json.dumps(value) if isinstance(value, dict | list) else str(value)]


def _refusal(done: subprocess.CompletedProcess[str]) -> Refused:
    """With --json an error is JSON too, on stderr, and the exit code is that of its code. Flags are words with `-`."""
    assert done.stdout == ""
    error = json.loads(done.stderr)
    assert EXIT_CODES[error["code"]] == done.returncode, done
    return Refused(error["code"], error["detail"].replace("-", "_"))
