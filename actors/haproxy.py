"""Stands in for the HAProxy binary: mends the configuration that Serve writes, then becomes HAProxy.

Run as a file by the interpreter alone (`python -I -S`), so it imports the standard library only.
"""

from __future__ import annotations

import os
import re
import sys
from pathlib import Path

_FRONT = "http_frontend"
_BIND = re.compile(r"^(\s*bind\s+)(\S*):(\d+)(.*)$")
_SECTION = re.compile(r"^(?:frontend|listen|backend|defaults|global)\b\s*(\S*)")
_ACCESS_LOG = re.compile(r"^(\s*log\s+\S+\s+local0\s+)info\s*$")
_REUSE = re.compile(r"^(\s*)http-reuse always\s*$")
_ERROR_FILE = re.compile(r"^(\s*errorfile\s+50[234]\s+)\S+\s*$")

DOWN_TEXT = (
    '{"detail": "no server is ready to answer; whether a change was accepted is not known: '
    'send it again with the same idempotency key", '
    '"error": "no server is ready to answer", "code": "unavailable", "details": {"retry_after_s": 1}}'
)


def down_page() -> str:
    """The whole HTTP answer for a client whom no replica can serve."""
    return (
        "HTTP/1.1 503 Service Unavailable\r\n"
        "Content-Type: application/json\r\n"
        "Cache-Control: no-store\r\n"
        "Retry-After: 1\r\n"
        f"Content-Length: {len(DOWN_TEXT.encode())}\r\n"
        "\r\n"
        f"{DOWN_TEXT}"
    )


def mend(config: str, listen: str, page: str) -> str:
    """Serve's configuration with the front on `listen`, all else on loopback, no access log, and `page` for errors.

    Serve's template binds statistics and metrics on every interface, sends a line per request to syslog, and answers a
    bare 500 when no replica can be reached. It also sends a client's first request over a used connection: if that
    breaks (the replica was killed), the client's is closed without an answer. And what `environment` lets HAProxy send
    again is only what changes nothing.
    """
    section = ""
    mended = []
    for line in config.splitlines():
        if (start := _SECTION.match(line)) is not None:
            section = start[1]
        mended.append(_mend_line(line, listen if section == _FRONT else "127.0.0.1", page))
    return "\n".join(mended) + "\n"


def _mend_line(line: str, host: str, page: str) -> str:
    if (bind := _BIND.match(line)) is not None:
        return f"{bind[1]}{host}:{bind[3]}{bind[4]}"
    if (reuse := _REUSE.match(line)) is not None:
        return f"{reuse[1]}http-reuse safe\n{reuse[1]}http-request disable-l7-retry unless METH_GET"
    line = _ACCESS_LOG.sub(r"\1emerg", line)
    return _ERROR_FILE.sub(lambda found: found[1] + page, line)


def main(binary: str, listen: str, directory: str, *arguments: str) -> None:
    """Mend the file named after `-f`, note the process id, become HAProxy. `directory`: where ids and page are kept."""
    page = Path(directory, "down.http")
    if "-f" in arguments:
        page.write_text(down_page(), newline="")
        config = Path(arguments[arguments.index("-f") + 1])
        config.write_text(mend(config.read_text(), listen, str(page)))
        with Path(directory, "haproxy.pids").open("a") as pids:
            pids.write(f"{os.getpid()}\n")
    os.execv(binary, [binary, *arguments])  # noqa: S606 - the binary that the runtime chose


if __name__ == "__main__":
    main(*sys.argv[1:])
