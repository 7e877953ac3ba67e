"""HTTP requests that are wrong, each with the status that it must get. `{id}` stands for the id of a memory that is
there; every one of these must leave everything as it is."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote

SCOPE = ("user_id", "agent_id", "app_id", "run_id")
NOBODY = "00000000-0000-8000-8000-000000000000"
CODES = {400: "invalid_input", 404: "not_found", 405: "method_not_allowed", 413: "too_large"}
BODY_BYTES = 8 * 1024 * 1024

_CONTROL = {
    "NUL": "a\0b", "newline": "a\nb", "escape": "\x1b[2J", "delete": "a\x7f", "C1": "a\x85b",
    "right-to-left": "a\u202eb", "line separator": "a\u2028b",
}  # fmt: skip
_NO_TEXT: dict[str, Any] = {"a list": ["u"], "an object": {"eq": "u"}, "true": True}
_MESSAGE = {"role": "user", "content": "I like tea"}


@dataclass(frozen=True)
class Bad:
    """A wrong request."""

    name: str
    method: str
    path: str
    raw: bytes = b""
    headers: Mapping[str, str] = field(default_factory=dict)
    status: int = 400

    @property
    def code(self) -> str:
        """The code that its answer must have."""
        return CODES[self.status]


def _post(name: str, path: str, body: Any, status: int = 400, method: str = "POST", **headers: str) -> Bad:
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    named = {key.replace("_", "-"): value for key, value in headers.items()}
    return Bad(name, method, path, raw, named, status)


def _deep(depth: int) -> Any:
    value: Any = 1
    for _ in range(depth):
        value = {"a": value}
    return value


def _adds() -> Iterator[Bad]:
    path, good = "/v1/memories/", {"messages": [_MESSAGE], "user_id": "u"}
    cases: dict[str, Any] = {
        "no scope": {"messages": [_MESSAGE]},
        "scope of nulls": {"messages": [_MESSAGE], "user_id": None, "run_id": None},
        "empty text": good | {"messages": ""},
        "white space": good | {"messages": " \t\n\u3000"},
        "empty content": good | {"messages": [_MESSAGE | {"content": ""}]},
        "blank content": good | {"messages": [_MESSAGE | {"content": " \n"}]},
        "one blank of two": good | {"messages": [_MESSAGE, _MESSAGE | {"content": " "}]},
        "NUL in the text": good | {"messages": "a\0b"},
        "a number as messages": good | {"messages": 7},
        "messages of texts": good | {"messages": ["x"]},
        "content an object": good | {"messages": [_MESSAGE | {"content": {"text": "x"}}]},
        "role of two words": good | {"messages": [_MESSAGE | {"role": "a b"}]},
        "role with a control character": good | {"messages": [_MESSAGE | {"role": "user\x1b"}]},
        "role a list": good | {"messages": [_MESSAGE | {"role": ["user"]}]},
        "name a number": good | {"messages": [_MESSAGE | {"name": 5}]},
        "blank name": good | {"messages": [_MESSAGE | {"name": " "}]},
        "metadata a text": good | {"metadata": "x"},
        "metadata a list": good | {"metadata": [1]},
        "metadata too deep": good | {"metadata": _deep(9)},
        "NUL in a metadata key": good | {"metadata": {"a\0": 1}},
        "infer a text": good | {"infer": "no"},
        "wait a number": good | {"wait": 0},
        "deadline a text": good | {"deadline_s": "soon"},
        "deadline zero": good | {"deadline_s": 0},
        "timestamp without its offset": good | {"timestamp": "2026-05-01T09:30:00"},
        "a message's timestamp without its offset": good | {"messages": [_MESSAGE | {"timestamp": "2026-05-01 09:30"}]},
        "timestamp in words": good | {"timestamp": "yesterday"},
        "timestamp true": good | {"timestamp": True},
        "timestamp beyond the calendar": good | {"timestamp": 1e18},
        "expiration with a time": good | {"expiration_date": "2026-05-01T09:30:00Z"},
        "expiration that is no day": good | {"expiration_date": "2026-02-30"},
        "expiration a number": good | {"expiration_date": 20260501},
        "key a number": good | {"idempotency_key": 5},
        "blank key": good | {"idempotency_key": " "},
        **{f"{kind} in the key": good | {"idempotency_key": value} for kind, value in _CONTROL.items()},
    }
    too_large: dict[str, Any] = {
        "text over the limit": good | {"messages": "x" * 100_001},
        "name over the limit": good | {"messages": [_MESSAGE | {"name": "n" * 300}]},
        "metadata over the limit": good | {"metadata": {"k": "v" * 20_000}},
        "too many messages": good | {"messages": [_MESSAGE] * 1001},
        "key over the limit": good | {"idempotency_key": "k" * 300},
        "id over the limit": good | {"user_id": "u" * 300},
    }
    yield from (_post(f"add: {name}", path, body) for name, body in cases.items())
    yield from (_post(f"add: {name}", path, body, 413) for name, body in too_large.items())
    for name in SCOPE:
        for kind, value in {**_CONTROL, **_NO_TEXT, "blank": " "}.items():
            yield _post(f"add: {name}, {kind}", path, {"messages": [_MESSAGE], name: value})


def _bodies() -> Iterator[Bad]:
    raws = {
        "nothing": b"",
        "invalid UTF-8": b'{"messages": "\xff\xfe", "user_id": "u"}',
        "overlong UTF-8": b'{"messages": "\xc0\xaf", "user_id": "u"}',
        "UTF-16": '{"messages": "x", "user_id": "u"}'.encode("utf-16"),
        "a lone surrogate": b'{"messages": "\\ud800", "user_id": "u"}',
        "cut off": b'{"messages": "x", "user_id": "u"',
        "two objects": b'{"messages": "x", "user_id": "u"}{}',
        "a list": b'[{"messages": "x", "user_id": "u"}]',
        "NaN": b'{"messages": "x", "user_id": "u", "timestamp": NaN}',
        "deep": b'{"messages": "x", "user_id": "u", "metadata": ' + b"[" * 10_000 + b"]" * 10_000 + b"}",
    }
    for path in ("/v1/memories/", "/v1/memories/bulk/", "/v1/purge/"):
        yield from (_post(f"{path} {name}", path, raw) for name, raw in raws.items())
    for path in ("/v1/memories/", "/v1/purge/", "/v1/verify/"):
        yield _post(f"{path} over the limit", path, b" " * (BODY_BYTES + 1), 413)


def _changes() -> Iterator[Bad]:
    path = "/v1/memories/{id}/"
    cases: dict[str, Any] = {
        "nothing to change": {},
        "only what isn't known": {"colour": "red"},
        "empty": {"text": ""},
        "blank": {"text": " \n"},
        "a number": {"text": 5},
        "null": {"text": None},
        "NUL": {"text": "a\0"},
        "metadata a list": {"metadata": [1]},
        "metadata too deep": {"metadata": _deep(9)},
        "timestamp without its offset": {"timestamp": "2026-05-01T09:30:00"},
        "timestamp null": {"text": "x", "timestamp": None},
        "expiration in words": {"expiration_date": "soon"},
    }
    yield from (_post(f"update: {name}", path, body, method="PUT") for name, body in cases.items())
    yield _post("update: over the limit", path, {"text": "x" * 100_001}, 413, "PUT")
    for tail in ("?user_id=u", "?version=1", "?deadline_s=1&deadline_s=2", "?deadline_s=soon"):
        yield Bad(f"delete: {tail}", "DELETE", f"{path}{tail}")
    yield _post("delete: with a body", path, {"user_id": "u"}, method="DELETE")


def _ids() -> Iterator[Bad]:
    wrong = [
        "1",
        "%00",
        "a%2Fb",
        "%2e%2e%2f",
        "..%2Fentities",
        "%FF",
        "%C3%A9",
        "x" * 2000,
        quote("' OR 1=1 --"),
        "{id}0",
    ]
    for one in [*wrong, quote("\u202e"), "%0d%0aX-A:%20b"]:
        for method, tail in (("GET", ""), ("PUT", ""), ("DELETE", ""), ("GET", "history/")):
            raw = b'{"text": "x"}' if method == "PUT" else b""
            yield Bad(f"{method} {tail or 'memory'} {one[:20]}", method, f"/v1/memories/{one}/{tail}", raw)
        yield Bad(f"retry {one[:20]}", "POST", f"/v1/operations/{one}/retry/")
        yield _post(f"purge {one[:20]}", "/v1/purge/", {"memory_id": one})
        yield Bad(f"rebuild {one[:20]}", "GET", f"/v1/rebuild/{one}/")
    for method, path in (
        ("GET", "memories/{}/"), ("PUT", "memories/{}/"), ("DELETE", "memories/{}/"), ("GET", "memories/{}/history/"),
        ("GET", "operations/{}/"), ("POST", "operations/{}/retry/"),
    ):  # fmt: skip
        raw = b'{"text": "x"}' if method == "PUT" else b""
        yield Bad(f"{method} {path} of nobody", method, f"/v1/{path.format(NOBODY)}", raw, status=404)
    yield _post("purge of nobody", "/v1/purge/", {"memory_id": NOBODY}, 404)


def _scopes() -> Iterator[Bad]:
    """Deletions and purges by scope that could mean less."""
    for query in (
        "", "user_id=", "user_id=%20", "user_id=%00", "user_id=%FF", "user_id=a%0Ab", "user_id=ana&user_id=ben",
        "user_id=ana&run_id=", "user_id=ana&metadata=x", "user_id=ana&userid=ben", "user_id=ana&page=1",
        "filters=%7B%22user_id%22%3A%22ana%22%7D", "user_id=ana&idempotency_key=k",
    ):  # fmt: skip
        yield Bad(f"delete all: {query or 'nothing'}", "DELETE", f"/v1/memories/?{query}")
    yield Bad("delete all: an empty id", "DELETE", "/v1/memories//?user_id=ana")
    yield _post("delete all: a body", "/v1/memories/?user_id=ana", {"run_id": "r"}, method="DELETE")
    yield Bad("delete all: over the limit", "DELETE", f"/v1/memories/?user_id={'a' * 300}", status=413)
    purges: dict[str, Any] = {
        "nothing": {},
        "null": {"user_id": None},
        "a null beside an id": {"user_id": "ana", "run_id": None},
        "a null memory": {"memory_id": None, "user_id": "ana"},
        "a memory and a scope": {"memory_id": NOBODY, "user_id": "ana"},
        "an unknown field": {"user_id": "ana", "filters": {"agent_id": "a"}},
        "a key in the body": {"user_id": "ana", "idempotency_key": "k"},
        "a memory of the wrong type": {"memory_id": 5},
        "a deadline in words": {"user_id": "ana", "deadline_s": "soon"},
    }
    yield from (_post(f"purge: {name}", "/v1/purge/", body) for name, body in purges.items())
    yield _post("purge: parameters", "/v1/purge/?run_id=r", {"user_id": "ana"})
    yield _post("purge: over the limit", "/v1/purge/", {"user_id": "a" * 300}, 413)
    for name in SCOPE:
        for kind, value in {**_CONTROL, **_NO_TEXT, "blank": " "}.items():
            yield _post(f"purge: {name}, {kind}", "/v1/purge/", {name: value})


def _keys() -> Iterator[Bad]:
    """Idempotency keys in the header."""
    for method, path, body in (
        ("POST", "/v1/memories/", {"messages": "x", "user_id": "u"}),
        ("POST", "/v1/memories/bulk/", {"items": [{"messages": "x", "user_id": "u"}]}),
        ("PUT", "/v1/memories/{id}/", {"text": "x"}),
        ("DELETE", "/v1/memories/{id}/", None),
        ("DELETE", "/v1/memories/?user_id=ana", None),
        ("POST", "/v1/purge/", {"user_id": "ana"}),
    ):
        raw = b"" if body is None else json.dumps(body).encode()
        for kind, key, status in (("blank", "", 400), ("a tab", "a\tb", 400), ("over the limit", "k" * 300, 413)):
            yield Bad(f"key: {method} {path} {kind}", method, path, raw, {"idempotency-key": key}, status)


def _questions() -> Iterator[Bad]:
    for query in (
        "state=DONE", "state=failed'--", "state=", "state=FAILED&state=PENDING", "page=0", "page=x", "page_size=100000",
        "user_id=", "user_id=%00", "user_id=a%0Ab", "deadline_s=0",
    ):  # fmt: skip
        yield Bad(f"operations: {query}", "GET", f"/v1/operations/?{query}")
    retries: dict[str, Any] = {"wait a text": {"wait": "no"}, "a list": [], "deadline below zero": {"deadline_s": -1}}
    yield from (_post(f"retry: {name}", f"/v1/operations/{NOBODY}/retry/", body) for name, body in retries.items())
    verifications: dict[str, Any] = {
        "cursor a number": {"cursor": 5},
        "cursor of nothing": {"cursor": "here"},
        "cursor of no shard": {"cursor": "99:"},
        "cursor injected": {"cursor": "0:' OR 1=1"},
        "NUL": {"cursor": "0:\0"},
        "limit zero": {"limit": 0},
        "limit too high": {"limit": 5001},
        "limit a text": {"limit": "5"},
        "repair a text": {"repair": "yes"},
    }
    yield from (_post(f"verify: {name}", "/v1/verify/", body) for name, body in verifications.items())
    rereadings: dict[str, Any] = {
        "nobody's": {},
        "of another's field": {"user_id": "ana", "user": "bob"},
        "a project": {"user_id": "ana", "project": "other"},
        "apply a text": {"user_id": "ana", "apply": "yes"},
        "cursor a number": {"user_id": "ana", "cursor": 5},
        "cursor of nothing": {"user_id": "ana", "cursor": "here"},
        "cursor injected": {"user_id": "ana", "cursor": "1 OR 1=1"},
        "limit too high": {"user_id": "ana", "limit": 101},
        "categories a text": {"user_id": "ana", "custom_categories": "home"},
    }
    yield from (_post(f"reinfer: {name}", "/v1/reinfer/", body) for name, body in rereadings.items())
    rebuilds: dict[str, Any] = {
        "no index": {},
        "null": {"index": None},
        "a list": {"index": ["vector"]},
        "another": {"index": "ledger"},
        "injected": {"index": "vector'; --"},
        "deadline zero": {"index": "vector", "deadline_s": 0},
    }
    yield from (_post(f"rebuild: {name}", "/v1/rebuild/", body) for name, body in rebuilds.items())
    searches: dict[str, Any] = {
        "unknown operator": {"filters": {"user_id": "ana", "created_at": {"near": "2026"}}},
        "expression as a field": {"filters": {"user_id": "ana", "text) or (id != ''": "x"}},
        "NUL in an id": {"filters": {"user_id": "ana\0"}},
        "newline in an id": {"user_id": "an\na"},
        "blank query": {"query": " ", "user_id": "ana"},
    }
    for name, body in searches.items():
        yield _post(f"search: {name}", "/v1/memories/search/", {"query": "tea", **body})


GROUPS: Mapping[str, tuple[Bad, ...]] = {
    "adds": (*_adds(),),
    "bodies": (*_bodies(),),
    "changes": (*_changes(),),
    "ids": (*_ids(),),
    "deletions and purges": (*_scopes(),),
    "keys": (*_keys(),),
    "questions": (*_questions(),),
}
BAD: tuple[Bad, ...] = tuple(bad for group in GROUPS.values() for bad in group)
