"""A model's own fast tokenizer and what is asked of it: ids, character offsets, counts. Imports no torch."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from tokenizers import Encoding, Tokenizer, normalizers

from engine.embed.hashing import WORD
from engine.embed.model_files import locate, read_profile, transformer_directory
from engine.errors import InvalidInput


class TokenCounter:
    """How many tokens texts have for a model, without those that it sets around every text (`around`)."""

    def __init__(self, tokenizer: Tokenizer | None) -> None:
        self._tokenizer = tokenizer
        self.around = 0 if tokenizer is None else tokenizer.num_special_tokens_to_add(False)

    def __call__(self, texts: Sequence[str]) -> list[int]:
        if self._tokenizer is None:
            return [len(WORD.findall(text)) for text in texts]
        return [len(found) for found in self._tokenizer.encode_batch_fast(list(texts), add_special_tokens=False)]


def counter(model: str) -> TokenCounter:
    """The counter for a model of the settings. Raises what `engine.embed.model_files.locate` does."""
    if model == "hashing":
        return TokenCounter(None)
    directory = locate(model)
    return TokenCounter(load(directory, lowercase=read_profile(directory).lowercase))


def load(directory: Path, *, lowercase: bool = False, max_tokens: int | None = None) -> Tokenizer:
    """The tokenizer of a model directory: no padding, cut at `max_tokens` if given.

    Raises:
        InvalidInput: the directory has no tokenizer that can be read.
    """
    inner = transformer_directory(directory)
    tokenizer = _read(inner)
    tokenizer.no_padding()
    tokenizer.no_truncation()
    if max_tokens is not None:
        tokenizer.enable_truncation(max_tokens)
    if lowercase:
        # As a step of the tokenizer's own, so that offsets still count the original's characters.
        steps = [normalizers.Lowercase(), *([tokenizer.normalizer] if tokenizer.normalizer else [])]
        tokenizer.normalizer = normalizers.Sequence(steps)
    return tokenizer


def encode(tokenizer: Tokenizer, texts: Sequence[str], *, offsets: bool) -> list[Encoding]:
    """Encode with the special tokens; without `offsets` faster, and the offsets found are not to be used."""
    if offsets:
        return tokenizer.encode_batch(list(texts))
    return tokenizer.encode_batch_fast(list(texts))


def _read(directory: Path) -> Tokenizer:
    path = directory / "tokenizer.json"
    if path.is_file():
        return Tokenizer.from_file(str(path))
    from transformers import AutoTokenizer

    try:
        found = AutoTokenizer.from_pretrained(directory, use_fast=True)
    except (OSError, ValueError) as error:
        raise InvalidInput(f"no usable tokenizer in {directory}: {error}", {"setting": "embed.model"}) from error
    fast = getattr(found, "backend_tokenizer", None)
    if not isinstance(fast, Tokenizer):
        raise InvalidInput(f"the model in {directory} has no fast tokenizer", {"setting": "embed.model"})
    return fast
