"""Whether an embedding model's files are here and can be used. Loads no weights, fetches nothing."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from engine.config import EmbedSettings
from engine.embed.model_files import identity, is_packaged, locate, read_profile, transformer_directory
from engine.errors import InvalidInput, Unavailable

_WEIGHTS = ("*.safetensors", "pytorch_model*.bin")


@dataclass(frozen=True, slots=True)
class ModelReport:
    """A model that is here. `identity`: what its vectors are marked with. `weights_bytes`: what it takes on disk."""

    identity: str
    directory: Path
    max_tokens: int
    weights_bytes: int


def inspect(settings: EmbedSettings) -> ModelReport:
    """What is on this machine of the model that the settings name.

    Raises:
        InvalidInput: its files are damaged, or ask for something that isn't supported.
        Unavailable: it isn't here, or not all of it; the message says how to get it.
    """
    name = settings.model
    directory = locate(name) if _is_local(name) else _cached(name)
    inner = transformer_directory(directory)
    weights = [path for pattern in _WEIGHTS for path in inner.glob(pattern)]
    if not weights or not (inner / "config.json").is_file():
        raise Unavailable(f"the model in {directory} has no weights or no config.json", {"directory": str(directory)})
    max_tokens = read_profile(directory).max_tokens
    return ModelReport(
        identity(settings, directory), directory, max_tokens, sum(path.stat().st_size for path in weights)
    )


def _is_local(name: str) -> bool:
    return is_packaged(name) or Path(name).expanduser().is_dir() or name.startswith((".", "~", "/"))


def _cached(name: str) -> Path:
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import HFValidationError, LocalEntryNotFoundError

    try:
        return Path(snapshot_download(name, local_files_only=True))
    except HFValidationError as error:
        raise InvalidInput(f"no embedding model can be called {name}", {"setting": "embed.model"}) from error
    except LocalEntryNotFoundError as error:
        advice = f"{name} isn't on this machine yet: the first start fetches it, or `hf download {name}` does"
        raise Unavailable(advice, {"setting": "embed.model"}) from error
