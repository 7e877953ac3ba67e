"""The launcher's mending of HAProxy's configuration, without HAProxy."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

from actors import haproxy

CONFIG = """global
    log 127.0.0.1:514 local0 info
    stats socket /tmp/x/a.sock mode 666 level admin expose-fd listeners
defaults
    mode http
    errorfile 502 /tmp/x/500.http
    errorfile 503 /tmp/x/500.http
    errorfile 504 /tmp/x/500.http
frontend prometheus
    bind :9101
frontend http_frontend
    bind 127.0.0.1:8000
    acl is_remora path_beg /
backend remora
    http-reuse always
    server one 127.0.0.1:30000 check
listen stats
  bind *:8404
  stats enable
"""


def binds(config: str) -> list[str]:
    return [line.split()[1] for line in config.splitlines() if line.strip().startswith("bind ")]


def test_only_the_front_leaves_loopback() -> None:
    mended = haproxy.mend(CONFIG, "0.0.0.0", "/tmp/x/down.http")

    assert binds(mended) == ["127.0.0.1:9101", "0.0.0.0:8000", "127.0.0.1:8404"]


def test_a_loopback_host_keeps_everything_on_loopback() -> None:
    assert binds(haproxy.mend(CONFIG, "127.0.0.1", "p")) == ["127.0.0.1:9101", "127.0.0.1:8000", "127.0.0.1:8404"]


def test_no_request_is_logged_and_every_gateway_error_gets_our_page() -> None:
    mended = haproxy.mend(CONFIG, "127.0.0.1", "/tmp/x/down.http")

    assert "local0 info" not in mended
    assert mended.count("/tmp/x/down.http") == 3
    assert "500.http" not in mended


def test_a_first_request_takes_no_used_connection_and_only_what_changes_nothing_is_sent_again() -> None:
    lines = [line.strip() for line in haproxy.mend(CONFIG, "127.0.0.1", "page").splitlines()]

    assert "http-reuse always" not in lines
    assert lines[lines.index("http-reuse safe") + 1] == "http-request disable-l7-retry unless METH_GET"


def test_mending_twice_changes_nothing_more() -> None:
    once = haproxy.mend(CONFIG, "0.0.0.0", "page")

    assert haproxy.mend(once, "0.0.0.0", "page") == once


def test_everything_else_stays_as_serve_wrote_it() -> None:
    mended = haproxy.mend(CONFIG, "127.0.0.1", "page").splitlines()
    kept = [line for line in CONFIG.splitlines() if line in mended]

    assert len(CONFIG.splitlines()) - len(kept) == 7
    assert [line for line in mended if line in kept] == kept


def test_the_page_is_a_whole_answer_with_the_error_body() -> None:
    head, _, body = haproxy.down_page().partition("\r\n\r\n")

    assert head.startswith("HTTP/1.1 503 ")
    assert f"Content-Length: {len(body.encode())}" in head
    assert json.loads(body)["code"] == "unavailable"


def test_the_launcher_mends_the_file_notes_its_process_and_becomes_the_binary(tmp_path: Path) -> None:
    config = tmp_path / "haproxy.cfg"
    config.write_text(CONFIG)
    done = subprocess.run(
        [
            sys.executable,
            "-I",
            "-S",
            haproxy.__file__,
            "/bin/echo",
            "127.0.0.1",
            str(tmp_path),
            "-db",
            "-f",
            str(config),
        ],
        capture_output=True,
        text=True,
        check=True,
    )

    assert done.stdout.strip() == f"-db -f {config}"
    assert "127.0.0.1:9101" in config.read_text()
    assert (tmp_path / "haproxy.pids").read_text().strip().isdigit()
    assert (tmp_path / "down.http").read_bytes() == haproxy.down_page().encode()
