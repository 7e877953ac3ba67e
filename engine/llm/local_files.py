"""Where a local language model lies: a directory, a GGUF file, or a name on Hugging Face. Loads no weights."""

from __future__ import annotations

from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Final

from engine.config import LlmSettings
from engine.embed import model_files
from engine.errors import InvalidInput, Unavailable

_GGUF: Final = ".gguf"
_FOR_GGUF: Final = ("accelerate", "gguf")
_SETTING: Final = {"setting": "llm.local"}
_WANTED: Final = "llm.local is a directory with config.json and weights, a .gguf file, or a Hugging Face name"
_ADVICE: Final = "name a server instead (llm.base_url and llm.model)"


@dataclass(frozen=True, slots=True)
class Files:
    """`gguf`: the file in the directory that holds everything; None: the directory does, as transformers saves it."""

    directory: Path
    gguf: str | None = None

    @property
    def name(self) -> str:
        """How the model is called in figures and errors."""
        return self.gguf or self.directory.name


def check(settings: LlmSettings) -> None:
    """What can be said of `llm.local` without fetching anything.

    Raises:
        InvalidInput: it isn't the only model that is set, or there is no model where it leads.
        Unavailable: a package is missing that such a file needs.
    """
    for name in ("base_url", "model"):
        if getattr(settings, name) is not None:
            raise InvalidInput(
                f"llm.local and llm.{name} are both set: llm.local runs a model in this runtime, llm.base_url and "
                "llm.model name one behind a server. Unset one of them",
                _SETTING,
            )
    if is_path(settings.local or ""):
        _at(Path(settings.local or ""))


def is_path(name: str) -> bool:
    """Whether it can't be a Hugging Face name."""
    path = Path(name).expanduser()
    return path.exists() or path.is_absolute() or name.startswith((".", "~")) or name.lower().endswith(_GGUF)


def located(settings: LlmSettings) -> Files:
    """The files of `llm.local`; fetches them where that is a Hugging Face name. Raises as `check`.

    Raises:
        InvalidInput: there is no such model.
        Unavailable: it can't be fetched.
    """
    check(settings)
    name = settings.local or ""
    if is_path(name):
        return _at(Path(name))
    directory = model_files.fetched(name, kind="language model", setting="llm.local", advice=_ADVICE)
    if not (directory / "config.json").is_file():
        raise InvalidInput(
            f"llm.local = {name!r} has no files that can be loaded by name. Of GGUF files fetch one "
            f"(hf download {name} NAME.gguf) and set llm.local to it",
            _SETTING,
        )
    return Files(directory)


def _at(given: Path) -> Files:
    path = given.expanduser().absolute()
    if path.is_dir():
        return Files(path) if (path / "config.json").is_file() else _only_gguf(path)
    if not path.is_file():
        raise InvalidInput(f"there is nothing at {path}: {_WANTED}", _SETTING)
    if path.suffix.lower() != _GGUF:
        raise InvalidInput(f"{path} is no GGUF file: {_WANTED}", _SETTING)
    return _gguf(path)


def _only_gguf(directory: Path) -> Files:
    found = sorted(path for path in directory.iterdir() if path.suffix.lower() == _GGUF)
    if not found:
        raise InvalidInput(f"{directory} has neither config.json nor a .gguf file: {_WANTED}", _SETTING)
    if len(found) > 1:
        names = ", ".join(path.name for path in found)
        raise InvalidInput(f"{directory} has several models: set llm.local to one of {names} there", _SETTING)
    return _gguf(found[0])


def _gguf(path: Path) -> Files:
    missing = [name for name in _FOR_GGUF if find_spec(name) is None]
    if missing:
        raise Unavailable(f"a GGUF file needs {' and '.join(missing)}: pip install 'remora[local]'", _SETTING)
    return Files(path.parent, path.name)
