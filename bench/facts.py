"""Facts beside transcripts: how much evidence each brings back, as one command: `python bench/facts.py --help`."""

from __future__ import annotations

import argparse
import asyncio
import sys
import tempfile
import time
import uuid
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
from rich.console import Console

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))  # So that it runs as a file too, from wherever.

from actors import runtime as runtimes
from bench import locomo_data
from bench.judged_sets import Group, Unit
from bench.recorded_model import RecordedModel, serving
from bench.retrieval_metrics import Metrics, Score, mean, score
from bench.tables import Table, markdown
from engine.config import load

out = Console(width=None if sys.stdout.isatty() else 140)
err = Console(stderr=True)

_CALL_S = 300.0
_PATIENCE_S = 1800.0
_DEPTH = 50
_CALLERS = 8
_SHOWN = ("recall@5", "recall@10", "recall@20", "mrr")


@dataclass
class Stored:
    """What was stored for a group in one way. `covers`: per memory, the evidence that it stands for."""

    user: str
    covers: dict[str, tuple[str, ...]] = field(default_factory=dict)
    facts: int = 0


def main() -> None:
    """Measure and show it."""
    parser = argparse.ArgumentParser(
        description="Starts a runtime whose language model is a recording: LoCoMo's own observations, each with the "
        "turns that it cites, answered through an OpenAI-compatible server. Stores every dialogue three times: as "
        "transcript (infer=false), as the observations alone, and with infer=true; asks all questions of each, and "
        "reports how much of the evidence comes back. The data is CC BY-NC 4.0 and not part of this project."
    )
    parser.add_argument("data", type=Path, help="LoCoMo's locomo10.json, or a file with some of its dialogues")
    parser.add_argument("--group", action="append", help="only this dialogue (may be given several times)")
    wanted = parser.parse_args()
    turns, facts = locomo_data.read(wanted.data, "turn"), locomo_data.read(wanted.data, "observation")
    if wanted.group:
        turns, facts = turns.only(wanted.group), facts.only(wanted.group)
    asyncio.run(_measured(turns.groups, facts.groups, turns.apart))


async def _measured(turns: Sequence[Group], facts: Sequence[Group], apart: Collection[str]) -> None:
    model = RecordedModel(
        (unit for group in turns for unit in group.units), (unit for group in facts for unit in group.units)
    )
    with tempfile.TemporaryDirectory(prefix="remora-bench-", ignore_cleanup_errors=True) as name:
        async with serving(model) as url:
            llm = {"base_url": url, "model": "recorded"}
            settings = load(data_dir=Path(name), host="127.0.0.1", port=0, llm=llm)
            err.print("starting a runtime")
            running = await asyncio.to_thread(runtimes.start, settings)
            try:
                async with httpx.AsyncClient(base_url=str(running.url), timeout=_CALL_S) as http:
                    await _all_ways(http, model, turns, facts, apart)
            finally:
                await asyncio.to_thread(running.stop)


async def _all_ways(
    http: httpx.AsyncClient,
    model: RecordedModel,
    turns: Sequence[Group],
    facts: Sequence[Group],
    apart: Collection[str],
) -> None:
    scores: dict[str, list[Score]] = {}
    for said, made in zip(turns, facts, strict=True):
        err.print(f"{said.name}: {len(said.units)} turns, {len(made.units)} facts, {len(said.questions)} questions")
        verbatim = await _kept(http, said, infer=False)
        alone = await _kept(http, made, infer=False)
        both = await _kept(http, said, infer=True)
        err.print(f"{said.name}: {both.facts} facts stored; dated as their sessions: {await _dated(http, said, both)}")
        await _settled(http)
        ways: Mapping[str, tuple[Stored, dict[str, Any]]] = {
            "transcript": (verbatim, {}),
            "facts alone": (alone, {}),
            "facts, found by their messages too": (both, {}),
            "facts and messages": (both, {"include_messages": True}),
        }
        for way, (stored, more) in ways.items():
            scores.setdefault(way, []).extend(await _asked(http, said, stored, more))
        err.print(f"{said.name}: a fact that changes: {await _changed(http, model, said, both)}")
    rows = [
        (way, *(f"{100 * mean(_main(every, apart))[name]:.1f}" for name in _SHOWN)) for way, every in scores.items()
    ]
    out.print(markdown(Table("Evidence that comes back, %", ("stored as", *_SHOWN), tuple(rows))), markup=False)


def _main(scores: Sequence[Score], apart: Collection[str]) -> list[Score]:
    return [one for one in scores if one.category not in apart]


async def _kept(http: httpx.AsyncClient, group: Group, *, infer: bool) -> Stored:
    """Store it, a session an add, in order."""
    stored = Stored(f"bench-{uuid.uuid4().hex[:8]}")
    for number, session in enumerate(group.sessions(), 1):
        at = int(session[0].timestamp.timestamp()) if session[0].timestamp else None
        body = {
            "messages": [{"role": "user", "content": unit.text, "name": unit.name} for unit in session],
            "user_id": stored.user,
            "run_id": f"{stored.user}-{number}",
            "timestamp": at,
            "infer": infer,
        }
        answer = (await http.post("/v1/memories/", json=body)).raise_for_status().json()
        if answer["status"] != "SUCCEEDED":
            raise RuntimeError(f"an add came back {answer['status']}: {answer}")
        _note(stored, session, answer)
    return stored


def _note(stored: Stored, session: Sequence[Unit], answer: Mapping[str, Any]) -> None:
    said: dict[str, tuple[str, ...]] = {}
    for row in answer.get("messages", ()) or answer["results"]:
        said[row["id"]] = session[row["message_index"]].evidence
    stored.covers |= said
    for row in answer["results"]:
        if row.get("sources"):
            stored.facts += 1
            stored.covers[row["id"]] = tuple(
                dict.fromkeys(turn for one in row["sources"] for turn in said.get(one, ()))
            )


async def _dated(http: httpx.AsyncClient, group: Group, stored: Stored) -> int:
    """How many facts have the day on which they were told."""
    days = {
        f"{stored.user}-{number}": f"{session[0].timestamp:%Y-%m-%d}"
        for number, session in enumerate(group.sessions(), 1)
    }
    params = {"user_id": stored.user, "page_size": "1000"}
    listed = (await http.get("/v1/memories/", params=params)).raise_for_status().json()["results"]
    return sum(row["created_at"][:10] == days[row["run_id"]] for row in listed if row.get("sources"))


async def _changed(http: httpx.AsyncClient, model: RecordedModel, group: Group, stored: Stored) -> str:
    """What becomes of a fact when a later message says otherwise.

    Raises:
        RuntimeError: it isn't superseded, or what was known before can't be seen any more.
    """
    mine = {"user_id": stored.user, "page_size": "1000"}
    listed = (await http.get("/v1/memories/", params=mine)).raise_for_status().json()["results"]
    old = next(row for row in reversed(listed) if row.get("sources"))
    now, said = f"{old['memory']} That was so until lately.", "That isn't so any more."
    model.hears(said, now, old["memory"])
    last_s = max(unit.timestamp.timestamp() for unit in group.units if unit.timestamp is not None)
    later = {"timestamp": int(last_s) + 86_400, "user_id": stored.user, "run_id": old["run_id"]}
    before = {"as_of_position": str(await _position(http)), **mine}
    answer = (await http.post("/v1/memories/", json={"messages": said, **later})).raise_for_status().json()
    texts = {row["memory"] for row in (await http.get("/v1/memories/", params=mine)).json()["results"]}
    then = {
        row["memory"] for row in (await http.get("/v1/memories/", params=before)).raise_for_status().json()["results"]
    }
    history = [one["event"] for one in (await http.get(f"/v1/memories/{old['id']}/history/")).json()]
    if old["memory"] in texts or now not in texts or old["memory"] not in then or answer["status"] != "SUCCEEDED":
        raise RuntimeError(f"a changed fact is not superseded: {answer}, {history}")
    return f"listed as it is now, as of before as it was; history {' '.join(history)}"


async def _position(http: httpx.AsyncClient) -> int:
    position: int = (await http.get("/v1/status/")).raise_for_status().json()["shards"][0]["ledger"]["position"]
    return position


async def _asked(http: httpx.AsyncClient, group: Group, stored: Stored, more: Mapping[str, Any]) -> list[Score]:
    places = asyncio.Semaphore(_CALLERS)

    async def ask(question: Any) -> Score:
        body = {"query": question.text, "filters": {"user_id": stored.user}, "top_k": _DEPTH, "threshold": 0.0, **more}
        async with places:
            answer = (await http.post("/v1/memories/search/", json=body)).raise_for_status().json()
        if answer["degraded"]:
            raise RuntimeError(f"a search came back degraded: {answer['degraded']}")
        ranking = [_covered(stored, hit) for hit in answer["results"]]
        metrics: Metrics = score(ranking, question.evidence)
        return Score(group.name, question.id, question.category, metrics)

    return list(await asyncio.gather(*map(ask, group.questions)))


def _covered(stored: Stored, hit: Mapping[str, Any]) -> tuple[str, ...]:
    if hit["id"] in stored.covers:
        return stored.covers[hit["id"]]
    return tuple(turn for one in hit.get("sources") or () for turn in stored.covers.get(one, ()))


async def _settled(http: httpx.AsyncClient) -> None:
    """Until no derived signal is missing."""
    until_s = time.monotonic() + _PATIENCE_S
    while time.monotonic() < until_s:
        shards = (await http.get("/v1/status/")).json()["shards"]
        if not any((shard.get("signals") or {}).get("pending") for shard in shards):
            return
        await asyncio.sleep(0.2)
    raise TimeoutError("signals are still missing")


if __name__ == "__main__":
    main()
