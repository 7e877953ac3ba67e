"""Completion of the command line for a shell that is named. For the shell one types in, typer's own flags do it."""

from __future__ import annotations

from collections.abc import Sequence

SHELLS = ("bash", "zsh", "fish")
_SHOW, _INSTALL = "--show-completion", "--install-completion"
_NAME, _VARIABLE = "remora", "_REMORA_COMPLETE"


def wanted(arguments: Sequence[str]) -> bool:
    """Whether the arguments are one of typer's completion flags with the name of a shell behind it."""
    return len(arguments) == 2 and arguments[0] in {_SHOW, _INSTALL} and arguments[1] in SHELLS  # noqa: PLR2004 - both


def script(shell: str) -> str:
    """What the shell has to read."""
    from typer.completion import get_completion_script  # type: ignore[attr-defined]

    return get_completion_script(prog_name=_NAME, complete_var=_VARIABLE, shell=shell)


def give(arguments: Sequence[str]) -> str:
    """Do what the arguments ask; what to tell."""
    flag, shell = arguments
    if flag == _SHOW:
        return script(shell)
    from typer.completion import install  # type: ignore[attr-defined]

    _, path = install(shell=shell, prog_name=_NAME, complete_var=_VARIABLE)
    return f"Completion is in {path}; it works in the next {shell} that you open."
