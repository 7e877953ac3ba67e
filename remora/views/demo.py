"""The demo on a screen: what was asked, what was found, and what each hit's score is made of."""

from __future__ import annotations

from remora import output
from remora.output import Json
from remora.views import graph, hits


def opening(about: str, url: str) -> None:
    """What it is about."""
    output.line(about, "bold")
    output.line(f"Remora at {url}", "dim")


def chapter(told: Json) -> None:
    """One chapter, as it comes."""
    output.line()
    match told["chapter"]:
        case "added":
            output.line(
                f"{told['memories']} messages are in memory, durable and searchable, after {told['ms']:.0f} ms."
            )
        case "signals":
            output.line(f"{told['ms']:.0f} ms later their derived signals are there (docs/retrieval.md).", "dim")
        case "asked":
            _asked(told)
        case "neighbours":
            _title(f"What surrounds {told['name']}?", "remora graph neighbours", told["ms"])
            graph.neighbours(told["answer"])
        case _:
            _title(f"How does {told['source']} lead to {told['target']}?", "remora graph path", told["ms"])
            graph.path(told["answer"], told["source"], told["target"])


def ending(user_id: str, took_s: float, *, own: bool, kept: bool) -> None:
    """What is left of it, and what to try next."""
    output.line()
    if kept:
        output.line(f"That took {took_s:.1f} s. It is kept; look at it, and remove it with:")
        for words in ("list", "graph entities", "delete --all"):
            output.line(f"  remora {words} --user-id {user_id}")
        return
    output.line(f"That took {took_s:.1f} s, and nothing of it is left. Now your own:", "bold")
    if own:
        output.line("  remora up                                             start it, in the background")
    output.line('  remora add "I moved to Lisbon in May." --user-id ana')
    output.line('  remora search "Where does Ana live?" --user-id ana --explain')
    output.line("  remora add --file chat.jsonl --user-id ana            many at once")
    output.line("  remora doctor                                         if anything seems wrong")


def _title(question: str, how: str, ms: float) -> None:
    output.line(question, "bold green")
    output.line(f"  {how}, {ms:.0f} ms", "dim")


def _asked(told: Json) -> None:
    _title(told["question"], told["shows"], told["ms"])
    hits.drawn(told["results"])
    if not told["results"]:
        output.line("  nothing found")
    output.degraded(told)
