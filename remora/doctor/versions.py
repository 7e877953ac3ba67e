"""Whether Python and the packages are those that Remora was made for."""

from __future__ import annotations

import importlib.metadata
import platform
from collections.abc import Iterator

from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet

from remora import __version__
from remora.doctor.finding import Finding, failure, ok, warning


def python() -> Iterator[Finding]:
    """The interpreter."""
    version = platform.python_version()
    try:
        needed = importlib.metadata.metadata("remora")["Requires-Python"]
    except importlib.metadata.PackageNotFoundError:
        needed = ""
    if SpecifierSet(needed).contains(version, prereleases=True):
        yield ok("python", f"Python {version}")
    else:
        yield failure("python", f"Python {version}, needed is {needed}", "Install Remora with a newer Python.")


def packages() -> Iterator[Finding]:
    """Each package that Remora declares."""
    try:
        declared = importlib.metadata.requires("remora") or []
        installed = importlib.metadata.version("remora")
    except importlib.metadata.PackageNotFoundError:
        yield warning("packages", "Remora is not installed, it runs from its sources", "pip install -e .")
        return
    if installed != __version__:
        yield warning(
            "packages", f"Remora {__version__} runs, {installed} is installed", "Install it again: pip install -e ."
        )
    needed = [one for one in map(Requirement, declared) if one.marker is None or one.marker.evaluate({"extra": ""})]
    problems = [problem for one in needed if (problem := _problem(one)) is not None]
    yield from problems
    if not problems:
        yield ok("packages", f"Remora {__version__} and the {len(needed)} packages that it needs")


def _problem(needed: Requirement) -> Finding | None:
    advice = f"pip install '{needed.name}{needed.specifier}'"
    try:
        found = importlib.metadata.version(needed.name)
    except importlib.metadata.PackageNotFoundError:
        return failure("packages", f"{needed.name} is missing", advice)
    if needed.specifier.contains(found, prereleases=True):
        return None
    return failure("packages", f"{needed.name} is {found}, needed is {needed.specifier}", advice)
