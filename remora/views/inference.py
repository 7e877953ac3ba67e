"""What is wanted of facts, and what an add would store."""

from __future__ import annotations

from remora import output
from remora.output import Json
from remora.views import memories, units

_UNSET = "-"


def wanted(answer: Json) -> None:
    """What a project wants."""
    server = answer["server"]["policy"]
    topics = {name: ", ".join(answer[name]) or _UNSET for name in ("includes", "excludes")}
    categories = "; ".join(f"{name}: {what}" for one in answer["custom_categories"] for name, what in one.items())
    output.fields(
        {
            "policy": answer["policy"] if answer["policy"] == server else f"{answer['policy']} (server: {server})",
            "instructions": answer["custom_instructions"] or _UNSET,
            **topics,
            "categories": categories or _UNSET,
        }
    )


def previewed(answer: Json) -> None:
    """What an add would store, a line each, and below it what would hold no more."""
    for one in answer["results"]:
        output.line(f"{one['event']:<6} {one['memory']}")
        for ended in one.get("ends", ()):
            output.line(f"       ends {ended['id']}  {ended['memory']}", "yellow")
    if not answer["results"]:
        output.note("Nothing would be stored but the messages.")
    memories.relations(answer)
    if unread := answer.get("unread"):
        output.note(f"{units.of(len(unread), 'message')} can't be read by the model", "yellow")
    output.note("Nothing was stored.")
