"""The graph: names, what surrounds one, and the way from one to another."""

from __future__ import annotations

from remora import output
from remora.output import Column, Json
from remora.views import units
from remora.views.memories import page, relations
from remora.views.texts import day, said

_MENTIONED_WITH = "mentioned_with"


def entities(answer: Json) -> None:
    """A page of names with the number of memories that mention them."""
    _names(answer.get("results", []), "Nothing is mentioned yet.")
    page(answer)


def neighbours(answer: Json) -> None:
    """A name, its relations, what is mentioned with it, and the memories that say so."""
    entity = answer["entity"]
    output.line(f"{entity['name']} ({entity['type']}), in {units.of(entity['memories'], 'memory', 'memories')}", "bold")
    # What is merely mentioned with it is in the table that follows.
    told = [one for one in answer.get("relations", []) if one["relationship"] != _MENTIONED_WITH]
    relations({"relations": told})
    output.line("mentioned together with", "dim")
    _names(answer.get("entities", []), "nothing else")
    output.line("memories", "dim")
    for one in answer.get("memories", []):
        output.line(f"{day(one.get('created_at'))}  {said(one)}")
    output.degraded(answer)


def path(answer: Json, source: str, target: str) -> None:
    """The steps of a way, each with the memory that says so."""
    if not answer.get("found"):
        output.line(f"No way leads from {source} to {target}.")
        return
    output.line(" – ".join(answer.get("entities", [])), "bold")
    for step in answer.get("steps", []):
        memory = step.get("memory")
        output.line(f"{step['source']} -- {step['relationship']} -> {step['target']}", "cyan")
        if memory:
            output.line(f"    {day(memory.get('created_at'))}  {said(memory)}")


def communities(answer: Json) -> None:
    """Groups of names, each with what is stated inside."""
    found = answer.get("communities", [])
    if not found:
        output.line("Nothing is mentioned together yet.")
    for number, one in enumerate(found, 1):
        output.line(f"{number}. {units.of(one['size'], 'name', 'names')}", "bold")
        output.line(", ".join(entity["name"] for entity in one["entities"]))
        relations(one)


def aliases(answer: Json) -> None:
    """What a name means now, and all that mean another."""
    means = f"means {answer['into']}" if answer.get("into") else "means what it says"
    output.line(f"{answer['name']} {means}" + ("" if answer.get("changed") else " already"), "bold")
    rows = [[one["name"], one["into"]] for one in answer.get("aliases", [])]
    output.table([Column("name"), Column("means")], rows, "no other name means another")


def _names(names: list[Json], nothing: str) -> None:
    columns = [Column("memories", right=True), Column("type"), Column("name")]
    output.table(columns, [[str(one["memories"]), one["type"], one["name"]] for one in names], nothing)
