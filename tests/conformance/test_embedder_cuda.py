"""The model on a CUDA device: the same vectors as on the processor, in its own number type."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from engine.config import EmbedSettings
from engine.embed.transformer import TransformerEmbedder
from engine.errors import Unavailable
from engine.ports import Output

TEXTS = ["Caroline went to the park.", "", "word " * 500, "我喜欢爬山"]

needs_gpu = pytest.mark.skipif(not torch.cuda.is_available(), reason="skipped: no GPU")


@pytest.mark.gpu
@needs_gpu
@pytest.mark.parametrize(("dtype", "closeness"), [("float32", 0.9999), ("auto", 0.999)])
async def test_cuda_gives_the_vectors_of_the_processor(dtype: str, closeness: float) -> None:
    processor = TransformerEmbedder(EmbedSettings(device="cpu", dtype="float32"))
    cuda = TransformerEmbedder(EmbedSettings.model_validate({"device": "auto", "dtype": dtype}))
    try:
        assert (await cuda.info()).device == "cuda"
        outputs = frozenset({Output.POOLED, Output.TOKENS})
        spans = [[(0, len(text)), (0, min(8, len(text)))] for text in TEXTS]
        expected = await processor.encode(TEXTS, spans, outputs)
        found = await cuda.encode(TEXTS, spans, outputs)
        assert (expected.pooled * found.pooled).sum(axis=1).min() > closeness
        assert [len(states) for states in found.tokens] == [len(states) for states in expected.tokens]
        assert np.isfinite(found.pooled).all()
    finally:
        await processor.close()
        await cuda.close()


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a GPU")
def test_asking_for_cuda_where_there_is_none_says_what_to_do() -> None:
    with pytest.raises(Unavailable, match="REMORA_EMBED_DEVICE=auto"):
        TransformerEmbedder(EmbedSettings(device="cuda"))
