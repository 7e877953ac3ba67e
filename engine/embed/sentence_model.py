"""A loaded sentence-transformer style model: texts in, vectors out, blocking. No threads, no queue."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from safetensors import SafetensorError
from tokenizers import Encoding
from torch import Tensor, nn
from transformers import AutoModel
from transformers.utils import logging as transformers_logging

from engine.config import EmbedSettings
from engine.embed import model_files, tokenizer
from engine.embed.batches import plan
from engine.embed.dense import load_dense
from engine.embed.device import choose_device, choose_dtype
from engine.embed.pooling import pool, span_modes
from engine.embed.windows import Window, tokens_in
from engine.errors import InvalidInput
from engine.ports import EmbedderInfo, Encoded, Output
from engine.ranking import calibration
from engine.types import FloatArray


@dataclass(frozen=True, slots=True)
class Job:
    """One window and what is wanted of it."""

    window: Window
    outputs: frozenset[Output]

    @property
    def whole(self) -> bool:
        """Whether all that is wanted is the vector of the whole text."""
        return self.outputs == {Output.POOLED} and self.window.spans == ((0, len(self.window.text)),)


@dataclass(slots=True)
class ModelCounts:
    """Counted since the model was loaded: forward passes, texts, tokens without padding."""

    calls: int = 0
    texts: int = 0
    tokens: int = 0


class SentenceModel:
    """Tokenizer, transformer, pooling and dense layers, on one device. Use from one thread.

    Raises:
        InvalidInput: the model's files are damaged or need what isn't supported.
        Unavailable: the files or the device can't be had.
    """

    def __init__(self, settings: EmbedSettings) -> None:
        self._settings = settings
        directory = model_files.locate(settings.model)
        self._device = choose_device(settings.device)
        dtype = choose_dtype(settings.dtype, self._device)
        self._profile = model_files.read_profile(directory)
        self._tokenizer = tokenizer.load(
            directory, lowercase=self._profile.lowercase, max_tokens=self._profile.max_tokens
        )
        self._transformer = _load_transformer(model_files.transformer_directory(directory), dtype).to(self._device)
        self._dense = nn.Sequential(*[load_dense(path) for path in self._profile.dense]).to(self._device).eval()
        self._padding = int(getattr(self._transformer.config, "pad_token_id", None) or 0)
        self.counts = ModelCounts()
        query_prefix = _chosen(settings.query_prefix, self._profile.query_prefix)
        text_prefix = _chosen(settings.text_prefix, self._profile.text_prefix)
        probe = self.encode([Job(Window("dimensions", ((0, 10),)), frozenset({Output.POOLED}))])
        self.info = EmbedderInfo(
            model=model_files.identity(settings, directory),
            dimensions=probe[0].pooled.shape[1],
            max_tokens=self._profile.max_tokens - self._prefix_tokens(query_prefix, text_prefix),
            device=self._device.type,
            dtype=str(dtype).removeprefix("torch."),
            query_prefix=query_prefix,
            text_prefix=text_prefix,
        )
        self.info = self._with_floors(self.info)
        self.counts = ModelCounts()

    @torch.inference_mode()
    def encode(self, jobs: Sequence[Job]) -> list[Encoded]:
        """Encode every job's window once, in as few and as even forward passes as the settings allow; same order."""
        whole = all(job.whole for job in jobs)
        encodings = tokenizer.encode(self._tokenizer, [job.window.text for job in jobs], offsets=not whole)
        lengths = [max(1, len(encoding)) for encoding in encodings]
        answers: dict[int, Encoded] = {}
        for batch in plan(lengths, self._settings.batch_tokens, self._settings.batch_texts):
            states, mask = self._forward([encodings[i] for i in batch])
            pooled = self._vectors(states, mask, self._profile.pooling)
            for row, i in enumerate(batch):
                answers[i] = self._answer(jobs[i], encodings[i], states[row], pooled[row])
        self.counts.texts += len(jobs)
        self.counts.tokens += sum(lengths)
        return [answers[i] for i in range(len(jobs))]

    def _with_floors(self, info: EmbedderInfo) -> EmbedderInfo:
        """What this model says of texts that have nothing to do with each other: a single small forward pass."""
        asked = self._probed(calibration.QUESTIONS, info.query_prefix)
        told = self._probed(calibration.STATEMENTS, info.text_prefix)
        found = calibration.floors(
            np.concatenate([one.pooled for one in asked]),
            np.concatenate([one.pooled for one in told]),
            [one.tokens[0] for one in asked],
            [one.tokens[0] for one in told],
        )
        return replace(info, floor=found.cosine, token_floor=found.token)

    def _probed(self, texts: Sequence[str], prefix: str) -> list[Encoded]:
        outputs = frozenset({Output.POOLED, Output.TOKENS})
        return self.encode([Job(Window(prefix + text, ((0, len(prefix) + len(text)),)), outputs) for text in texts])

    def _prefix_tokens(self, *prefixes: str) -> int:
        """What a prefix takes of the room for a text, at most."""
        return max(len(self._tokenizer.encode(prefix, add_special_tokens=False)) for prefix in prefixes)

    def _forward(self, encodings: Sequence[Encoding]) -> tuple[Tensor, Tensor]:
        longest = max(1, *[len(encoding) for encoding in encodings])
        ids = np.full((len(encodings), longest), self._padding, np.int64)
        mask = np.zeros((len(encodings), longest), np.bool_)
        for row, encoding in enumerate(encodings):
            ids[row, : len(encoding)] = encoding.ids
            # A text without any token still gets one: the padding, so that there is something to pool.
            mask[row, : max(1, len(encoding))] = True
        token_mask = torch.from_numpy(mask).to(self._device)
        output = self._transformer(
            input_ids=torch.from_numpy(ids).to(self._device), attention_mask=token_mask.to(torch.int64)
        )
        self.counts.calls += 1
        return output.last_hidden_state.float(), token_mask

    def _vectors(self, states: Tensor, mask: Tensor, modes: Sequence[str]) -> FloatArray:
        pooled = self._dense(pool(states, mask, modes))
        unit: FloatArray = nn.functional.normalize(pooled, dim=-1).cpu().numpy()
        return unit

    def _answer(self, job: Job, encoding: Encoding, states: Tensor, pooled: FloatArray) -> Encoded:
        if job.whole:
            return Encoded(pooled[np.newaxis])
        window = job.window
        inside = [tokens_in(encoding.offsets, span) for span in window.spans]
        vectors = np.empty((0, len(pooled)), np.float32)
        if Output.POOLED in job.outputs:
            vectors = self._span_vectors(states, pooled, _parts_only(window, inside))
        tokens = self._token_states(states, inside) if Output.TOKENS in job.outputs else ()
        return Encoded(vectors, tokens)

    def _span_vectors(self, states: Tensor, pooled: FloatArray, inside: Sequence[Sequence[int]]) -> FloatArray:
        """One row a span; a span without tokens takes the vector of the whole window."""
        rows = np.repeat(pooled[np.newaxis], len(inside), axis=0)
        filled = [i for i, tokens in enumerate(inside) if tokens]
        if filled:
            mask = torch.zeros((len(filled), states.shape[0]), dtype=torch.bool)
            for row, i in enumerate(filled):
                mask[row, inside[i]] = True
            repeated = states.unsqueeze(0).expand(len(filled), -1, -1)
            rows[filled] = self._vectors(repeated, mask.to(self._device), span_modes(self._profile.pooling))
        return rows

    def _token_states(self, states: Tensor, inside: Sequence[Sequence[int]]) -> tuple[npt.NDArray[np.float16], ...]:
        half = states.to(torch.float16).cpu().numpy()
        return tuple(half[np.asarray(tokens, np.intp)] for tokens in inside)


def _chosen(setting: str | None, own: str) -> str:
    return own if setting is None else setting


def _parts_only(window: Window, inside: Sequence[list[int]]) -> list[list[int]]:
    """The tokens of the spans that are not the whole window."""
    whole = (0, len(window.text))
    return [tokens if span != whole else [] for span, tokens in zip(window.spans, inside, strict=True)]


def _load_transformer(directory: Path, dtype: torch.dtype) -> Any:
    transformers_logging.disable_progress_bar()  # type: ignore[no-untyped-call]
    try:
        model = AutoModel.from_pretrained(directory, dtype=dtype, trust_remote_code=False)
    except (OSError, ValueError, SafetensorError) as error:
        raise InvalidInput(f"no usable model in {directory}: {error}", {"setting": "embed.model"}) from error
    encoder = model.get_encoder() if getattr(model.config, "is_encoder_decoder", False) else model
    return encoder.eval()
