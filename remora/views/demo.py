"""The demo on a screen: what was asked, what was found, and what each hit's score is made of."""

from __future__ import annotations

from remora import output
from remora.output import Json
from remora.views import graph
from remora.views.bars import bar
from remora.views.memories import day, parts, said, score

_WIDTH = 16
_LEGS = {"dense": ("meaning", "blue"), "keywords": ("words", "magenta"), "graph": ("names", "cyan")}


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
    hits = told["results"]
    best = max((float(hit["score"]) for hit in hits), default=0.0) or 1.0
    for hit in hits:
        output.line(f"  {score(hit)}  {day(hit.get('created_at'))}  {said(hit)}")
        output.pieces([("         ", ""), *_bars(hit, best)])
    if not hits:
        output.line("  nothing found")
    output.degraded(told)


def _bars(hit: Json, best: float) -> list[tuple[str, str]]:
    """A bar for each part, all in one measure: together they are the score."""
    drawn = []
    for name, part in parts(hit).items():
        word, style = _LEGS[name]
        drawn.append((f"{word} ", "dim"))
        drawn.append((bar(part / best, width=_WIDTH, ascii_only=not output.draws_blocks()), style))
        drawn.append((f" {part:.2f}   ", "dim"))
    return drawn
