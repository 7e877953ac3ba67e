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
_SPLICE = re.compile(r"^\s*option splice-(?:request|response|auto)\s*$")
_CHOICE = re.compile(r"^\s*(?:use_backend|default_backend)\s")

_COUNTS = """
backend remora_counts
    stick-table type string len 8 size 16 expire 1m store conn_cur,http_req_rate(10s),gpc0_rate(10s)
backend remora_lately
    stick-table type string len 8 size 16 expire 1m store http_req_rate(250ms)
"""
_FEW = 4
"""So many requests of a kind in a quarter of a second always get through, which shows when there is room again."""
_ADMISSION = """\
    # Requests under way are counted by kind, and refused here when there are too many of one: that costs the replicas
    # nothing. Where the replicas have refused an eighth of a kind in the last 10 s (they know best what takes too long,
    # but to say so costs them about as much as to do it), a quarter more than they took gets through. The wait: half of
    # what is under way at the pace of the last 10 s, up to twice that, 1 to 60 s.
    acl remora_always path /healthz /readyz /metrics /v1/status /v1/status/ /v1/ping /v1/ping/
    # Chats last, and a 429 of theirs may be the language model's: they are counted by themselves, by number alone.
    acl remora_chats path /v1/chat/completions /v1/chat/completions/
    acl remora_reads method GET HEAD OPTIONS
    acl remora_reads path_sub /search
    acl remora_reads path /v3/memories /v3/memories/ /v2/memories /v2/memories/
    http-request set-var(txn.kind) str(change)
    http-request set-var(txn.kind) str(read) if remora_reads
    http-request set-var(txn.kind) str(chat) if remora_chats
    http-request set-var(txn.under_way) var(txn.kind),table_conn_cur(remora_counts)
    http-request set-var(txn.lately) var(txn.kind),table_http_req_rate(remora_counts),add(1)
    http-request set-var(txn.wait_s) var(txn.under_way),mul(5),div(txn.lately),add(1)
    http-request set-var(txn.luck) rand(1000)
    http-request set-var(txn.spread_s) var(txn.wait_s),mul(txn.luck),div(1000)
    http-request set-var(txn.wait_s) var(txn.wait_s),add(txn.spread_s)
    http-request set-var(txn.wait_s) int(60) if {{ var(txn.wait_s) -m int gt 60 }}
    http-request set-var(txn.id) uuid()
    acl remora_sane_id req.hdr(x-request-id) -m reg '^[A-Za-z0-9._:-]{{1,128}}$'
    http-request set-var(txn.id) req.hdr(x-request-id) if remora_sane_id
    acl remora_full var(txn.under_way) -m int ge {changes}
    acl remora_reads_full var(txn.under_way) -m int ge {reads}
    acl remora_chats_full var(txn.under_way) -m int ge {chats}
    http-request set-var(txn.refused) var(txn.kind),table_gpc0_rate(remora_counts)
    http-request set-var(txn.refused_by_8) var(txn.refused),mul(8)
    http-request set-var(txn.room) var(txn.kind),table_http_req_rate(remora_counts),sub(txn.refused),div(32),add({few})
    acl remora_refused var(txn.refused) -m int gt {few}
    acl remora_overloaded var(txn.refused_by_8),sub(txn.lately) -m int ge 0
    acl remora_too_many var(txn.kind),table_http_req_rate(remora_lately),sub(txn.room) -m int ge 0
    http-request return {chat_refusal} if remora_chats_full remora_chats
    http-request return {refusal} if remora_refused remora_overloaded remora_too_many !remora_always !remora_chats
    http-request return {refusal} if remora_full !remora_reads !remora_always !remora_chats
    http-request return {refusal} if remora_reads_full remora_reads !remora_always !remora_chats
    http-request track-sc0 var(txn.kind) table remora_counts if !remora_always
    http-request track-sc1 var(txn.kind) table remora_lately if !remora_always
    http-response sc-inc-gpc0(0) if {{ status 429 }}
"""
_REFUSAL = (
    'status 429 content-type application/json hdr Retry-After "%[var(txn.wait_s)]" hdr X-Request-ID "%[var(txn.id)]" '
    'lf-string \'{"detail":"too many requests under way (%[var(txn.under_way)])",'
    '"error":"too many requests under way (%[var(txn.under_way)])","code":"overloaded",'
    '"details":{"retry_after_s":%[var(txn.wait_s)]},"request_id":"%[var(txn.id)]"}\''
)

_CHAT_REFUSAL = (
    'status 429 content-type application/json hdr Retry-After "%[var(txn.wait_s)]" hdr X-Request-ID "%[var(txn.id)]" '
    'lf-string \'{"error":{"message":"too many chats under way (%[var(txn.under_way)])","type":"rate_limit_error",'
    '"param":null,"code":"overloaded"}}\''
)

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


def mend(config: str, listen: str, page: str, *, changes: int, reads: int, chats: int) -> str:
    """Serve's configuration with the front on `listen`, all else on loopback, no access log, and `page` for errors.

    At most `changes` requests that may change something are let through at the same time, `chats`, and `reads` others.

    Serve's template binds statistics and metrics on every interface, sends a line per request to syslog, and answers a
    bare 500 when no replica can be reached. It also sends a client's first request over a used connection: if that
    breaks (the replica was killed), the client's is closed without an answer. And what `environment` lets HAProxy send
    again is only what changes nothing. Where it splices, a client that hangs up is often not noticed before its answer
    is over.
    """
    section, mended = "", list[str]()
    counted = admits = "backend remora_counts" in config
    for line in config.splitlines():
        if _SPLICE.match(line) is not None:
            continue
        if (start := _SECTION.match(line)) is not None:
            section = start[1]
        if section == _FRONT and not admits and _CHOICE.match(line) is not None:
            admits = True
            places = {"changes": changes, "reads": reads, "chats": chats, "few": _FEW}
            mended.append(_ADMISSION.format(**places, refusal=_REFUSAL, chat_refusal=_CHAT_REFUSAL))
        mended.append(_mend_line(line, listen if section == _FRONT else "127.0.0.1", page))
    return "\n".join(mended) + "\n" + (_COUNTS if admits and not counted else "")


def _mend_line(line: str, host: str, page: str) -> str:
    if (bind := _BIND.match(line)) is not None:
        return f"{bind[1]}{host}:{bind[3]}{bind[4]}"
    if (reuse := _REUSE.match(line)) is not None:
        return f"{reuse[1]}http-reuse safe\n{reuse[1]}http-request disable-l7-retry unless METH_GET"
    line = _ACCESS_LOG.sub(r"\1emerg", line)
    return _ERROR_FILE.sub(lambda found: found[1] + page, line)


def main(binary: str, listen: str, directory: str, *rest: str) -> None:
    """Mend the file named after `-f`, note the process id, become HAProxy. `directory`: where ids and page are kept.

    `rest`: how many changes, reads and chats at once, then HAProxy's own arguments.
    """
    changes, reads, chats, *arguments = rest
    page = Path(directory, "down.http")
    if "-f" in arguments:
        page.write_text(down_page(), newline="")
        config = Path(arguments[arguments.index("-f") + 1])
        places = {"changes": int(changes), "reads": int(reads), "chats": int(chats)}
        config.write_text(mend(config.read_text(), listen, str(page), **places))
        with Path(directory, "haproxy.pids").open("a") as pids:
            pids.write(f"{os.getpid()}\n")
    os.execv(binary, [binary, *arguments])  # noqa: S606 - the binary that the runtime chose


if __name__ == "__main__":
    main(*sys.argv[1:])
