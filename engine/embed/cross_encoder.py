"""A loaded cross-encoder: a question and texts in, how well each answers out, blocking. No threads, no queue.

A model that reads question and text together: Nogueira and Cho, "Passage Re-ranking with BERT", 2019.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from transformers import AutoModelForSequenceClassification, AutoTokenizer
from transformers.utils import logging as transformers_logging

from engine.config import RerankSettings
from engine.embed import model_files
from engine.embed.device import choose_device, choose_dtype
from engine.embed.threads import thread_count
from engine.errors import InvalidInput, Unavailable

_LABELS = (1, 2)
_MOST_TOKENS = 512
_SETTING = {"setting": "rerank.model"}


class CrossEncoder:
    """Tokenizer and model, on one device. Use from one thread.

    Raises:
        InvalidInput: the settings name no model that can be used; the message says what is wrong.
        Unavailable: the files or the device can't be had.
    """

    def __init__(self, settings: RerankSettings) -> None:
        # Of this thread: torch would follow `OMP_NUM_THREADS`, which Ray sets to 1 in its workers.
        torch.set_num_threads(thread_count(None))
        self._batch = settings.batch_texts
        directory = _located(settings.model or "")
        self._device = choose_device(settings.device, "rerank.device")
        self._tokenizer, self._model = _loaded(directory, choose_dtype("auto", self._device))
        self._model.to(self._device)
        if self._model.config.num_labels not in _LABELS:
            labels = self._model.config.num_labels
            raise InvalidInput(f"rerank.model is no reranker: it tells {labels} kinds of texts apart", _SETTING)
        positions = int(getattr(self._model.config, "max_position_embeddings", _MOST_TOKENS))
        self._most_tokens = min(_MOST_TOKENS, positions, int(self._tokenizer.model_max_length))

    @torch.inference_mode()
    def score(self, query: str, texts: Sequence[str]) -> list[float]:
        """Of each text in [0, 1], the logistic function of what the model says; same order."""
        scores: list[float] = []
        for start in range(0, len(texts), self._batch):
            some = list(texts[start : start + self._batch])
            pairs = self._tokenizer(
                [query] * len(some),
                some,
                padding=True,
                truncation=True,
                max_length=self._most_tokens,
                return_tensors="pt",
            ).to(self._device)
            logits = self._model(**pairs).logits.float()
            # Two labels: how much likelier "it answers" is than "it doesn't".
            told = logits[:, 0] if logits.shape[1] == 1 else logits[:, 1] - logits[:, 0]
            scores += torch.sigmoid(told).tolist()
        return scores


def _located(name: str) -> Path:
    try:
        return model_files.locate(name)
    except (InvalidInput, Unavailable) as error:
        raise type(error)(
            f"rerank.model = {name!r} can't be had ({error.message}). Name a directory or a Hugging Face name of a "
            "cross-encoder, or leave rerank.model out",
            _SETTING,
        ) from error


def _loaded(directory: Path, dtype: torch.dtype) -> tuple[Any, Any]:
    transformers_logging.disable_progress_bar()  # type: ignore[no-untyped-call]
    try:
        tokenizer = AutoTokenizer.from_pretrained(directory, use_fast=True)
        model = AutoModelForSequenceClassification.from_pretrained(directory, dtype=dtype, trust_remote_code=False)
    except (OSError, ValueError, SafetensorError) as error:
        raise InvalidInput(f"no usable cross-encoder in {directory}: {error}", _SETTING) from error
    return tokenizer, model.eval()
