"""Memories over plain HTTP: this file needs nothing but Python. Start Remora with `remora serve` or `remora up` first.

Whatever language you use: a POST to add, a POST to search. The whole reference is at http://127.0.0.1:8000/docs.
"""

import json
import os
import urllib.error
import urllib.request
from typing import Any

URL = os.environ.get("REMORA_URL", "http://127.0.0.1:8000")
USER = "plain-http"


def call(method: str, path: str, body: dict[str, Any] | None = None) -> Any:
    """One request; the answer is always JSON."""
    request = urllib.request.Request(URL + path, method=method)
    request.add_header("Content-Type", "application/json")
    if key := os.environ.get("REMORA_API_KEY"):  # Only where the server asks for one.
        request.add_header("Authorization", f"Token {key}")
    with urllib.request.urlopen(request, json.dumps(body).encode() if body is not None else None, timeout=60) as reply:
        return json.load(reply)


def main() -> None:
    """Add, search, list, update, read the history, delete, and meet an error."""
    # A message is what somebody said. It is kept as it is, and found by what it means.
    messages = [
        {"role": "user", "content": "I play the cello in a quartet."},
        {"role": "user", "content": "My train to Porto leaves at seven."},
    ]
    added = call("POST", "/v1/memories/", {"messages": messages, "user_id": USER})
    for row in added["results"]:
        print(f"{row['event']:6} {row['memory']}")

    # The scope ids (user_id, agent_id, app_id, run_id) say whose memories are searched: nobody sees another's.
    question = "When does the train leave?"
    found = call("POST", "/v1/memories/search/", {"query": question, "user_id": USER, "top_k": 1})
    best = found["results"][0]
    print(f"{question} -> {best['memory']}")

    # An update makes a new version; the history keeps the old one.
    call("PUT", f"/v1/memories/{best['id']}/", {"text": "My train to Porto leaves at eight."})
    for event in call("GET", f"/v1/memories/{best['id']}/history/"):
        print(f"history: {event['event']:6} {event['new_memory']}")

    print(f"memories: {call('GET', f'/v1/memories/?user_id={USER}')['count']}")

    # An error has a status, a code for programs and a text for people.
    try:
        call("POST", "/v1/memories/search/", {"query": "a question without a scope"})
    except urllib.error.HTTPError as error:
        with error:
            answer = json.load(error)
        print(f"refused as expected: {error.code} {answer['code']}: {answer['detail']}")

    print(f"deleted: {call('DELETE', f'/v1/memories/?user_id={USER}')['count']}")


if __name__ == "__main__":
    main()
