"""Start, connect to, look at and stop a runtime, from any process. What runs inside is `head`'s and `fleet`'s business.

A runtime lives in a process of its own (`python -m actors`), so its Ray reads the right variables whatever this one has
imported, and `remora serve` and `remora up` differ only in who ends it.
"""

from __future__ import annotations

import importlib.metadata
import json
import os
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import IO, Any

from actors.environment import AUTH_MODE
from actors.joining import AUTO, auth_mode, check_same, found, join
from actors.leftovers import leftovers
from actors.options import Part
from actors.order import Order, encode
from actors.processes import ProcessId, alive, end
from actors.run_directory import Record, RunDirectory
from engine.config import Settings
from engine.errors import Unavailable, from_parts
from engine.types import Json

Progress = Callable[[str], None]

APPLICATION = "serve_app.deployment:deploy"
_STATUS_S = 5.0
"""More patience than a server's own: a process that has just connected looks everything up first."""
_STOP_S = 45.0
_GRACE_S = 5.0


def quiet(step: str) -> None:
    """Progress that nobody wants to see."""


class Runtime:
    """A runtime that this process has started or found. `record` says how it is reached."""

    def __init__(self, settings: Settings, record: Record, process: subprocess.Popen[bytes] | None = None) -> None:
        self.settings = settings
        self.record = record
        self._process = process

    @property
    def url(self) -> str | None:
        """Where HTTP answers; None: it has no HTTP."""
        return self.record.url

    @property
    def address(self) -> str:
        """Of its Ray: what `ray.init(address=…)` and RAY_ADDRESS take."""
        return self.record.address

    @property
    def variables(self) -> dict[str, str]:
        """What a job that knows nothing of Remora needs in its environment, to find this Ray and to be let in."""
        auth = {AUTH_MODE: self.record.auth_mode} if self.record.auth_mode else {}
        return {"RAY_ADDRESS": self.address, **auth}

    @property
    def process_is_ours(self) -> bool:
        """Whether this process has started it, and not found it."""
        return self._process is not None

    def wait(self) -> int:
        """Until it ends; its exit code. Only for one that this process has started."""
        return self._process.wait() if self._process is not None else 0

    def stop(self) -> None:
        """Stop it and all that belongs to it; returns when nothing of it is left."""
        _stop(RunDirectory(self.settings.data_dir), self.record, self._process)


def start(
    settings: Settings,
    *,
    detached: bool = False,
    progress: Progress = quiet,
    application: str | None = APPLICATION,
) -> Runtime:
    """Start Ray, the actors and HTTP; returns when they answer. Takes seconds.

    Not `detached`, it ends with this process, however that ends. `application`: `module:builder`; None: no HTTP.

    Raises:
        Conflict: one runs on this data directory, or the port is taken.
        RemoraError: why it could not start; nothing of it is left then.
    """
    directory = RunDirectory(settings.data_dir)
    if directory.locked():
        raise directory.conflict()
    directory.path.mkdir(parents=True, exist_ok=True)
    with directory.log.open("wb") as log:
        process = subprocess.Popen(
            [sys.executable, "-P", "-m", "actors"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=log,
            env=_environment(),
            # Ctrl-C reaches a whole group at once: the Ray processes would die before they could be stopped in order.
            start_new_session=True,
        )
    try:
        _send(process, Order(settings, application, attached=not detached))
        record = _follow(process, progress, directory)
    except BaseException:
        _stop(directory, None, process)
        raise
    if detached:
        _let_go(process)
    return Runtime(settings, record, process)


def connect(settings: Settings) -> Runtime:
    """Connect this process to the runtime of the settings' data directory, or to the Ray that the settings name.

    Its own settings say how many shards and embedders run, whatever those given say.

    Raises:
        Unavailable: none runs there.
        Conflict: this process is connected to another Ray; it can't be to two.
    """
    import ray

    record = _running(settings)
    wanted = settings.runtime.address
    named = wanted is not None and (wanted != AUTO or ray.is_initialized())
    if record is not None and named and found(str(wanted)) != record.address:
        record = None  # One runs here, but it isn't meant.
    address = record.address if record else wanted
    if not address:
        state = f"is {record.state}" if record else "does not run"
        raise Unavailable(f"Remora {state} on {settings.data_dir}", {"data_dir": str(settings.data_dir)})
    if record is None:
        address = found(address)
    if ray.is_initialized():
        check_same(address, ray.get_runtime_context().gcs_address)
    else:
        mode = record.auth_mode if record else auth_mode(address)
        join(address, settings.runtime.namespace, mode)
    record = record or _foreign(settings, address)
    return Runtime(settings.model_copy(update={"shards": record.shards, "embedders": record.embedders}), record)


async def status(settings: Settings) -> Json:
    """What runs: the record, and the status of all that belongs to it, asked of each part.

    Raises:
        Unavailable: nothing runs there.
    """
    from actors.status import RuntimeStatus

    runtime = connect(settings)
    record = runtime.record.model_dump(exclude={"processes", "boot", "joined"})
    return {**record, **await RuntimeStatus(runtime.settings, _STATUS_S).whole()}


def stop(settings: Settings) -> bool:
    """Stop the runtime of the settings' data directory, whoever started it, and what one that was killed has left.

    False: none ran, nor actors of one that was killed.
    """
    directory = RunDirectory(settings.data_dir)
    record = _running(settings)
    if record is None:
        end(leftovers(directory), _GRACE_S)
        last = directory.read()
        return last is not None and last.joined and _end_abandoned(settings, directory, last)
    _stop(directory, record, None)
    return True


def _end_abandoned(settings: Settings, directory: RunDirectory, last: Record) -> bool:
    from actors import abandoned  # With all that the actors need.

    directory.lock()  # So that nobody starts beside it and takes the actors over.
    try:
        ended = abandoned.end(settings, last)
        directory.clear()
    finally:
        directory.release()
    return ended


def _running(settings: Settings) -> Record | None:
    directory = RunDirectory(settings.data_dir)
    return directory.read() if directory.locked() else None


def _foreign(settings: Settings, address: str) -> Record:
    """What can be told of a runtime from its Ray alone."""
    import ray

    namespace = settings.runtime.namespace
    named = [one["name"] for one in ray.util.list_named_actors(all_namespaces=True) if one["namespace"] == namespace]
    return Record(
        version="",
        state="ready",
        mode="joined",
        pid=0,
        started_s=0.0,
        address=address,
        namespace=namespace,
        shards=_count(named, Part.ORCHESTRATOR),
        embedders=_count(named, Part.EMBEDDER),
    )


def _count(named: Sequence[str], part: Part) -> int:
    return max(1, sum(name.rpartition("-")[0] == part for name in named))


def _environment() -> dict[str, str]:
    """Ours, with the way to this package where it isn't installed."""
    variables = dict(os.environ)
    try:
        importlib.metadata.version("remora")
    except importlib.metadata.PackageNotFoundError:
        paths = [str(Path(__file__).parent.parent), variables.get("PYTHONPATH", "")]
        variables["PYTHONPATH"] = os.pathsep.join(filter(None, paths))
    return variables


def _send(process: subprocess.Popen[bytes], order: Order) -> None:
    stdin = _pipe(process.stdin)
    stdin.write(encode(order))
    stdin.flush()


def _follow(process: subprocess.Popen[bytes], progress: Progress, directory: RunDirectory) -> Record:
    """Read what the head says until it is ready."""
    for line in _pipe(process.stdout):
        match _message(line):
            case {"step": str(step)}:
                progress(step)
            case {"ready": dict(record)}:
                return Record.model_validate(record)
            case {"error": {"code": str(code), "message": str(message), "details": dict(details)}}:
                raise from_parts(code, message, details)
    raise Unavailable(f"the runtime ended while it started; see {directory.log}", {"log": str(directory.log)})


def _message(line: bytes) -> Any:
    try:
        return json.loads(line)
    except ValueError:
        return None  # Ray prints to standard output at times.


def _pipe(pipe: IO[bytes] | None) -> IO[bytes]:
    assert pipe is not None  # noqa: S101 - Popen was asked for it
    return pipe


def _let_go(process: subprocess.Popen[bytes]) -> None:
    for pipe in (process.stdin, process.stdout):
        _pipe(pipe).close()
    # It outlives us on purpose: no warning that it still runs.
    process.returncode = 0


def _stop(directory: RunDirectory, record: Record | None, process: subprocess.Popen[bytes] | None) -> None:
    record = record or directory.read()
    if process is not None and process.poll() is None:
        process.terminate()
        try:
            process.wait(_STOP_S)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
    elif process is None and record is not None and alive(head := ProcessId(record.pid, record.started_s)):
        end([head], _STOP_S)
    if not directory.locked():  # Otherwise somebody has started it again: what is recorded now is theirs.
        end(leftovers(directory), _GRACE_S)
    for pipe in (process.stdin, process.stdout) if process is not None else ():
        _pipe(pipe).close()
