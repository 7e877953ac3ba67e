"""The real `remora` in a real process: started, used, stopped, started again."""

from __future__ import annotations

import json
import re
import signal
import socket
import urllib.request
from typing import Any

import pytest

from tests.acceptance.place import START_DEADLINE_S, STOP_DEADLINE_S, Place

pytestmark = [pytest.mark.slow, pytest.mark.timeout(400)]


def post(url: str, body: dict[str, Any]) -> dict[str, Any]:
    request = urllib.request.Request(url, json.dumps(body).encode(), {"content-type": "application/json"})
    with urllib.request.urlopen(request, timeout=60) as reply:
        answer: dict[str, Any] = json.load(reply)
    return answer


def is_listening(port: int) -> bool:
    with socket.socket() as client:
        return client.connect_ex(("127.0.0.1", port)) == 0


def test_serve_stores_finds_stops_cleanly_and_remembers(place: Place) -> None:
    server = place.start("serve")
    server.wait_for(re.escape(place.url))
    message = {"role": "user", "content": "I moved to Lisbon in May."}
    added = post(f"{place.url}/v1/memories/", {"messages": [message], "user_id": "ana"})
    assert added["results"][0]["memory"] == "I moved to Lisbon in May."
    found = post(f"{place.url}/v1/memories/search/", {"query": "Where does Ana live?", "filters": {"user_id": "ana"}})
    assert found["results"][0]["memory"] == "I moved to Lisbon in May."

    assert server.stop() == 0, "".join(server.said)
    assert place.leftovers() == {}
    assert not is_listening(place.port)

    again = place.start("serve")
    again.wait_for(re.escape(place.url))
    found = json.loads(place.run("search", "Where does Ana live?", "--user-id", "ana", "--json").stdout)
    assert [hit["id"] for hit in found["results"]] == [added["results"][0]["id"]]
    assert again.stop(signal.SIGTERM) == 0
    assert place.leftovers() == {}


def test_ctrl_c_while_it_starts_leaves_nothing(place: Place) -> None:
    server = place.start("serve")
    server.wait_for("loading")
    assert server.stop() == 130
    assert place.leftovers() == {}
    assert not is_listening(place.port)


def test_a_taken_port_is_told_before_anything_starts(place: Place) -> None:
    with socket.create_server(("127.0.0.1", place.port)):
        refused = place.run("serve")
    assert refused.returncode == 2
    assert str(place.port) in refused.stderr
    assert place.leftovers() == {}


def test_up_runs_in_the_background_until_down(place: Place) -> None:
    up = place.run("up", timeout_s=START_DEADLINE_S)
    assert up.returncode == 0, up.stderr
    assert place.run("add", "The cat is called Momo.", "--user-id", "ana").returncode == 0
    status = json.loads(place.run("status", "--json").stdout)
    assert status["ready"] is True
    assert status["shards"][0]["ledger"]["memories"] == 1
    down = place.run("down", timeout_s=STOP_DEADLINE_S)
    assert down.returncode == 0, down.stderr
    assert place.leftovers() == {}
    assert place.run("status").returncode == 4
